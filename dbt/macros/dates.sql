{#- The calendar quarter of a date, 1 to 4. -#}
{% macro quarter_of(date) -%}
    {{ return(adapter.dispatch('quarter_of')(date)) }}
{%- endmacro %}

{% macro default__quarter_of(date) -%}
    quarter({{ date }})
{%- endmacro %}

{% macro sqlserver__quarter_of(date) -%}
    datepart(quarter, {{ date }})
{%- endmacro %}


{#- Monday 1 to Sunday 7. Counted from a known Monday, since T-SQL's weekday depends on the session. -#}
{% macro iso_weekday(date) -%}
    {{ dbt.datediff("cast('1900-01-01' as date)", date, 'day') }} % 7 + 1
{%- endmacro %}


{#- Whole days from one date to a later one. -#}
{% macro days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, 'day') }} as int)
{%- endmacro %}


{#- A date moved by whole days, months or years. A day that the month does not have becomes its last one,
    so one year before 29 February is 28 February. -#}
{% macro date_moved(date, part, by) -%}
    cast({{ dbt.dateadd(part, by, date) }} as date)
{%- endmacro %}


{#- The later of two moments, or the one there is (SQL Server 2017 has no GREATEST). -#}
{% macro later_of(one, other) -%}
    case when {{ one }} >= {{ other }} or {{ other }} is null then {{ one }} else {{ other }} end
{%- endmacro %}
