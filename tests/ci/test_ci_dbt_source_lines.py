"""From DuckDB's own complaints of compiled SQL to the line of the model."""

from __future__ import annotations

import duckdb
import pytest

from dataops_cli.ci.dbt_source_lines import source_line, without_number

SOURCE = """\
{{ config(materialized='table') }}

with as_of as (
    {{ as_of_date(ref('orders')) }}
),
{# many
   words #}
sums as (
    select
        a,
        {{ exact_sum('b') }} as b
    from {{ ref('orders') }} where name <> 'a long name that makes DuckDB cut the line' and a > 0
)
select a, b from sums
"""
COMPILED = """

with as_of as (
    
    (
        select max(day) as day
        from "memory"."main"."orders"
    )

),

sums as (
    select
        a,
        cast(sum(b) as decimal(38, 4)) as b
    from "memory"."main"."orders" where name <> 'a long name that makes DuckDB cut the line' and a > 0
)
select a, b from sums
"""  # noqa: W293 (as dbt compiles it)


@pytest.mark.parametrize(
    ("right", "wrong", "in_source"),
    [
        ("        a,", "        a b c,", "        a b c,"),
        ("select max(day)", "select max(day", "    {{ as_of_date(ref('orders')) }}"),  # in the macro
        ("cast(sum(b) as", "cost(sum(b) ass", "        {{ exact_sum('b') }} as b"),
        (" and a > 0", " adn a > 0", "    from {{ ref('orders') }} where name <> 'a long name that makes DuckDB cut the line' adn a > 0"),
        ("from sums", "fromm sums s t", "select a, b fromm sums s t"),
    ],
)  # fmt: skip
def test_the_line_that_duckdb_complains_of(right: str, wrong: str, in_source: str) -> None:
    source, compiled = SOURCE.replace(right, wrong), COMPILED.replace(right, wrong)
    with duckdb.connect() as connection:
        connection.execute("create table orders (a int, b int, day date, name varchar)")
        with pytest.raises(duckdb.Error) as raised:
            connection.execute(f"\n  create table made as (\n      {compiled}\n  );\n")
    found = source_line(str(raised.value), source, compiled)
    assert found is not None
    assert source.splitlines()[found - 1] == in_source


def test_what_quotes_no_line_of_it_has_none() -> None:
    assert source_line("Binder Error: something", SOURCE, COMPILED) is None
    assert source_line("x\n\nLINE 12: of another statement\n", SOURCE, COMPILED) is None


def test_a_number_of_no_file_is_not_shown() -> None:
    assert without_number("Parser Error: x\n\nLINE 12:   a fromm\n             ^") == (
        "Parser Error: x\n\nSQL:       a fromm\n             ^"
    )
