{{ config(indexes=key_index('customer_id')) }}

with as_of as (

    {{ as_of_date(ref('brnz_sales_orders')) }}

),

customer_sales as (

    select
        customer_id,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        cast(count(distinct sales_order_id) as int) as total_orders,
        cast(sum(order_quantity) as int) as total_quantity,
        {{ exact_sum('line_total') }} as lifetime_value
    from {{ ref('slvr_sales_orders') }}
    group by customer_id

),

-- Only customers with orders are scored: those without would fill the lowest fifths.
scored_buyers as (

    select
        customers.customer_id,
        customer_sales.first_order_date,
        customer_sales.last_order_date,
        customer_sales.total_orders,
        customer_sales.total_quantity,
        customer_sales.lifetime_value,
        cast(ntile(5) over (
            order by customer_sales.last_order_date asc, customers.customer_id asc
        ) as int) as recency_score,
        cast(ntile(5) over (
            order by customer_sales.total_orders asc, customers.customer_id asc
        ) as int) as frequency_score,
        cast(ntile(5) over (
            order by customer_sales.lifetime_value asc, customers.customer_id asc
        ) as int) as monetary_score
    from {{ ref('brnz_customers') }} as customers
    inner join customer_sales
        on customers.customer_id = customer_sales.customer_id

)

select
    customers.customer_id,
    customers.account_number,
    customers.full_name,
    customers.customer_type,
    customers.territory_id,
    customers.email_promotion,
    buyers.first_order_date,
    buyers.last_order_date,
    coalesce(buyers.total_orders, 0) as total_orders,
    coalesce(buyers.total_quantity, 0) as total_quantity,
    cast(coalesce(buyers.lifetime_value, 0) as decimal(19, 4)) as lifetime_value,
    {{ ratio('buyers.lifetime_value', 'buyers.total_orders') }} as average_order_value,
    {{ days_between('buyers.last_order_date', 'as_of.as_of_date') }} as days_since_last_order,
    {{ days_between('buyers.first_order_date', 'buyers.last_order_date') }} as customer_tenure_days,
    buyers.recency_score,
    buyers.frequency_score,
    buyers.monetary_score,
    100 * buyers.recency_score + 10 * buyers.frequency_score + buyers.monetary_score as rfm_score,
    -- The first rule that holds decides, so their order is part of the definition.
    cast(
        case
            when buyers.customer_id is null then N'no_orders'
            when
                buyers.recency_score >= 4 and buyers.frequency_score >= 4 and buyers.monetary_score >= 4
                then N'champions'
            when buyers.recency_score >= 3 and buyers.frequency_score >= 4 then N'loyal'
            when buyers.recency_score >= 4 and buyers.frequency_score <= 2 then N'new'
            when buyers.recency_score >= 3 then N'potential'
            when buyers.frequency_score >= 3 then N'at_risk'
            else N'hibernating'
        end as nvarchar(15)
    ) as rfm_segment,
    cast(
        case
            when buyers.lifetime_value >= 10000 then N'high'
            when buyers.lifetime_value >= 1000 then N'medium'
            when buyers.lifetime_value > 0 then N'low'
            else N'none'
        end as nvarchar(10)
    ) as value_tier
from {{ ref('brnz_customers') }} as customers
cross join as_of
left join scored_buyers as buyers
    on customers.customer_id = buyers.customer_id
