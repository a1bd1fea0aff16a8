"""The statements that publish, word by word, and what they do to a warehouse that is acted out."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.errors import DataopsError
from dataops_cli.warehouse.sqlserver.state import Placed
from dataops_cli.warehouse.sqlserver.switch import (
    archived_name,
    candidate_name,
    leftovers,
    published_definition,
    switch,
)

OLD, NEW = "20260101T000000-0001", "20260102T000000-0002"
# As names bear them.
OLD_TABLES, NEW_TABLES = "20260101T000000_0001", "20260102T000000_0002"


def table(name: str, built_by: str, schema: str = "silver") -> Placed:
    return Placed(name, schema, name, False, built_by, 3)


def view(name: str, definition: str, built_by: str = NEW) -> Placed:
    return Placed(name, "bronze", name, True, built_by, 3, definition)


def test_the_first_publication() -> None:
    existing = {
        ("bronze", "brnz_x__candidate"): True,
        ("silver", "slvr_x__candidate"): False,
        ("silver", "slvr_gone__candidate"): False,
        ("silver", "slvr_x__candidate__dbt_tmp_vw"): True,
    }
    wanted = [view("brnz_x", "select 1 as n"), table("slvr_x", NEW)]
    assert switch([], wanted, existing, fresh=NEW, with_readers=True) == [
        "EXEC sp_rename N'silver.slvr_x__candidate', N'slvr_x', N'OBJECT'",
        "GRANT SELECT ON [silver].[slvr_x] TO [dataops_readers]",
        "CREATE VIEW [bronze].[brnz_x] AS\nselect 1 as n",
        "DROP VIEW IF EXISTS [bronze].[brnz_x__candidate]",
        "DROP VIEW IF EXISTS [silver].[slvr_x__candidate__dbt_tmp_vw]",
        "DROP TABLE IF EXISTS [silver].[slvr_gone__candidate]",
    ]


def test_one_generation_in_place_of_another() -> None:
    current = [view("brnz_x", "select 1 as n", OLD), view("brnz_y", "select 2", OLD), table("slvr_x", OLD)]
    wanted = [view("brnz_x", "select 1 as n"), view("brnz_y", "select 'three'"), table("slvr_x", NEW)]
    existing = {
        ("bronze", "brnz_x"): True,
        ("bronze", "brnz_y"): True,
        ("silver", "slvr_x"): False,
        ("silver", "slvr_x__candidate"): False,
    }
    assert switch(current, wanted, existing, fresh=NEW, with_readers=True) == [
        "DROP VIEW IF EXISTS [bronze].[brnz_y]",
        "REVOKE SELECT ON [silver].[slvr_x] FROM [dataops_readers]",
        f"EXEC sp_rename N'silver.slvr_x', N'slvr_x__{OLD_TABLES}', N'OBJECT'",
        "EXEC sp_rename N'silver.slvr_x__candidate', N'slvr_x', N'OBJECT'",
        "GRANT SELECT ON [silver].[slvr_x] TO [dataops_readers]",
        "CREATE VIEW [bronze].[brnz_y] AS\nselect 'three'",
    ]


def test_the_way_back_leaves_what_both_share_and_a_candidate() -> None:
    current = [table("slvr_x", OLD), table("gld_x", NEW, "gold")]
    wanted = [table("slvr_x", OLD), table("gld_x", OLD, "gold")]
    existing = {
        ("silver", "slvr_x"): False,
        ("gold", "gld_x"): False,
        ("gold", f"gld_x__{OLD_TABLES}"): False,
        ("gold", "gld_x__candidate"): False,
    }
    assert switch(current, wanted, existing, fresh=None, with_readers=False) == [
        f"EXEC sp_rename N'gold.gld_x', N'gld_x__{NEW_TABLES}', N'OBJECT'",
        f"EXEC sp_rename N'gold.gld_x__{OLD_TABLES}', N'gld_x', N'OBJECT'",
    ]


def test_a_table_that_was_there_before_is_put_aside() -> None:
    existing = {("silver", "SLVR_X"): False, ("silver", "slvr_x__candidate"): False}
    assert switch([], [table("slvr_x", NEW)], existing, fresh=NEW, with_readers=False) == [
        f"EXEC sp_rename N'silver.slvr_x', N'slvr_x__before_{NEW_TABLES}', N'OBJECT'",
        "EXEC sp_rename N'silver.slvr_x__candidate', N'slvr_x', N'OBJECT'",
    ]


def test_a_table_that_a_generation_lost() -> None:
    with pytest.raises(DataopsError, match="is not there") as caught:
        switch([table("slvr_x", NEW)], [table("slvr_x", OLD)], {}, fresh=None, with_readers=False)
    assert caught.value.exit_code == 5


def test_odd_names_are_quoted() -> None:
    odd = table("it's [odd]", NEW, "gold")
    existing = {("gold", "it's [odd]__candidate"): False}
    rename, grant = switch([], [odd], existing, fresh=NEW, with_readers=True)
    assert rename == "EXEC sp_rename N'[gold].[it''s [odd]]__candidate]', N'it''s [odd]', N'OBJECT'"
    assert grant == "GRANT SELECT ON [gold].[it's [odd]]] TO [dataops_readers]"


def test_a_name_that_is_too_long() -> None:
    with pytest.raises(DataopsError, match="more than 128"):
        archived_name("x" * 107, NEW)
    assert len(archived_name("x" * 106, NEW)) == 128


def test_a_views_definition_names_what_is_published() -> None:
    compiled = 'select * from "dataops"."silver"."slvr_x__candidate" as x, [silver].[slvr_y__candidate];\n'
    assert (
        published_definition(compiled) == 'select * from "dataops"."silver"."slvr_x" as x, [silver].[slvr_y]'
    )


def test_what_a_candidate_left() -> None:
    names = ["a__candidate", "a__candidate__dbt_tmp", "a", "a__candidates", f"a__{OLD_TABLES}"]
    existing = {(schema, name): False for schema in ("silver", "other") for name in names}
    assert set(leftovers(existing)) == {("silver", "a__candidate"), ("silver", "a__candidate__dbt_tmp")}


def acted(statements: list[str], existing: dict[tuple[str, str], bool]) -> dict[tuple[str, str], bool]:
    """What the statements make of the objects of silver; a rename to a name that is taken fails, as it does."""
    objects = dict(existing)
    for statement in statements:
        if statement.startswith("EXEC sp_rename"):
            old, new = statement.split("N'")[1].split("'")[0], statement.split("N'")[2].split("'")[0]
            key = ("silver", old.partition(".")[2])
            assert ("silver", new) not in objects, statement
            objects["silver", new] = objects.pop(key)
        elif statement.startswith("DROP"):
            objects.pop(("silver", statement.split("].[")[1].rstrip("]")), None)
    return objects


NAMES = st.lists(st.sampled_from("abcd"), unique=True)


@given(first=NAMES, second=NAMES, rebuilt=st.sets(st.sampled_from("abcd")))
def test_forth_and_back_ends_where_it_began(first: list[str], second: list[str], rebuilt: set[str]) -> None:
    before = [table(name, OLD) for name in first]
    after = [table(name, OLD if name in first and name not in rebuilt else NEW) for name in second]
    published = {("silver", item.name): False for item in before}
    candidates = {("silver", candidate_name(item.name)): False for item in after if item.built_by == NEW}
    there = published | candidates
    forth = acted(switch(before, after, there, fresh=NEW, with_readers=False), there)
    assert {("silver", name) for name in second} == {key for key in forth if len(key[1]) == 1}
    back = acted(switch(after, before, forth, fresh=None, with_readers=False), forth)
    assert {("silver", name) for name in first} == {key for key in back if len(key[1]) == 1}
    kept = {("silver", archived_name(item.name, NEW)) for item in after if item.built_by == NEW}
    assert {key for key in back if len(key[1]) > 1} == kept


def test_everything_parses_as_tsql() -> None:
    wanted = [view("brnz_x", "select 1 as n"), table("slvr_x", NEW)]
    existing = {("silver", "slvr_x__candidate"): False}
    for statement in switch([], wanted, existing, fresh=NEW, with_readers=True):
        assert sqlglot.parse(statement, dialect="tsql")
