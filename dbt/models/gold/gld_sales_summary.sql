{{ config(indexes=key_index('order_date')) }}

with first_orders as (

    select
        customer_id,
        min(order_date) as first_order_date
    from {{ ref('slvr_sales_orders') }}
    group by customer_id

),

new_customers_by_day as (

    select
        first_order_date as order_date,
        cast(count(*) as int) as new_customers
    from first_orders
    group by first_order_date

),

daily_sales as (

    select
        order_date,
        order_year,
        order_quarter,
        order_month,
        cast(count(distinct sales_order_id) as int) as total_orders,
        cast(count(distinct customer_id) as int) as total_customers,
        cast(count(*) as int) as total_line_items,
        cast(sum(order_quantity) as int) as total_quantity,
        {{ exact_sum('gross_amount', scale=4) }} as gross_revenue,
        {{ exact_sum('discount_amount', scale=8) }} as total_discount,
        {{ exact_sum('line_total') }} as net_revenue,
        {{ exact_sum('product_cost', scale=4) }} as total_cost,
        cast(count(distinct case when sales_channel = N'online' then sales_order_id end) as int) as online_orders,
        cast(count(distinct case when sales_channel = N'reseller' then sales_order_id end) as int) as reseller_orders,
        {{ exact_sum("case when sales_channel = N'online' then line_total else 0 end") }} as online_revenue,
        {{ exact_sum("case when sales_channel = N'reseller' then line_total else 0 end") }} as reseller_revenue
    from {{ ref('slvr_sales_orders') }}
    group by
        order_date,
        order_year,
        order_quarter,
        order_month

),

running_sales as (

    select
        order_date,
        cast(sum(net_revenue) over (
            order by order_date rows between 6 preceding and current row
        ) as decimal(28, 6)) as revenue_7d,
        count(*) over (
            order by order_date rows between 6 preceding and current row
        ) as days_7d,
        sum(net_revenue) over (
            partition by order_year, order_month order by order_date rows unbounded preceding
        ) as revenue_mtd,
        sum(net_revenue) over (
            partition by order_year order by order_date rows unbounded preceding
        ) as revenue_ytd,
        sum(total_orders) over (
            partition by order_year order by order_date rows unbounded preceding
        ) as orders_ytd
    from daily_sales

)

select
    daily.order_date,
    daily.order_year,
    daily.order_quarter,
    daily.order_month,
    daily.total_orders,
    daily.total_customers,
    daily.total_line_items,
    daily.total_quantity,
    cast(daily.gross_revenue as decimal(19, 4)) as gross_revenue,
    cast(daily.total_discount as decimal(19, 4)) as total_discount,
    cast(daily.net_revenue as decimal(19, 4)) as net_revenue,
    cast(daily.total_cost as decimal(19, 4)) as total_cost,
    cast(daily.net_revenue - daily.total_cost as decimal(19, 4)) as gross_profit,
    {{ percentage('daily.net_revenue - daily.total_cost', 'daily.net_revenue') }} as gross_margin_pct,
    {{ ratio('daily.net_revenue', 'daily.total_orders') }} as average_order_value,
    daily.online_orders,
    daily.reseller_orders,
    cast(daily.online_revenue as decimal(19, 4)) as online_revenue,
    cast(daily.reseller_revenue as decimal(19, 4)) as reseller_revenue,
    {{ percentage('daily.online_revenue', 'daily.net_revenue') }} as online_revenue_pct,
    coalesce(newcomers.new_customers, 0) as new_customers,
    {{ ratio('running.revenue_7d', 'running.days_7d') }} as revenue_7d_avg,
    cast(running.revenue_mtd as decimal(19, 4)) as revenue_mtd,
    cast(running.revenue_ytd as decimal(19, 4)) as revenue_ytd,
    cast(running.orders_ytd as int) as orders_ytd,
    cast(year_before.net_revenue as decimal(19, 4)) as revenue_prior_year
from daily_sales as daily
inner join running_sales as running
    on daily.order_date = running.order_date
left join new_customers_by_day as newcomers
    on daily.order_date = newcomers.order_date
left join daily_sales as year_before
    on {{ date_moved('daily.order_date', 'year', -1) }} = year_before.order_date
