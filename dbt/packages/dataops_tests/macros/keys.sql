{#- Tests of which rows there are. -#}

{#- No two rows share the values of these columns. -#}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}


{#- The same columns always come with the same value: each order has one date, one customer, and so on. -#}
{% test one_value_per(model, column_name, columns) %}
select
    {{ columns | join(', ') }},
    min({{ column_name }}) as lowest_{{ column_name }},
    max({{ column_name }}) as highest_{{ column_name }}
from {{ model }}
group by {{ columns | join(', ') }}
having min({{ column_name }}) <> max({{ column_name }})
{% endtest %}


{#- Every row of the other relation is represented here: nothing got lost on the way. Returns the rows
    that are missing. -#}
{% test covers(model, column_name, to, field, their_where='1 = 1') %}
with expected as (
    select *
    from {{ to }}
    where {{ field }} is not null and ({{ their_where }})
)

select *
from expected
where not exists (
    select 1
    from {{ model }}
    where {{ column_name }} = expected.{{ field }}
)
{% endtest %}


{#- As many rows as the other relation has. -#}
{% test same_row_count(model, to) %}
with counts as (
    select
        (select count(*) from {{ model }}) as rows_here,
        (select count(*) from {{ to }}) as rows_there
)

select rows_here, rows_there
from counts
where rows_here <> rows_there
{% endtest %}


{#- The value is the one the other relation has in the row with the same key. -#}
{% test same_as(model, column_name, to, field, key, their_key=none) %}
select here.*, there.{{ field }} as expected_{{ column_name }}
from {{ model }} as here
inner join {{ to }} as there
    on here.{{ key }} = there.{{ their_key or key }}
where
    here.{{ column_name }} <> there.{{ field }}
    or (here.{{ column_name }} is null and there.{{ field }} is not null)
    or (here.{{ column_name }} is not null and there.{{ field }} is null)
{% endtest %}
