-- Gold reads silver, silver reads bronze and silver, bronze reads sources: taken from dbt's own graph, so
-- that a model that reaches past its layer fails the build.
{%- set may_read = {'bronze': ['source'], 'silver': ['bronze', 'silver'], 'gold': ['silver']} -%}
{%- set offences = [] -%}
{%- if execute -%}
    {%- for model in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
        {%- for parent_id in model.depends_on.nodes -%}
            {%- set layer_read = 'source' if parent_id in graph.sources else graph.nodes[parent_id].schema -%}
            {%- if layer_read not in may_read.get(model.schema, []) -%}
                {%- do offences.append((model.name, parent_id)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}

{% for model_name, parent_id in offences -%}
select
    N'{{ model_name }}' as model_name,
    N'{{ parent_id }}' as reads
union all
{% endfor -%}
select
    N'' as model_name,
    N'' as reads
where 1 = 0
