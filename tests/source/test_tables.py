from __future__ import annotations

import subprocess
import sys

import pytest

from dataops_cli.source.tables import PERSON, PRODUCT, SALES_ORDER_DETAIL, SALES_ORDER_HEADER, TABLES


def test_the_seven_tables() -> None:
    assert {table.full_name: len(table.columns) for table in TABLES} == {
        "Production.ProductCategory": 4,
        "Production.ProductSubcategory": 5,
        "Production.Product": 25,
        "Person.Person": 11,
        "Sales.Customer": 7,
        "Sales.SalesOrderHeader": 26,
        "Sales.SalesOrderDetail": 11,
    }
    for table in TABLES:
        assert set(table.primary_key) <= set(table.names)


@pytest.mark.parametrize(
    ("column", "duckdb_type"),
    [
        (SALES_ORDER_HEADER.column("SalesOrderID"), "INTEGER"),
        (SALES_ORDER_HEADER.column("Status"), "UTINYINT"),
        (SALES_ORDER_HEADER.column("OnlineOrderFlag"), "BOOLEAN"),
        (SALES_ORDER_HEADER.column("SubTotal"), "DECIMAL(19,4)"),
        (SALES_ORDER_HEADER.column("OrderDate"), "TIMESTAMP"),
        (SALES_ORDER_HEADER.column("rowguid"), "UUID"),
        (SALES_ORDER_DETAIL.column("OrderQty"), "SMALLINT"),
        (SALES_ORDER_DETAIL.column("LineTotal"), "DECIMAL(38,6)"),
        (PRODUCT.column("Weight"), "DECIMAL(8,2)"),
        (PRODUCT.column("Style"), "VARCHAR"),
    ],
)
def test_types_on_duckdb(column: object, duckdb_type: str) -> None:
    assert column.duckdb_type == duckdb_type  # type: ignore[attr-defined]


def test_xml_is_in_the_files_and_not_staged() -> None:
    assert [column.name for column in PERSON.file_columns if not column.is_staged] == [
        "AdditionalContactInfo",
        "Demographics",
    ]
    assert [column.name for column in PERSON.columns if column.is_personal] == [
        "Title",
        "FirstName",
        "MiddleName",
        "LastName",
        "Suffix",
    ]


def test_heavy_modules_are_imported_when_used() -> None:
    modules = "tables, load, generate, declared, totals"
    code = f"import sys; from dataops_cli.source import {modules}; print({{'duckdb', 'yaml', 'decimal'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "duckdb" not in done.stdout
    assert "yaml" not in done.stdout
