{#- Tests of ranks and running values. -#}

{#- The ranks are 1, 2, 3 and so on, without gap or double, in the whole or within each group. -#}
{% test dense_ranks(model, column_name, by=none) %}
with ranked as (
    select
        *,
        row_number() over (
            {% if by %}partition by {{ by }} {% endif %}order by {{ column_name }} asc
        ) as expected_rank
    from {{ model }}
    where {{ column_name }} is not null
)

select *
from ranked
where {{ column_name }} <> expected_rank
{% endtest %}


{#- The value never moves the wrong way from one row to the next. -#}
{% test monotonic(model, column_name, along, direction='up', by=none) %}
with neighbours as (
    select
        *,
        lag({{ column_name }}) over (
            {% if by %}partition by {{ by }} {% endif %}order by {{ along }} asc
        ) as value_before
    from {{ model }}
    where {{ column_name }} is not null
)

select *
from neighbours
where {{ column_name }} {{ '<' if direction == 'up' else '>' }} value_before
{% endtest %}


{#- The groups of an NTILE are of equal size, give or take one. -#}
{% test even_groups(model, column_name, among='1 = 1') %}
with group_sizes as (
    select
        {{ column_name }},
        count(*) as group_size
    from {{ model }}
    where {{ column_name }} is not null and ({{ among }})
    group by {{ column_name }}
)

select {{ column_name }}, group_size
from group_sizes
where group_size > (select min(group_size) + 1 from group_sizes)
{% endtest %}
