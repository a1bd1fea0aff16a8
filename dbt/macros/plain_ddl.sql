{#- In place of the adapter's own: the same in DDL that every T-SQL server has. -#}

{#- A view is dropped and created, not CREATE OR ALTER. Both happen in the transaction of the model. -#}
{% macro sqlserver__create_view_as(relation, sql) -%}
    {{ get_use_database_sql(relation.database) }}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    {%- set name = relation.include(database=False) %}
    EXEC('DROP VIEW IF EXISTS {{ escape_single_quotes(name) }};');
    EXEC('CREATE VIEW {{ escape_single_quotes(name) }} AS {{ escape_single_quotes(sql) }};')
{%- endmacro %}


{#- sp_rename is told the type of what it renames. -#}
{% macro sqlserver__rename_relation(from_relation, to_relation) -%}
    {%- call statement('rename_relation') -%}
        {{ get_use_database_sql(from_relation.database) }}
        EXEC sp_rename
            '{{ escape_single_quotes(from_relation.schema) }}.{{ escape_single_quotes(from_relation.identifier) }}',
            '{{ escape_single_quotes(to_relation.identifier) }}',
            'OBJECT'
    {%- endcall %}
{%- endmacro %}
