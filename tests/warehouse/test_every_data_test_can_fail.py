"""A data test that cannot fail tests nothing: each is shown failing on data that is broken in one way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.builds import Built, clean_copy, compiled_sql
from warehouse.mutations import MUTATIONS, Mutation, broken, change

# What these tests look at is the project, not the data: each has a test of its own below.
OF_THE_PROJECT = frozenset({"layers_read_only_what_they_may"})


@pytest.fixture(scope="module")
def spoilable(
    generated: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    copy = generated.copy_to(tmp_path_factory.mktemp("spoilable"))
    with copy.connect(writable=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def data_tests(duckdb_manifest: dict[str, Any]) -> dict[str, str]:
    """The compiled SQL of every data test by its name."""
    return compiled_sql(duckdb_manifest, "test")


def failing(connection: duckdb.DuckDBPyConnection, data_tests: dict[str, str]) -> set[str]:
    """The tests that return a row."""
    return {name for name, sql in data_tests.items() if connection.execute(sql).fetchone() is not None}


def test_none_fails_on_unbroken_data(
    spoilable: duckdb.DuckDBPyConnection, data_tests: dict[str, str]
) -> None:
    assert failing(spoilable, data_tests) == set()


@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=lambda mutation: f"{mutation.noticed_by[0]}: {mutation.description}"
)
def test_broken_data_is_noticed(
    mutation: Mutation,
    spoilable: duckdb.DuckDBPyConnection,
    data_tests: dict[str, str],
    duckdb_manifest: dict[str, Any],
) -> None:
    expected = {name: data_tests[name] for name in mutation.noticed_by}
    spoilable.begin()
    try:
        spoilable.execute(mutation.statement.format(**compiled_sql(duckdb_manifest, "model")))
        assert failing(spoilable, expected) == set(expected)
    finally:
        spoilable.rollback()


def test_every_data_test_is_shown_failing(data_tests: dict[str, str]) -> None:
    shown = {name for mutation in MUTATIONS for name in mutation.noticed_by} | OF_THE_PROJECT
    assert set(data_tests) - shown == set()
    assert shown - set(data_tests) == set()
