"""How a text of T-SQL is divided, and what is told of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.errors import UsageError
from dataops_cli.warehouse.sqlserver.batches import batches, is_complete, is_one_query, sure_results


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", ["select 1"]),
        ("select 1\nGO\nselect 2\n", ["select 1\n", "\nselect 2\n"]),
        ("select 1\r\n  go  \r\nselect 2", ["select 1\r\n", "\nselect 2"]),
        ("select 1\nGO -- and on\nselect 2\nGO", ["select 1\n", "\nselect 2\n"]),
        ("GO\nGO\nselect 1", ["\nselect 1"]),
        ("select 1 as go", ["select 1 as go"]),
        ("select 1\nGOLD", ["select 1\nGOLD"]),
        ("select 'a\nGO\nb'", ["select 'a\nGO\nb'"]),
        ("select 1 /* /* \nGO\n */ \nGO\n*/ as a", ["select 1 /* /* \nGO\n */ \nGO\n*/ as a"]),
        ("select [\nGO\n]", ["select [\nGO\n]"]),
        ('select "\nGO\n"', ['select "\nGO\n"']),
        ("select 1 -- it's\nGO\nselect 2", ["select 1 -- it's\n", "\nselect 2"]),
        ("select '/*' \nGO\nselect '*/'", ["select '/*' \n", "\nselect '*/'"]),
        ("-- nothing\n/* at all */ ; \n", []),
        ("", []),
        ("/* open\nGO", ["/* open\nGO"]),
    ],
)
def test_batches(text: str, expected: list[str]) -> None:
    assert batches(text) == expected


@pytest.mark.parametrize("line", ["GO 5", "go 5", "GO;", "GO select 1"])
def test_go_stands_alone(line: str) -> None:
    with pytest.raises(UsageError, match="GO stands alone on its line") as raised:
        batches(f"select 1\n{line}\n")
    assert "WHILE" in raised.value.hint


PIECES = st.lists(
    st.sampled_from(
        ["select 1", "'it''s'", "[a]]b]", "/* /* c */ */", "--x\n", "\n", " ", ";", "(", ")", '"q"']
    )
)


@given(st.lists(PIECES.map("".join), min_size=1))
def test_nothing_is_lost(parts: list[str]) -> None:
    found = batches("\nGO\n".join(parts))
    # What is left out has nothing but comments, blanks and semicolons.
    assert [text.strip() for text in found] == [
        text.strip() for text in parts if text.replace("/* /* c */ */", "").replace("--x\n", "").strip("; \n")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1;\n", True),
        ("select 1; -- done\n", True),
        ("select 1; /* done */\n", True),
        ("select 1\n", False),
        ("select ';\n", False),
        ("select 1 /* ;\n", False),
        ("select 1 -- ;\n", False),
        ("select 1; select\n", False),
        ("select [;\n", False),
        ("declare @x int = 1\nGO\n", True),
        ("select '\nGO\n", False),
        ("GO\n", True),
        ("\n", False),
    ],
)
def test_what_is_complete_at_the_prompt(text: str, expected: bool) -> None:
    assert is_complete(text) == expected


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ("select * from gold.gld_sales_summary", True),
        ("select 1;", True),
        ("-- all\nselect * from a union all select * from b -- ;\n;", True),
        ("with a as (select 1 as n) select * from a", True),
        ("select (select max(n) from b) from a where x in (select 1)", True),
        ("select 'exec; select', [delete] from a", True),
        ("select * from a order by 1 offset 5 rows fetch next 5 rows only", True),
        ("select 1 select 2", False),
        ("select 1; select 2", False),
        ("select 1\nexec p", False),
        ("select 1\nprint 'x'", False),
        ("set nocount on select 1", False),
        ("select 1; x", False),
        ("exec p", False),
        ("p", False),
    ],
)
def test_what_is_surely_one_query(batch: str, expected: bool) -> None:
    assert is_one_query(batch) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", 1),
        ("select 1; select 2", 2),
        ("select 1\nGO\nselect 2", 2),
        ("insert into t values (1); select 1; update t set n = 2; select (select 1); -- ; select 3", 2),
        ("select 1; select * into #t from a", 1),
        ("select @x = 1; select 1", 1),
        ("select @@version; select 2", 2),
        ("if 1 = 0 begin select 1; select 2; end", 0),
        ("create procedure p as select 1; select 2", 0),
        ("return; select 1; select 2", 0),
        ("insert t output inserted.n values (1)", 0),
    ],
)
def test_how_many_results_are_sure(text: str, expected: int) -> None:
    assert sure_results(text) == expected
