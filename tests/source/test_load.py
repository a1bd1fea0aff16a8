from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from dataops_cli.source.load import stage_files
from dataops_cli.source.tables import (
    CUSTOMER,
    PERSON,
    PRODUCT,
    PRODUCT_CATEGORY,
    SALES_ORDER_DETAIL,
    SALES_ORDER_HEADER,
    TABLES,
    Table,
)
from dataops_cli.source.totals import SourceTotals, totals
from source.samples import GUID, csv_text, microsoft_bytes, row, rows, write_csv


def stage(folder: Path, said: list[str] | None = None) -> Path:
    target = folder.parent / "source.duckdb"
    stage_files(folder, target, {}, (said if said is not None else []).append)
    return target


def content(target: Path, table: Table, *columns: str) -> list[tuple[object, ...]]:
    selected = ", ".join(f'"{column}"' for column in columns)
    with duckdb.connect(str(target), read_only=True) as connection:
        return connection.execute(f"SELECT {selected} FROM {table.sql_name} ORDER BY ALL").fetchall()


def test_real_data(adventureworks: Path, tmp_path: Path) -> None:
    target = tmp_path / "source.duckdb"
    staged = stage_files(adventureworks, target, {}, lambda _line: None)
    assert staged.totals == SourceTotals(
        orders=31_465,
        lines=121_317,
        units=274_914,
        line_total=Decimal("109846381.399888"),
        subtotal=Decimal("109846381.4039"),
        total_due=Decimal("123216786.1159"),
        online_orders=27_659,
        reseller_orders=3_806,
    )
    assert [(count.table, count.rows) for count in staged.tables] == [
        ("Production.ProductCategory", 4),
        ("Production.ProductSubcategory", 37),
        ("Production.Product", 504),
        ("Person.Person", 19_972),
        ("Sales.Customer", 19_820),
        ("Sales.SalesOrderHeader", 31_465),
        ("Sales.SalesOrderDetail", 121_317),
    ]
    assert totals(target) == staged
    assert list(tmp_path.iterdir()) == [target]


def test_types_of_the_staged_tables(folder: Path) -> None:
    with duckdb.connect(str(stage(folder)), read_only=True) as connection:
        for table in TABLES:
            described = connection.execute(f"DESCRIBE {table.sql_name}").fetchall()
            assert [(name, type_) for name, type_, *_ in described] == [
                (column.name, column.duckdb_type) for column in table.columns
            ]


def test_progress_names_each_file(folder: Path) -> None:
    said: list[str] = []
    stage(folder, said)
    assert said[0] == "Production.ProductCategory: 3 rows from Production.ProductCategory.csv"
    assert len(said) == len(TABLES)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_forms(folder: Path, end: str, suffix: str, mark: str) -> None:
    (folder / "Production.ProductCategory.csv").unlink()
    lines = [
        row(PRODUCT_CATEGORY, ProductCategoryID="1", Name='A "b", c'),
        row(PRODUCT_CATEGORY, ProductCategoryID="2", Name="ä\r\n\nö 😀"),
    ]
    write_csv(folder, PRODUCT_CATEGORY, mark + csv_text(PRODUCT_CATEGORY, lines, end), suffix)
    assert content(stage(folder), PRODUCT_CATEGORY, "ProductCategoryID", "Name") == [
        (1, 'A "b", c'),
        (2, "ä\r\n\nö 😀"),
    ]


def test_what_duckdb_alone_would_refuse_is_rewritten(folder: Path) -> None:
    """Line ends of both kinds, and UTF-16 with a header."""
    text = csv_text(PRODUCT_CATEGORY, rows(PRODUCT_CATEGORY), "\r\n")
    write_csv(folder, PRODUCT_CATEGORY, text.replace("\r\n", "\n", 2))
    write_csv(folder, CUSTOMER, csv_text(CUSTOMER, rows(CUSTOMER)).encode("utf-16"))
    target = stage(folder)
    assert content(target, PRODUCT_CATEGORY, "ProductCategoryID") == [(1,), (2,), (3,)]
    assert content(target, CUSTOMER, "CustomerID", "AccountNumber") == [(1, "code"), (2, "code"), (3, "code")]


