-- The cumulative share of the customer ranked last is everything.
with last_rank as (

    select max(revenue_rank) as revenue_rank
    from {{ ref('gld_customer_metrics') }}

)

select
    metrics.customer_id,
    metrics.revenue_rank,
    metrics.cumulative_revenue_share_pct
from {{ ref('gld_customer_metrics') }} as metrics
inner join last_rank
    on metrics.revenue_rank = last_rank.revenue_rank
where metrics.cumulative_revenue_share_pct <> 100
