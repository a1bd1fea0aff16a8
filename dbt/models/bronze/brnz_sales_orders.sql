with order_lines as (

    select
        order_header.SalesOrderID as sales_order_id,
        order_line.SalesOrderDetailID as sales_order_detail_id,
        {{ clean_text('order_header.SalesOrderNumber', 25) }} as sales_order_number,
        {{ clean_text('order_header.PurchaseOrderNumber', 25) }} as purchase_order_number,
        cast(order_header.OrderDate as date) as order_date,
        cast(order_header.DueDate as date) as due_date,
        cast(order_header.ShipDate as date) as ship_date,
        cast(order_header.Status as int) as order_status,
        cast(order_header.OnlineOrderFlag as {{ dbt.type_boolean() }}) as is_online_order,
        order_header.CustomerID as customer_id,
        order_header.SalesPersonID as sales_person_id,
        order_header.TerritoryID as territory_id,
        order_line.ProductID as product_id,
        order_line.SpecialOfferID as special_offer_id,
        {{ clean_text('order_line.CarrierTrackingNumber', 25) }} as carrier_tracking_number,
        cast(order_line.OrderQty as int) as order_quantity,
        cast(order_line.UnitPrice as decimal(19, 4)) as unit_price,
        cast(order_line.UnitPriceDiscount as decimal(19, 4)) as unit_price_discount,
        -- Nine digits for the quantity: T-SQL keeps every decimal of the product only if it fits into 38.
        cast(
            cast(order_line.OrderQty as decimal(9, 0)) * cast(order_line.UnitPrice as decimal(19, 4))
            as decimal(29, 4)
        ) as gross_amount,
        cast(order_line.LineTotal as decimal(38, 6)) as line_total,
        cast(order_header.SubTotal as decimal(19, 4)) as order_subtotal,
        cast(order_header.TaxAmt as decimal(19, 4)) as order_tax_amount,
        cast(order_header.Freight as decimal(19, 4)) as order_freight_amount,
        cast(order_header.TotalDue as decimal(19, 4)) as order_total_due,
        cast({{ later_of('order_line.ModifiedDate', 'order_header.ModifiedDate') }} as datetime) as modified_at
    from {{ source('sales', 'SalesOrderHeader') }} as order_header
    inner join {{ source('sales', 'SalesOrderDetail') }} as order_line
        on order_header.SalesOrderID = order_line.SalesOrderID

)

select
    sales_order_id,
    sales_order_detail_id,
    sales_order_number,
    purchase_order_number,
    order_date,
    due_date,
    ship_date,
    order_status,
    is_online_order,
    customer_id,
    sales_person_id,
    territory_id,
    product_id,
    special_offer_id,
    carrier_tracking_number,
    order_quantity,
    unit_price,
    unit_price_discount,
    gross_amount,
    cast(
        cast(gross_amount as decimal(19, 4)) * cast(unit_price_discount as decimal(9, 4))
        as decimal(29, 8)
    ) as discount_amount,
    line_total,
    order_subtotal,
    order_tax_amount,
    order_freight_amount,
    order_total_due,
    modified_at
from order_lines
where
    order_date is not null
    and customer_id is not null
    and product_id is not null
    and order_quantity > 0
    and unit_price >= 0