def test_values_are_staged_exactly(folder: Path) -> None:
    line = row(
        SALES_ORDER_DETAIL,
        SalesOrderID="2147483647",
        UnitPrice="-922337203685477.5807",
        UnitPriceDiscount=".0200000",
        LineTotal="99999999999999999999999999999999.999999",
        OrderQty="-32768",
        CarrierTrackingNumber="",
        ModifiedDate="2014-06-30 23:59:59.997",
    )
    write_csv(folder, SALES_ORDER_DETAIL, csv_text(SALES_ORDER_DETAIL, [line]))
    with duckdb.connect(str(stage(folder)), read_only=True) as connection:
        staged = connection.execute('SELECT * FROM "Sales"."SalesOrderDetail"').fetchone()
    assert staged is not None
    assert [str(value) for value in staged] == [
        "2147483647",
        "7",
        "None",
        "-32768",
        "7",
        "7",
        "-922337203685477.5807",
        "0.0200",
        "99999999999999999999999999999999.999999",
        GUID.lower(),
        "2014-06-30 23:59:59.997000",
    ]


def test_known_columns_may_be_missing_moved_and_spelt_in_any_case(folder: Path) -> None:
    text = "name, PRODUCTCATEGORYID\nBells,1\nBells,2\n"
    write_csv(folder, PRODUCT_CATEGORY, text)
    assert content(
        stage(folder), PRODUCT_CATEGORY, "ProductCategoryID", "Name", "rowguid", "ModifiedDate"
    ) == [
        (1, "Bells", None, None),
        (2, "Bells", None, None),
    ]


def test_unknown_columns_are_reported_and_left_out(folder: Path) -> None:
    said: list[str] = []
    write_csv(folder, PRODUCT_CATEGORY, "ProductCategoryID,Name'); DROP,Name\n1,x,Bells\n")
    target = stage(folder, said)
    assert said[0] == (
        'Production.ProductCategory.csv: column "Name\'); DROP" is not in Production.ProductCategory, left out'
    )
    assert content(target, PRODUCT_CATEGORY, "Name") == [("Bells",)]


def test_xml_columns_of_a_csv_file_are_left_out_silently(folder: Path) -> None:
    said: list[str] = []
    names = [column.name for column in PERSON.file_columns]
    write_csv(folder, PERSON, csv_text(PERSON, rows(PERSON), columns=names))
    assert len(content(stage(folder, said), PERSON, "BusinessEntityID")) == 3
    assert len(said) == len(TABLES)


def test_blank_lines_and_a_table_without_rows(folder: Path) -> None:
    write_csv(folder, PRODUCT_CATEGORY, csv_text(PRODUCT_CATEGORY, rows(PRODUCT_CATEGORY)) + "\n\n")
    write_csv(folder, SALES_ORDER_HEADER, csv_text(SALES_ORDER_HEADER, []))
    target = stage(folder)
    assert len(content(target, PRODUCT_CATEGORY, "Name")) == 3
    assert totals(target).totals.total_due == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_microsofts_marked_form(folder: Path, encoding: str, end: str) -> None:
    (folder / "Person.Person.csv").unlink()
    lines = [
        row(PERSON, BusinessEntityID="1", LastName="Sánchez", Demographics='<a>\r\n "b", c\t</a>', Title=""),
        row(PERSON, BusinessEntityID="2", LastName='Łódź "x"', MiddleName="\0"),
    ]
    (folder / "Person.csv").write_bytes(
        microsoft_bytes(PERSON, lines, marked=True, encoding=encoding, end=end)
    )
    assert content(stage(folder), PERSON, "BusinessEntityID", "Title", "MiddleName", "LastName") == [
        (1, None, "text", "Sánchez"),
        (2, "text", None, 'Łódź "x"'),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_microsofts_tabbed_form(folder: Path, encoding: str, end: str, suffix: str) -> None:
    (folder / "Production.Product.csv").unlink()
    line = row(PRODUCT, ProductID="1", Name='Half "inch", black', Color="", SellEndDate="")
    data = microsoft_bytes(PRODUCT, [line], encoding=encoding, end=end)
    (folder / f"Product{suffix}").write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    assert content(stage(folder), PRODUCT, "Name", "Color", "Style") == [('Half "inch", black', None, "M ")]


def test_a_folder_with_odd_characters(tmp_path: Path) -> None:
    from source.samples import write_folder

    folder = write_folder(tmp_path / "we'ird [x]* ?;--")
    assert len(content(stage(folder), CUSTOMER, "CustomerID")) == 3


def test_all_in_one_folder(folder: Path) -> None:
    """The two forms may be mixed between tables."""
    (folder / "Sales.Customer.csv").unlink()
    (folder / "Customer.csv").write_bytes(microsoft_bytes(CUSTOMER, rows(CUSTOMER)))
    assert [count.rows for count in totals(stage(folder)).tables] == [3] * len(TABLES)
