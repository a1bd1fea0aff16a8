-- The whole way in one step: the revenue of each day against the lines of the source, which were read by
-- nothing in between.
with as_of as (

    {{ as_of_date(ref('slvr_sales_orders')) }}

),

source_lines as (

    {{ valid_order_lines() }}

),

source_days as (

    select
        source_lines.order_date,
        count(distinct source_lines.sales_order_id) as source_orders,
        sum(source_lines.line_total) as source_revenue
    from source_lines
    inner join as_of
        on source_lines.order_date <= as_of.as_of_date
    group by source_lines.order_date

)

select
    source_days.order_date,
    source_days.source_orders,
    source_days.source_revenue,
    summary.total_orders,
    summary.net_revenue
from source_days
left join {{ ref('gld_sales_summary') }} as summary
    on source_days.order_date = summary.order_date
where
    summary.order_date is null
    or summary.total_orders <> source_days.source_orders
    or abs(summary.net_revenue - source_days.source_revenue) > 0.0001
