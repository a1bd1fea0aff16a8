from __future__ import annotations

from pathlib import Path

import pytest

from dataops_cli.errors import ExitCode, UsageError
from dataops_cli.source.declared import declared_columns


def declare(tmp_path: Path, text: str) -> dict[str, frozenset[str]]:
    path = tmp_path / "sources.yml"
    path.write_text(text)
    return declared_columns(path)


def test_columns_by_table(tmp_path: Path) -> None:
    declared = declare(
        tmp_path,
        """
        version: 2
        sources:
          - name: sales
            schema: Sales
            tables:
              - name: orders
                identifier: SalesOrderHeader
                columns: [{name: SalesOrderID}, {name: orderdate}]
              - name: Customer
          - name: person
            tables:
              - {name: Person, columns: [{name: LastName}]}
        """,
    )
    assert declared == {
        "Sales.SalesOrderHeader": {"SalesOrderID", "OrderDate"},
        "Sales.Customer": frozenset(),
        "Person.Person": {"LastName"},
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "sources: [{tables: [{name: Orders}]}]",
            "declares the table Orders, which is no table of the source",
        ),
        (
            "sources: [{tables: [{name: Customer, columns: [{name: Nam}]}]}]",
            "declares the column Nam of Sales.Customer, which has no such column",
        ),
        ("models: []", "does not declare dbt sources"),
        ("[", "does not declare dbt sources"),
        ("", "does not declare dbt sources"),
        ("sources: [{tables: [1]}]", "does not declare dbt sources"),
        ("sources: [{tables: [{name: Customer, columns: [{}]}]}]", "does not declare dbt sources"),
    ],
)
def test_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        declare(tmp_path, text)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.hint


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no"):
        declared_columns(tmp_path / "none.yml")
