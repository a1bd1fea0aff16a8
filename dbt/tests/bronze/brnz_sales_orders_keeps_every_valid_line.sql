-- Lines of the source that are valid and yet missing in bronze.
with expected as (

    {{ valid_order_lines() }}

)

select
    expected.sales_order_id,
    expected.sales_order_detail_id
from expected
left join {{ ref('brnz_sales_orders') }} as kept
    on expected.sales_order_detail_id = kept.sales_order_detail_id
where kept.sales_order_detail_id is null
