{{ config(indexes=key_index('customer_id')) }}

with customer_sales as (

    select
        customer_id,
        {{ exact_sum('line_total') }} as revenue,
        {{ exact_sum('discount_amount', scale=8) }} as total_discount,
        {{ exact_sum('product_cost', scale=4) }} as total_cost,
        cast(count(distinct product_id) as int) as distinct_products,
        cast(count(distinct case when sales_channel = N'online' then sales_order_id end) as int) as online_orders,
        cast(count(distinct case when sales_channel = N'reseller' then sales_order_id end) as int) as reseller_orders
    from {{ ref('slvr_sales_orders') }}
    group by customer_id

),

category_sales as (

    select
        customer_id,
        {{ binary_text('category_name') }} as category_name,
        sum(line_total) as revenue
    from {{ ref('slvr_sales_orders') }}
    group by
        customer_id,
        {{ binary_text('category_name') }}

),

categories_by_preference as (

    select
        customer_id,
        category_name,
        row_number() over (
            partition by customer_id
            order by revenue desc, category_name asc
        ) as preference
    from category_sales

),

ranked_buyers as (

    select
        customers.customer_id,
        customer_sales.revenue,
        customer_sales.total_discount,
        customer_sales.revenue - customer_sales.total_cost as gross_profit,
        customer_sales.distinct_products,
        customer_sales.online_orders,
        customer_sales.reseller_orders,
        row_number() over (
            order by customer_sales.revenue desc, customers.customer_id asc
        ) as revenue_rank,
        cast(sum(customer_sales.revenue) over (
            order by customer_sales.revenue desc, customers.customer_id asc rows unbounded preceding
        ) as decimal(28, 6)) as running_revenue,
        sum(customer_sales.revenue) over () as whole_revenue
    from {{ ref('slvr_customers') }} as customers
    inner join customer_sales
        on customers.customer_id = customer_sales.customer_id

)

select
    customers.customer_id,
    customers.full_name,
    customers.customer_type,
    customers.territory_id,
    customers.rfm_score,
    customers.rfm_segment,
    customers.value_tier,
    customers.first_order_date,
    customers.last_order_date,
    customers.days_since_last_order,
    customers.total_orders,
    customers.total_quantity,
    customers.lifetime_value,
    customers.average_order_value,
    cast(coalesce(buyers.total_discount, 0) as decimal(19, 4)) as total_discount,
    cast(coalesce(buyers.gross_profit, 0) as decimal(19, 4)) as gross_profit,
    coalesce(buyers.distinct_products, 0) as distinct_products,
    coalesce(buyers.online_orders, 0) as online_orders,
    coalesce(buyers.reseller_orders, 0) as reseller_orders,
    cast(favourite.category_name as nvarchar(50)) as favourite_category,
    cast(
        case
            when customers.days_since_last_order is null then N'prospect'
            when customers.days_since_last_order <= 90 then N'active'
            when customers.days_since_last_order <= 180 then N'cooling'
            when customers.days_since_last_order <= 365 then N'at_risk'
            else N'churned'
        end as nvarchar(10)
    ) as churn_risk,
    cast(buyers.revenue_rank as int) as revenue_rank,
    {{ percentage('buyers.revenue', 'buyers.whole_revenue') }} as revenue_share_pct,
    {{ percentage('buyers.running_revenue', 'buyers.whole_revenue') }} as cumulative_revenue_share_pct
from {{ ref('slvr_customers') }} as customers
left join ranked_buyers as buyers
    on customers.customer_id = buyers.customer_id
left join categories_by_preference as favourite
    on
        customers.customer_id = favourite.customer_id
        and favourite.preference = 1
