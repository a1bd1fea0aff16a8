-- Lines of bronze that silver lost, and lines after as_of_date that it kept.
with as_of as (

    {{ as_of_date(ref('brnz_sales_orders')) }}

)

select
    bronze.sales_order_id,
    bronze.sales_order_detail_id,
    bronze.order_date,
    silver.sales_order_detail_id as line_in_silver
from {{ ref('brnz_sales_orders') }} as bronze
cross join as_of
left join {{ ref('slvr_sales_orders') }} as silver
    on bronze.sales_order_detail_id = silver.sales_order_detail_id
where
    (bronze.order_date <= as_of.as_of_date and silver.sales_order_detail_id is null)
    or (bronze.order_date > as_of.as_of_date and silver.sales_order_detail_id is not null)
