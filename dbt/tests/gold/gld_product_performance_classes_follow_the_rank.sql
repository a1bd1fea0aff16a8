-- Products in a better class than a product that is ranked before them.
with ranked as (

    select
        product_id,
        revenue_rank,
        abc_class,
        lag(abc_class) over (order by revenue_rank asc) as abc_class_before
    from {{ ref('gld_product_performance') }}
    where revenue_rank is not null

)

select
    product_id,
    revenue_rank,
    abc_class,
    abc_class_before
from ranked
where abc_class < abc_class_before
