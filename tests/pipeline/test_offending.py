"""Offending rows show keys and tested columns, and no personal data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from test_plan import node

from dataops_cli.dbt.graph import Graph
from dataops_cli.pipeline.offending import MASK, Failure, visible
from dataops_cli.warehouse.rows import Rows

CUSTOMERS = replace(
    node("customers", "silver"),
    key=("customer_id",),
    columns=frozenset({"customer_id", "full_name", "total_orders"}),
    pii=frozenset({"full_name"}),
)
FOUND = Rows(("customer_id", "full_name", "total_orders", "expected"), [(7, "Ada Lovelace", -1, 0)])


def shown(tested: set[str], rows: Rows = FOUND) -> Rows:
    test = replace(node("t", "silver", ["customers"], kind="test"), tested_columns=frozenset(tested))
    return visible(test, rows, Graph({"customers": CUSTOMERS, "t": test}, {}))


def test_keys_tested_columns_and_what_the_test_computed() -> None:
    assert shown({"total_orders"}) == Rows(("customer_id", "total_orders", "expected"), [(7, -1, 0)])


def test_text_that_an_unnamed_test_computed_is_masked() -> None:
    rows = Rows(("normalized", "n"), [("ada lovelace", 2)])
    assert shown(set(), rows).rows == [(MASK, 2)]
    assert shown(set(), Rows(("Full_Name",), [("Ada",)])).rows == [(MASK,)]


def test_a_personal_column_is_masked_and_so_is_what_was_computed_from_it() -> None:
    assert shown({"full_name"}) == Rows(("customer_id", "full_name", "expected"), [(7, MASK, MASK)])


def test_a_test_that_names_no_column_shows_all_but_personal_data() -> None:
    assert shown(set()) == Rows(FOUND.columns, [(7, MASK, -1, 0)])


def test_dbts_own_names_for_the_tested_value_are_masked() -> None:
    rows = Rows(("unique_field", "n_records"), [("Ada Lovelace", 2)])
    assert shown({"full_name"}, rows).rows == [(MASK, MASK)]


def test_null_stays_null() -> None:
    assert shown({"full_name"}, Rows(("customer_id", "full_name"), [(7, None)])).rows == [(7, None)]


def test_personal_columns_of_sources_count_too() -> None:
    test = node("t", "bronze", ["source.person"], kind="test")
    graph = Graph({"t": test}, {"source.person": frozenset({"LastName"})})
    assert visible(test, Rows(("BusinessEntityID", "LastName"), [(1, "Lovelace")]), graph).rows == [(1, MASK)]


def test_rows_are_json_whatever_they_hold() -> None:
    values = (Decimal("12.3400"), date(2014, 6, 30), UUID(int=7), b"x", 1.5, True, None)
    rows = Rows(tuple("abcdefg"), [values])
    document = Failure(CUSTOMERS, "fail", "m", 1, None, rows).document()
    kept = json.loads(json.dumps(document))["rows"][0]
    assert kept == {
        "a": "12.3400",
        "b": "2014-06-30",
        "c": str(UUID(int=7)),
        "d": kept["d"],
        "e": 1.5,
        "f": True,
        "g": None,
    }
