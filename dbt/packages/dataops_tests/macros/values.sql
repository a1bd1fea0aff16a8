{#- Tests of the values in one row. Each returns the offending rows as they are in the model, with all of
    its columns, so that whoever reads a failure sees the key and the value. Unknown values pass, unless
    the test says otherwise: that a value is present is not_null's business. -#}

{#- The rule holds in every row; a rule that is unknown for a row does not hold. -#}
{% test rule(model, holds) %}
select *
from {{ model }}
where case when {{ holds }} then 1 else 0 end = 0
{% endtest %}


{#- The value lies between two bounds, both allowed. -#}
{% test in_range(model, column_name, min_value, max_value) %}
select *
from {{ model }}
where {{ column_name }} < {{ min_value }} or {{ column_name }} > {{ max_value }}
{% endtest %}


{% test positive(model, column_name) %}
select *
from {{ model }}
where {{ column_name }} <= 0
{% endtest %}


{% test not_negative(model, column_name) %}
select *
from {{ model }}
where {{ column_name }} < 0
{% endtest %}


{#- The value is missing in exactly the rows that meet the condition. -#}
{% test missing_exactly_when(model, column_name, condition) %}
select *
from {{ model }}
where
    case when {{ column_name }} is null then 1 else 0 end
    <> case when {{ condition }} then 1 else 0 end
{% endtest %}


{#- Text has no blanks around it and is not empty. LIKE, as T-SQL's = ignores blanks at the end. -#}
{% test trimmed(model, column_name) %}
select *
from {{ model }}
where
    {{ column_name }} like N' %'
    or {{ column_name }} like N'% '
    or {{ column_name }} = N''
{% endtest %}


{#- Text follows a LIKE pattern. -#}
{% test like_pattern(model, column_name, pattern) %}
select *
from {{ model }}
where {{ column_name }} not like N'{{ pattern }}'
{% endtest %}
