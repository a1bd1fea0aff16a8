{#- In place of the adapter's own: the same in DDL that every T-SQL server has. -#}

{#- A view is dropped and created, not CREATE OR ALTER. Both happen in the transaction of the model. -#}
{% macro sqlserver__create_view_as(relation, sql) -%}
    {{ get_use_database_sql(relation.database) }}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    {{ refuse_without_lease() }}
    {%- set name = relation.include(database=False) %}
    EXEC('DROP VIEW IF EXISTS {{ escape_single_quotes(name) }};');
    EXEC('CREATE VIEW {{ escape_single_quotes(name) }} AS {{ escape_single_quotes(sql) }};')
{%- endmacro %}


{#- sp_rename is told the type of what it renames. -#}
{% macro sqlserver__rename_relation(from_relation, to_relation) -%}
    {%- call statement('rename_relation') -%}
        {{ get_use_database_sql(from_relation.database) }}
        {{ refuse_without_lease() }}
        EXEC sp_rename
            '{{ escape_single_quotes(from_relation.schema) }}.{{ escape_single_quotes(from_relation.identifier) }}',
            '{{ escape_single_quotes(to_relation.identifier) }}',
            'OBJECT'
    {%- endcall %}
{%- endmacro %}


{#- The adapter would first drop every view that reads the relation, which nobody asked for, and looks for them
    where only the database's owner may look. -#}
{% macro sqlserver__get_drop_sql(relation) -%}
    {{ get_use_database_sql(relation.database) }}
    EXEC('DROP {{ relation.type }} IF EXISTS {{ escape_single_quotes(relation.include(database=False)) }};');
{%- endmacro %}


{#- In the transaction that puts a relation in its place: a run whose lock has passed to another one must not touch
    what that one builds. HOLDLOCK keeps the number as it is until the transaction ends. -#}
{% macro refuse_without_lease() -%}
    {%- if env_var('DATAOPS_DBT_LEASE', '') %}
        IF NOT EXISTS (SELECT 1 FROM [dataops].[lease] WITH (HOLDLOCK) WHERE number = {{ env_var('DATAOPS_DBT_LEASE') | int }})
            THROW 50000, 'Another run holds the lock of the warehouse now', 1;
    {%- endif %}
{%- endmacro %}
