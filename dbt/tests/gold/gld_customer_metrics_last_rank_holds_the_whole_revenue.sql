-- The cumulative share of the customer ranked last is everything.
select
    customer_id,
    revenue_rank,
    cumulative_revenue_share_pct
from {{ ref('gld_customer_metrics') }}
where
    revenue_rank = (select max(revenue_rank) from {{ ref('gld_customer_metrics') }})
    and cumulative_revenue_share_pct <> 100
