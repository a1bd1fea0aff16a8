{#- The order lines of the source that bronze has to keep, said once more and apart from
    the model, for the tests that compare the layers with the source. -#}
{% macro valid_order_lines() -%}
    select
        source_line.SalesOrderDetailID as sales_order_detail_id,
        source_order.SalesOrderID as sales_order_id,
        cast(source_order.OrderDate as date) as order_date,
        source_line.LineTotal as line_total
    from {{ source('sales', 'SalesOrderDetail') }} as source_line
    inner join {{ source('sales', 'SalesOrderHeader') }} as source_order
        on source_line.SalesOrderID = source_order.SalesOrderID
    where
        not (source_order.OrderDate is null or source_order.CustomerID is null or source_line.ProductID is null)
        and source_line.OrderQty >= 1
        and not source_line.UnitPrice < 0
{%- endmacro %}
