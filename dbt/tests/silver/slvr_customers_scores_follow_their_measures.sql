-- Customers with orders whose score falls although they are at least as good as the one before them.
with ordered as (

    select
        customer_id,
        last_order_date,
        recency_score,
        lifetime_value,
        monetary_score,
        lag(recency_score) over (order by last_order_date asc, customer_id asc) as recency_score_before,
        lag(monetary_score) over (order by lifetime_value asc, monetary_score asc) as monetary_score_before
    from {{ ref('slvr_customers') }}
    where total_orders > 0

)

select
    customer_id,
    last_order_date,
    recency_score,
    recency_score_before,
    lifetime_value,
    monetary_score,
    monetary_score_before
from ordered
where
    recency_score < recency_score_before
    or monetary_score < monetary_score_before
