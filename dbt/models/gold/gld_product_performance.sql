{{ config(indexes=key_index('product_id')) }}

with as_of as (

    {{ as_of_date(ref('slvr_sales_orders')) }}

),

-- Two windows of 365 days, each without its first boundary and with its last.
periods as (

    select
        as_of_date,
        {{ date_moved('as_of_date', 'day', -365) }} as one_year_back,
        {{ date_moved('as_of_date', 'day', -730) }} as two_years_back
    from as_of

),

product_sales as (

    select
        orders.product_id,
        {{ exact_sum('orders.gross_amount', scale=4) }} as gross_revenue,
        {{ exact_sum('orders.discount_amount', scale=8) }} as total_discount,
        {{ exact_sum('orders.line_total') }} as revenue,
        {{ exact_sum("case
            when orders.order_date > periods.one_year_back and orders.order_date <= periods.as_of_date
                then orders.line_total
            else 0
        end") }} as revenue_last_12m,
        {{ exact_sum("case
            when orders.order_date > periods.two_years_back and orders.order_date <= periods.one_year_back
                then orders.line_total
            else 0
        end") }} as revenue_prior_12m
    from {{ ref('slvr_sales_orders') }} as orders
    cross join periods
    group by orders.product_id

),

ranked_sales as (

    select
        products.product_id,
        product_sales.gross_revenue,
        product_sales.total_discount,
        product_sales.revenue,
        product_sales.revenue_last_12m,
        product_sales.revenue_prior_12m,
        row_number() over (
            partition by {{ binary_text('products.category_name') }}
            order by product_sales.revenue desc, products.product_id asc
        ) as revenue_rank_in_category,
        cast(sum(product_sales.revenue) over (
            order by product_sales.revenue desc, products.product_id asc rows unbounded preceding
        ) as decimal(28, 6)) as running_revenue,
        cast(sum(product_sales.revenue) over () as decimal(28, 6)) as whole_revenue,
        sum(product_sales.revenue) over (
            partition by {{ binary_text('products.category_name') }}
        ) as category_revenue
    from {{ ref('slvr_products') }} as products
    inner join product_sales
        on products.product_id = product_sales.product_id

)

select
    products.product_id,
    products.product_number,
    products.product_name,
    products.category_name,
    products.subcategory_name,
    products.is_currently_sold,
    products.standard_cost,
    products.list_price,
    products.total_orders,
    products.total_customers,
    products.total_quantity_sold,
    products.total_revenue,
    products.total_discount,
    products.total_cost,
    products.gross_profit,
    products.gross_margin_pct,
    products.average_selling_price,
    {{ percentage('sales.total_discount', 'sales.gross_revenue') }} as discount_pct,
    products.performance_tier,
    products.revenue_rank,
    cast(sales.revenue_rank_in_category as int) as revenue_rank_in_category,
    {{ percentage('sales.revenue', 'sales.whole_revenue') }} as revenue_share_pct,
    {{ percentage('sales.revenue', 'sales.category_revenue') }} as category_revenue_share_pct,
    -- Compared as decimals: a share rounded first could fall on the wrong side of the line.
    cast(
        case
            when sales.product_id is null then N'none'
            when 100 * sales.running_revenue <= 80 * sales.whole_revenue then N'a'
            when 100 * sales.running_revenue <= 95 * sales.whole_revenue then N'b'
            else N'c'
        end as nvarchar(5)
    ) as abc_class,
    cast(coalesce(sales.revenue_last_12m, 0) as decimal(19, 4)) as revenue_last_12m,
    cast(coalesce(sales.revenue_prior_12m, 0) as decimal(19, 4)) as revenue_prior_12m,
    {{
        percentage('sales.revenue_last_12m - sales.revenue_prior_12m', 'sales.revenue_prior_12m')
    }} as revenue_growth_pct,
    products.days_since_last_sale
from {{ ref('slvr_products') }} as products
left join ranked_sales as sales
    on products.product_id = sales.product_id
