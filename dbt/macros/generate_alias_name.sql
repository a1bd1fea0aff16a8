{#- The relation of a model has its name or alias and, on SQL Server, the suffix that the run gives: there what is
    being built stands in the same schema as what is published, which has the name itself. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {{ return(adapter.dispatch('suffixed_name')(dbt.default__generate_alias_name(custom_alias_name, node) | trim)) }}
{%- endmacro %}

{% macro default__suffixed_name(name) -%}
    {{ return(name) }}
{%- endmacro %}

{% macro sqlserver__suffixed_name(name) -%}
    {{ return(name ~ env_var('DATAOPS_DBT_RELATION_SUFFIX', '')) }}
{%- endmacro %}
