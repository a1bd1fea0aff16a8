{#- The indexes of a published table on SQL Server: one unique clustered index on the key, which the tests,
    the joins and every lookup of a single row use, and which refuses a duplicate already at build time; and
    one nonclustered index for each further way the table is read. DuckDB's zone maps make both needless,
    and its indexes would only slow the build. -#}
{% macro key_index(key, lookups=[]) -%}
    {{ return(adapter.dispatch('key_index')(key, lookups)) }}
{%- endmacro %}

{% macro default__key_index(key, lookups) -%}
    {{ return([]) }}
{%- endmacro %}

{% macro sqlserver__key_index(key, lookups) -%}
    {%- set indexes = [{'columns': [key], 'type': 'clustered', 'unique': true}] -%}
    {%- for column in lookups -%}
        {%- do indexes.append({'columns': [column], 'type': 'nonclustered'}) -%}
    {%- endfor -%}
    {{ return(indexes) }}
{%- endmacro %}
