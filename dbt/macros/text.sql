{#- Source text without surrounding blanks, and nothing instead of empty. -#}
{% macro clean_text(column, length) -%}
    cast(nullif(trim({{ column }}), N'') as nvarchar({{ length }}))
{%- endmacro %}


{#- Text compared by code point. SQL Server's default collation ignores case, so 'bikes' and 'Bikes' would
    be one group and their order undefined; DuckDB always compares this way. -#}
{% macro binary_text(expression) -%}
    {{ return(adapter.dispatch('binary_text')(expression)) }}
{%- endmacro %}

{% macro default__binary_text(expression) -%}
    {{ expression }}
{%- endmacro %}

{% macro sqlserver__binary_text(expression) -%}
    {{ expression }} collate Latin1_General_100_BIN2
{%- endmacro %}
