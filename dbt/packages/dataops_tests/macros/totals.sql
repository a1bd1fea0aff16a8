{#- Tests of sums. Each returns one row with what was found and what was expected. -#}

{#- Two relations agree on a total. The amounts may be expressions. The tolerance is for each row of this
    relation, as each published amount is rounded: so it fits any number of rows. -#}
{% test same_total(model, amount, to, their_amount, tolerance=0, their_where='1 = 1') %}
with totals as (
    select
        (select count(*) from {{ model }}) as rows_here,
        (select coalesce(sum({{ amount }}), 0) from {{ model }}) as total_here,
        (select coalesce(sum({{ their_amount }}), 0) from {{ to }} where {{ their_where }}) as total_there
)

select
    total_here,
    total_there,
    total_here - total_there as difference
from totals
where abs(total_here - total_there) > {{ tolerance }} * rows_here
{% endtest %}


{#- A column adds up to a fixed total, in the whole or within each group, give or take the rounding of its
    rows. A group without any value passes. -#}
{% test adds_up_to(model, column_name, total, by=none, tolerance=0.0001) %}
select
    {% if by -%}
    {{ by }},
    {% endif -%}
    sum({{ column_name }}) as total_{{ column_name }}
from {{ model }}
{% if by -%}
group by {{ by }}
{% endif -%}
having abs(sum({{ column_name }}) - {{ total }}) > {{ tolerance }} * count({{ column_name }})
{% endtest %}


{#- A column agrees with the sum of the lines it stands for, row by row. The amounts may be expressions. -#}
{% test sum_of_lines(model, amount, to, their_amount, key, their_key=none, tolerance=0) %}
with lines_by_key as (
    select
        {{ their_key or key }} as line_key,
        sum({{ their_amount }}) as sum_of_lines
    from {{ to }}
    group by {{ their_key or key }}
)

select here.*, lines_by_key.sum_of_lines
from {{ model }} as here
left join lines_by_key
    on here.{{ key }} = lines_by_key.line_key
where abs({{ amount }} - coalesce(lines_by_key.sum_of_lines, 0)) > {{ tolerance }}
{% endtest %}
