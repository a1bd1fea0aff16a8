{#- A condition as a value: T-SQL has no boolean expressions outside a predicate. Unknown is false. -#}
{% macro flag(condition) -%}
    cast(case when {{ condition }} then 1 else 0 end as {{ dbt.type_boolean() }})
{%- endmacro %}
