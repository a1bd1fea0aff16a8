-- Lines in bronze that the source does not have, or not as a valid line.
with expected as (

    {{ valid_order_lines() }}

)

select
    kept.sales_order_id,
    kept.sales_order_detail_id,
    kept.order_date,
    kept.customer_id,
    kept.product_id,
    kept.order_quantity,
    kept.unit_price
from {{ ref('brnz_sales_orders') }} as kept
left join expected
    on kept.sales_order_detail_id = expected.sales_order_detail_id
where expected.sales_order_detail_id is null
