{{ config(indexes=key_index('product_id')) }}

with as_of as (

    {{ as_of_date(ref('brnz_sales_orders')) }}

),

product_sales as (

    select
        product_id,
        cast(count(distinct sales_order_id) as int) as total_orders,
        cast(count(distinct customer_id) as int) as total_customers,
        cast(sum(order_quantity) as int) as total_quantity_sold,
        {{ exact_sum('gross_amount', scale=4) }} as gross_revenue,
        {{ exact_sum('discount_amount', scale=8) }} as total_discount,
        {{ exact_sum('line_total') }} as total_revenue,
        {{ exact_sum('product_cost', scale=4) }} as total_cost,
        min(order_date) as first_sold_date,
        max(order_date) as last_sold_date
    from {{ ref('slvr_sales_orders') }}
    group by product_id

),

-- Only sold products are ranked: the others have no place in an order of revenue.
ranked_sales as (

    select
        products.product_id,
        product_sales.total_orders,
        product_sales.total_customers,
        product_sales.total_quantity_sold,
        product_sales.gross_revenue,
        product_sales.total_discount,
        product_sales.total_revenue,
        product_sales.total_cost,
        product_sales.first_sold_date,
        product_sales.last_sold_date,
        product_sales.total_revenue - product_sales.total_cost as gross_profit,
        cast(row_number() over (
            order by product_sales.total_revenue desc, products.product_id asc
        ) as int) as revenue_rank,
        ntile(4) over (
            order by product_sales.total_revenue desc, products.product_id asc
        ) as revenue_quartile
    from {{ ref('brnz_products') }} as products
    inner join product_sales
        on products.product_id = product_sales.product_id

)

select
    products.product_id,
    products.product_number,
    products.product_name,
    cast(coalesce(products.category_name, N'uncategorised') as nvarchar(50)) as category_name,
    cast(coalesce(products.subcategory_name, N'uncategorised') as nvarchar(50)) as subcategory_name,
    products.standard_cost,
    products.list_price,
    products.is_currently_sold,
    coalesce(sales.total_orders, 0) as total_orders,
    coalesce(sales.total_customers, 0) as total_customers,
    coalesce(sales.total_quantity_sold, 0) as total_quantity_sold,
    cast(coalesce(sales.gross_revenue, 0) as decimal(19, 4)) as gross_revenue,
    cast(coalesce(sales.total_discount, 0) as decimal(19, 4)) as total_discount,
    cast(coalesce(sales.total_revenue, 0) as decimal(19, 4)) as total_revenue,
    cast(coalesce(sales.total_cost, 0) as decimal(19, 4)) as total_cost,
    cast(coalesce(sales.gross_profit, 0) as decimal(19, 4)) as gross_profit,
    {{ percentage('sales.gross_profit', 'sales.total_revenue') }} as gross_margin_pct,
    {{ ratio('sales.total_revenue', 'sales.total_quantity_sold') }} as average_selling_price,
    sales.first_sold_date,
    sales.last_sold_date,
    {{ days_between('sales.last_sold_date', 'as_of.as_of_date') }} as days_since_last_sale,
    sales.revenue_rank,
    cast(
        case sales.revenue_quartile
            when 1 then N'top'
            when 2 then N'strong'
            when 3 then N'steady'
            when 4 then N'slow'
            else N'never_sold'
        end as nvarchar(10)
    ) as performance_tier
from {{ ref('brnz_products') }} as products
cross join as_of
left join ranked_sales as sales
    on products.product_id = sales.product_id
