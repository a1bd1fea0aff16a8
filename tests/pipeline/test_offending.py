"""Offending rows show keys and tested columns, and no personal data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from test_plan import node

from dataops_cli.dbt.graph import Graph, graph_of
from dataops_cli.pipeline.offending import MASK, Failure, in_words, visible
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


def test_what_an_argument_of_several_lines_names() -> None:
    arguments = {
        "model": "worst",
        "expression": "quantity > 0\nand\ndiscount <= 1",
        "values": [{"low": "Best"}],
    }
    test = {
        "unique_id": "t", "resource_type": "test", "name": "t", "schema": "", "alias": "t", "tags": ["gold"],
        "original_file_path": "", "fqn": ["p", "t"], "checksum": {"checksum": ""}, "config": {}, "columns": {},
        "depends_on": {"nodes": []}, "test_metadata": {"name": "rule", "kwargs": arguments},
    }  # fmt: skip
    words = graph_of({"sources": {}, "nodes": {"t": test}}).nodes["t"].words
    assert words == {"quantity", "0", "and", "discount", "1", "best"}


def test_of_a_rule_the_key_comes_first_then_what_it_names_then_what_it_computed() -> None:
    model = {
        "unique_id": "m", "resource_type": "model", "name": "days", "schema": "gold", "alias": "days", "tags": ["gold"],
        "original_file_path": "", "fqn": ["p", "days"], "checksum": {"checksum": ""},
        "config": {"materialized": "table", "meta": {"key": ["day"]}},
        "columns": {name: {} for name in ("day", "n", "total", "Best", "worst")},
    }  # fmt: skip
    test = {
        **model,
        "resource_type": "test",
        "columns": {},
        "config": {},
        "tags": [],
        "depends_on": {"nodes": ["m"]},
    }
    arguments = {"model": "worst", "holds": "best <= total"}
    rule = {**test, "unique_id": "rule", "test_metadata": {"name": "rule", "kwargs": arguments}}
    one_of_a_kind = {**test, "unique_id": "sql", "raw_code": "select * from days where best > total"}
    graph = graph_of(
        {"sources": {}, "nodes": {node["unique_id"]: node for node in (model, rule, one_of_a_kind)}}
    )
    rows = Rows(("difference", "n", "total", "Best", "worst", "day"), [(0, 1, 2, 3, 4, 5)])
    for name in ("rule", "sql"):
        assert visible(graph.nodes[name], rows, graph) == Rows(
            ("day", "total", "Best", "difference"), [(5, 2, 3, 0)]
        )


def test_a_column_that_is_named_in_an_argument_is_shown_and_a_personal_one_masked() -> None:
    test = replace(
        node("t", "silver", ["customers"], kind="test"), words=frozenset({"full_name", "expected"})
    )
    found = visible(test, FOUND, Graph({"customers": CUSTOMERS, "t": test}, {}))
    assert found == Rows(("customer_id", "full_name", "expected"), [(7, MASK, 0)])


def test_a_text_that_may_be_computed_from_a_personal_column_is_masked() -> None:
    test = replace(
        node("t", "silver", ["customers"], kind="test"),
        tested_columns=frozenset({"customer_id"}),
        words=frozenset({"customer_id", "full_name"}),
    )
    found = Rows(("customer_id", "shouted", "letters"), [(7, "ADA", 3)])
    seen = visible(test, found, Graph({"customers": CUSTOMERS, "t": test}, {}))
    assert seen.rows == [(7, MASK, 3)]


def test_of_a_test_of_the_key_only_the_key_is_shown() -> None:
    assert shown({"customer_id"}) == Rows(("customer_id", "expected"), [(7, 0)])


def test_how_many_rows_break_a_test() -> None:
    assert in_words("Got 939 results, configured to fail if != 0") == "939 rows break it"
    assert in_words("Got 1 result, configured to fail if != 0") == "1 row breaks it"
    for kept in ("Got 5 results, configured to fail if >3", "Binder Error: x", ""):
        assert in_words(kept) == kept


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
