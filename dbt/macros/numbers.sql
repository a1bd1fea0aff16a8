{#- A sum of money in 28 digits. Both engines widen a decimal sum to 38, where T-SQL has no digit left
    for further arithmetic and drops decimals instead. -#}
{% macro exact_sum(amount, scale=6) -%}
    cast(sum({{ amount }}) as decimal(28, {{ scale }}))
{%- endmacro %}


{#- Divides two exact decimals once, as floats, and rounds last: T-SQL's decimal division keeps six
    digits only. Nothing divided by nothing is unknown, not an error. -#}
{% macro ratio(numerator, denominator) -%}
    cast(
        round(
            cast({{ numerator }} as double precision)
            / nullif(cast({{ denominator }} as double precision), 0),
            4
        ) as decimal(19, 4)
    )
{%- endmacro %}


{#- A ratio in percent. The 100 is typed, so that T-SQL knows it needs three digits and not ten. -#}
{% macro percentage(part, whole) -%}
    {{ ratio('cast(100 as decimal(3, 0)) * (' ~ part ~ ')', whole) }}
{%- endmacro %}
