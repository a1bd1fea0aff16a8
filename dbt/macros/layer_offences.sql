{#- The models that read what their layer must not, as [{model, reads}]. -#}
{% macro layer_offences() -%}
    {%- set may_read = {'bronze': ['source'], 'silver': ['bronze', 'silver'], 'gold': ['silver']} -%}
    {%- set offences = [] -%}
    {%- if execute -%}
        {%- for model in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
            {%- for parent in model.depends_on.nodes -%}
                {%- set layer_read = 'source' if parent in graph.sources else graph.nodes[parent].schema -%}
                {%- if layer_read not in may_read.get(model.schema, []) -%}
                    {%- do offences.append({'model': model.name, 'reads': parent}) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(offences) }}
{%- endmacro %}
