-- Gold reads silver, silver reads bronze and silver, bronze reads sources: taken from dbt's own graph, so
-- that a model that reaches past its layer fails the build.
{% for offence in layer_offences() -%}
select
    N'{{ offence.model }}' as model_name,
    N'{{ offence.reads }}' as reads
union all
{% endfor -%}
select
    N'' as model_name,
    N'' as reads
where 1 = 0
