{{ config(indexes=key_index('sales_order_detail_id', lookups=['order_date', 'customer_id', 'product_id'])) }}

with as_of as (

    {{ as_of_date(ref('brnz_sales_orders')) }}

),

order_lines as (

    select
        orders.sales_order_id,
        orders.sales_order_detail_id,
        orders.sales_order_number,
        orders.order_date,
        orders.due_date,
        orders.ship_date,
        orders.customer_id,
        orders.product_id,
        orders.territory_id,
        orders.sales_person_id,
        orders.order_status,
        orders.is_online_order,
        orders.order_quantity,
        orders.unit_price,
        orders.unit_price_discount,
        orders.gross_amount,
        orders.discount_amount,
        orders.line_total,
        orders.order_total_due,
        products.category_name,
        cast({{ iso_weekday('orders.order_date') }} as int) as order_day_of_week,
        cast(orders.line_total as decimal(19, 4)) as net_amount,
        cast(
            cast(orders.order_quantity as decimal(9, 0)) * products.standard_cost as decimal(19, 4)
        ) as product_cost
    from {{ ref('brnz_sales_orders') }} as orders
    inner join as_of
        on orders.order_date <= as_of.as_of_date
    left join {{ ref('brnz_products') }} as products
        on orders.product_id = products.product_id

)

select
    sales_order_id,
    sales_order_detail_id,
    sales_order_number,
    order_date,
    due_date,
    ship_date,
    customer_id,
    product_id,
    territory_id,
    sales_person_id,
    cast(year(order_date) as int) as order_year,
    cast({{ quarter_of('order_date') }} as int) as order_quarter,
    cast(month(order_date) as int) as order_month,
    -- A date is written as YYYY-MM-DD by both engines, whatever the session says.
    cast(left(cast(order_date as nvarchar(10)), 7) as nvarchar(7)) as order_year_month,
    order_day_of_week,
    {{ flag('order_day_of_week >= 6') }} as is_weekend,
    {{ days_between('order_date', 'ship_date') }} as days_to_ship,
    {{ flag('ship_date > due_date') }} as is_shipped_late,
    cast(case when is_online_order = 1 then N'online' else N'reseller' end as nvarchar(10)) as sales_channel,
    cast(
        case order_status
            when 1 then N'in_process'
            when 2 then N'approved'
            when 3 then N'backordered'
            when 4 then N'rejected'
            when 5 then N'shipped'
            when 6 then N'cancelled'
            else N'unknown'
        end as nvarchar(15)
    ) as order_status_name,
    order_quantity,
    unit_price,
    unit_price_discount,
    {{ flag('unit_price_discount > 0') }} as has_discount,
    gross_amount,
    discount_amount,
    line_total,
    net_amount,
    product_cost,
    cast(net_amount - product_cost as decimal(19, 4)) as gross_profit,
    {{ percentage('net_amount - product_cost', 'net_amount') }} as gross_margin_pct,
    order_total_due,
    cast(
        case
            when order_total_due < 1000 then N'small'
            when order_total_due < 10000 then N'medium'
            when order_total_due >= 10000 then N'large'
        end as nvarchar(10)
    ) as order_size_tier,
    cast(coalesce(category_name, N'uncategorised') as nvarchar(50)) as category_name
from order_lines
