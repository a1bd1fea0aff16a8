{#- dbt's own four tests, asked through the dispatch that dbt offers for it. dbt's versions return the tested
    value only, under names of their own; these return what is needed to find the row: all columns of the
    offending rows, or, for a value that is not unique, the value under its own name. -#}

{% macro default__test_not_null(model, column_name) -%}
select *
from {{ model }}
where {{ column_name }} is null
{%- endmacro %}


{% macro default__test_unique(model, column_name) -%}
select
    {{ column_name }},
    count(*) as row_count
from {{ model }}
where {{ column_name }} is not null
group by {{ column_name }}
having count(*) > 1
{%- endmacro %}


{#- Text is compared binary, or SQL Server would accept any case. -#}
{% macro default__test_accepted_values(model, column_name, values, quote=True) -%}
select *
from {{ model }}
where {{ binary_text(column_name) if quote else column_name }} not in (
    {%- for value in values %}
    {{ "N'" ~ value ~ "'" if quote else value }}{{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}


{% macro default__test_relationships(model, column_name, to, field) -%}
with child as (
    select *
    from {{ model }}
    where {{ column_name }} is not null
)

select *
from child
where not exists (
    select 1
    from {{ to }} as parent
    where parent.{{ field }} = child.{{ column_name }}
)
{%- endmacro %}
