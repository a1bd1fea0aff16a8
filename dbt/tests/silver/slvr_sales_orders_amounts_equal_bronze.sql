-- Quantities and money of silver against bronze, line by line and unrounded.
select
    silver.sales_order_detail_id,
    silver.order_quantity,
    bronze.order_quantity as bronze_order_quantity,
    silver.gross_amount,
    bronze.gross_amount as bronze_gross_amount,
    silver.discount_amount,
    bronze.discount_amount as bronze_discount_amount,
    silver.line_total,
    bronze.line_total as bronze_line_total
from {{ ref('slvr_sales_orders') }} as silver
inner join {{ ref('brnz_sales_orders') }} as bronze
    on silver.sales_order_detail_id = bronze.sales_order_detail_id
where
    silver.order_quantity <> bronze.order_quantity
    or silver.gross_amount <> bronze.gross_amount
    or silver.discount_amount <> bronze.discount_amount
    or silver.line_total <> bronze.line_total
