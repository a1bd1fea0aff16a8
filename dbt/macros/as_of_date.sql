{#- One row, one column: the day the warehouse is built for. It is the variable of that name or, without
    it, the latest order date in the given relation; never the clock, so that a rebuild gives the same rows. -#}
{% macro as_of_date(orders) -%}
    {%- set given = var('as_of_date', none) -%}
    {%- if given -%}
        select cast('{{ iso_date(given) }}' as date) as as_of_date
    {%- else -%}
        select max(order_date) as as_of_date from {{ orders }}
    {%- endif -%}
{%- endmacro %}


{#- Refuses everything that is not a date, as the value goes into the SQL as it is. -#}
{% macro iso_date(value) -%}
    {%- set written = value | string | trim -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', written) -%}
        {{ exceptions.raise_compiler_error("as_of_date must be a date as YYYY-MM-DD, not '" ~ written ~ "'") }}
    {%- endif -%}
    {{ return(written) }}
{%- endmacro %}
