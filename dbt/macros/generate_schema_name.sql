{#- The layers are called bronze, silver and gold in every environment: dbt's own rule would prefix
    them with the schema of the profile. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
