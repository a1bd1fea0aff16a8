from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.source import load
from dataops_cli.source.load import stage_files
from dataops_cli.source.tables import CUSTOMER, PERSON, PRODUCT, SALES_ORDER_DETAIL, SALES_ORDER_HEADER, Table
from source.samples import csv_text, microsoft_bytes, row, rows, write_csv

Refused = Callable[..., DataopsError]


def break_column(folder: Path, table: Table, column: str, text: str) -> None:
    """The second of three rows gets the text: physical line 3."""
    lines = rows(table)
    lines[1][column] = text
    write_csv(folder, table, csv_text(table, lines))


@pytest.mark.parametrize(
    ("table", "column", "text", "said"),
    [
        (CUSTOMER, "PersonID", "1.5", "'1.5' is not a whole number from -2147483648 to 2147483647 (int)"),
        (CUSTOMER, "PersonID", "2147483648", "'2147483648' is not a whole number from"),
        (
            SALES_ORDER_DETAIL,
            "OrderQty",
            "32768",
            "'32768' is not a whole number from -32768 to 32767 (smallint)",
        ),
        (SALES_ORDER_HEADER, "Status", "-1", "'-1' is not a whole number from 0 to 255 (tinyint)"),
        (SALES_ORDER_HEADER, "OnlineOrderFlag", "true", "'true' is not 0 or 1 (bit)"),
        (
            SALES_ORDER_HEADER,
            "SubTotal",
            "1.23456",
            "'1.23456' is not a number with at most 15 digits before and 4",
        ),
        (SALES_ORDER_HEADER, "SubTotal", "1e3", "'1e3' is not a number"),
        (SALES_ORDER_HEADER, "SubTotal", "922337203685477.5808", "'922337203685477.5808' is not a number"),
        (
            SALES_ORDER_DETAIL,
            "LineTotal",
            "1,5",
            "'1,5' is not a number with at most 32 digits before and 6 after",
        ),
        (
            PRODUCT,
            "Weight",
            "1234567",
            "'1234567' is not a number with at most 6 digits before and 2 after the point",
        ),
        (
            SALES_ORDER_HEADER,
            "OrderDate",
            "2011-02-30",
            "'2011-02-30' is not a date such as 2014-06-30 or 2014-06-30",
        ),
        (SALES_ORDER_HEADER, "OrderDate", "31.05.2011", "'31.05.2011' is not a date"),
        (SALES_ORDER_HEADER, "ShipDate", "2011-05-31 24:00:00", "'2011-05-31 24:00:00' is not a date"),
        (SALES_ORDER_HEADER, "ShipDate", "1752-12-31", "'1752-12-31' is not a date"),
        (PRODUCT, "rowguid", "123", "'123' is not an identifier such as 694215B7"),
        (SALES_ORDER_HEADER, "OrderDate", "", "the value is missing (NULL)"),
        (PERSON, "LastName", "", "the value is missing (NULL)"),
        (PRODUCT, "Color", "x" * 16, "'xxxxxxxxxxxxxxxx' is 16 characters long, nvarchar(15) holds 15"),
        (PRODUCT, "Color", "😀" * 8, "is 16 characters long, nvarchar(15) holds 15"),
        (PRODUCT, "Name", "y" * 51, f"'{'y' * 40}…' is 51 characters long, nvarchar(50) holds 50"),
        (PERSON, "FirstName", "Secret" * 10, "the value is 60 characters long, nvarchar(50) holds 50"),
    ],
)
def test_bad_values(folder: Path, refused: Refused, table: Table, column: str, text: str, said: str) -> None:
    break_column(folder, table, column, text)
    error = refused()
    assert error.reason.startswith(f"{table.full_name}.csv, line 3, column {column}: ")
    assert said in error.reason
    assert error.exit_code == ExitCode.FAILED
    assert error.hint
    assert error.details == ()


def test_values_of_people_are_in_no_message(folder: Path, refused: Refused) -> None:
    for column in ("Title", "FirstName", "MiddleName", "LastName", "Suffix"):
        break_column(folder, PERSON, column, "Verysecret" * 6)
        error = refused()
        assert (
            "secret"
            not in f"{error.reason} {error.hint} {error.details} {error.__cause__} {error.__context__}".lower()
        )


def test_lines_are_physical_lines(folder: Path, refused: Refused) -> None:
    lines = rows(PRODUCT, 4)
    lines[0]["Name"] = "one\r\ntwo\nthree"
    lines[2] |= {"Name": "one\n\n", "ListPrice": "free"}
    write_csv(folder, PRODUCT, "\ufeff" + csv_text(PRODUCT, lines, "\r\n"))
    # Header 1, first row 2-4, second 5, third 6-8, its price behind the name's two line ends.
    assert refused().reason.startswith("Production.Product.csv, line 8, column ListPrice: 'free'")


def test_several_faults_are_listed_and_no_more_than_five(folder: Path, refused: Refused) -> None:
    lines = [row(CUSTOMER, CustomerID=str(key), PersonID="x", StoreID="y") for key in range(100)]
    write_csv(folder, CUSTOMER, csv_text(CUSTOMER, lines))
    error = refused()
    assert error.reason == (
        "Sales.Customer.csv, line 2, column PersonID: "
        "'x' is not a whole number from -2147483648 to 2147483647 (int)"
    )
    assert [detail.split(":")[0] for detail in error.details] == [
        "Sales.Customer.csv, line 2, column StoreID",
        "Sales.Customer.csv, line 3, column PersonID",
        "Sales.Customer.csv, line 3, column StoreID",
        "Sales.Customer.csv, line 4, column PersonID",
        "Stopped after 5 faults; there may be more.",
    ]


GOOD = "1,7,7,7,code,694215B7-08F7-4C0D-ACB1-D734BA44C0C8,2013-07-31"
HEADER = "CustomerID,PersonID,StoreID,TerritoryID,AccountNumber,rowguid,ModifiedDate"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"{HEADER}\n{GOOD}\n2,7\n", ", line 3: 2 fields, the header has 7"),
        (f"{HEADER}\n{GOOD},8\n", ", line 2: 8 fields, the header has 7"),
        (f'{HEADER}\n{GOOD}\n2,7,7,7,"code,x\n', ", line 3: a quote is opened and not closed"),
        (
            f'{HEADER}\n1,7,7,7,"co"de,x,y\n',
            ", line 2: text follows a closing quote; perhaps a quote before it was",
        ),
        (
            f"{HEADER}\n{GOOD}\n2,7,7,7,a\rb,,\n",
            ", line 3: a carriage return outside of quotes does not end a line",
        ),
        (f"{HEADER}\n{GOOD}\n".encode() + b"2,7,7,7,caf\xe9,,\n", ", line 3: the bytes are not UTF-8 text"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16") + b"x", ", line 3: the bytes are not UTF-16 text"),
        (f"{HEADER}\n{GOOD}\n{GOOD}\n", ", line 3, column CustomerID: CustomerID 1 is already in line 2"),
        (f"{HEADER}\n{GOOD}\n0{GOOD}\n", ", line 3, column CustomerID: CustomerID 1 is already in line 2"),
        (f"{HEADER},storeid\n{GOOD},9\n", ", line 1, column StoreID: the column is in the header twice"),
        (HEADER.replace("CustomerID", "Id"), ", line 1, column CustomerID: the column is missing"),
        ("", ": the file is empty"),
        ("\n\n", ": the file has no header row"),
        (gzip.compress(b"x", mtime=0), ": the file is compressed"),
    ],
)
def test_broken_files(folder: Path, refused: Refused, data: str | bytes, said: str) -> None:
    write_csv(folder, CUSTOMER, data)
    error = refused()
    assert error.reason.startswith(f"Sales.Customer.csv{said}")
    assert error.exit_code == ExitCode.FAILED
    assert error.hint


def test_a_required_column_is_missing(folder: Path, refused: Refused) -> None:
    write_csv(folder, CUSTOMER, "CustomerID,StorID\n1,7\n")
    error = refused({"Sales.Customer": frozenset({"CustomerID", "StoreID", "PersonID"})})
    assert error.reason == "Sales.Customer.csv, line 1, column PersonID: the column is missing"
    assert error.details == ("Sales.Customer.csv, line 1, column StoreID: the column is missing",)
    assert error.hint == "Export Sales.Customer with this column: the models read it."


def test_a_misspelt_column_is_named(folder: Path, refused: Refused) -> None:
    write_csv(folder, CUSTOMER, "CustomerID,StorID\n1,7\n")
    assert (
        refused({"Sales.Customer": frozenset({"StoreID"})}).hint == "Rename the column 'StorID' to StoreID."
    )


def test_key_of_two_columns(folder: Path, refused: Refused) -> None:
    lines = [row(SALES_ORDER_DETAIL, SalesOrderID=order, SalesOrderDetailID="7") for order in ("1", "2", "1")]
    write_csv(folder, SALES_ORDER_DETAIL, csv_text(SALES_ORDER_DETAIL, lines))
    assert refused().reason == (
        "Sales.SalesOrderDetail.csv, line 4, column SalesOrderDetailID: "
        "SalesOrderID 1, SalesOrderDetailID 7 is already in line 2"
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[: len(data) // 2], "the gzip file ends too early: it is truncated"),
        (lambda data: data[:-4], "the gzip file ends too early: it is truncated"),
        (lambda data: data[:-8] + bytes(4) + data[-4:], "the gzip file is damaged"),
        (lambda _data: b"CustomerID\n1\n", "this is not a gzip file"),
        (lambda _data: b"", "the file is empty"),
    ],
)
def test_broken_gzip(folder: Path, refused: Refused, damage: Callable[[bytes], bytes], said: str) -> None:
    (folder / "Sales.Customer.csv").unlink()
    data = gzip.compress(csv_text(CUSTOMER, rows(CUSTOMER, 5000)).encode())
    (folder / "Sales.Customer.csv.gz").write_bytes(damage(data))
    assert refused().reason == f"Sales.Customer.csv.gz: {said}"


def as_microsoft(folder: Path, table: Table, data: bytes) -> None:
    (folder / f"{table.full_name}.csv").unlink()
    (folder / f"{table.name}.csv").write_bytes(data)


def test_microsofts_form_counts_physical_lines(folder: Path, refused: Refused) -> None:
    lines = rows(PERSON)
    lines[1]["EmailPromotion"] = "often"
    as_microsoft(folder, PERSON, microsoft_bytes(PERSON, lines, marked=True, encoding="utf-16"))
    # Each row has two XML columns of three lines.
    assert refused().reason.startswith(
        "Person.csv, line 6, column EmailPromotion: 'often' is not a whole number"
    )


@pytest.mark.parametrize(
    ("table", "data", "said"),
    [
        (CUSTOMER, b"1\t2\t3\r\n", ", line 1: 3 fields, Sales.Customer has 7"),
        (PERSON, b"1+|EM+|0\r\n", ", line 1: the row that begins here has no &| at its end"),
        (CUSTOMER, HEADER.encode(), ", line 1: this is a CSV file with a header"),
        (CUSTOMER, b"1;2;3\r\n", ", line 1: the fields are separated neither by tabs nor by +|"),
        (CUSTOMER, b"", ": the file is empty"),
    ],
)
def test_broken_microsoft_files(folder: Path, refused: Refused, table: Table, data: bytes, said: str) -> None:
    as_microsoft(folder, table, data)
    assert refused().reason == f"{table.name}.csv{said}"


def test_a_row_cut_off_in_the_middle(folder: Path, refused: Refused) -> None:
    data = microsoft_bytes(PERSON, rows(PERSON), marked=True)
    as_microsoft(folder, PERSON, data[:-30])
    assert refused().reason == "Person.csv, line 11: the row that begins here has no &| at its end"


def test_missing_files_are_all_named(folder: Path, refused: Refused) -> None:
    (folder / "Sales.Customer.csv").unlink()
    (folder / "Person.Person.csv").unlink()
    error = refused()
    assert error.reason == f"{folder} has no file for 2 of the 7 tables"
    assert error.details == (
        "Person.Person: no Person.Person.csv, Person.Person.csv.gz or Person.csv",
        "Sales.Customer: no Sales.Customer.csv, Sales.Customer.csv.gz or Customer.csv",
    )
    assert error.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("name", ["Customer.csv", "Sales.Customer.csv.gz"])
def test_a_table_twice(folder: Path, refused: Refused, name: str) -> None:
    (folder / name).write_bytes(b"x")
    error = refused()
    assert (
        error.reason == f"{folder} has more than one file for Sales.Customer: Sales.Customer.csv and {name}"
    )
    assert error.exit_code == ExitCode.USAGE


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, said in (("none", "There is no folder"), ("file", "is not a folder")):
        with pytest.raises(DataopsError, match=said) as caught:
            stage_files(tmp_path / name, tmp_path / "t.duckdb", {}, lambda _line: None)
        assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(folder: Path, refused: Refused) -> None:
    (folder / "Sales.Customer.csv").chmod(0)
    assert refused().exit_code == ExitCode.UNAVAILABLE


def test_a_file_that_cannot_be_opened(
    folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "Sales.Customer.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    error = refused()
    assert error.reason == f"Cannot read {folder / 'Sales.Customer.csv'}: Permission denied"
    assert error.exit_code == ExitCode.UNAVAILABLE


def test_the_target_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "source.duckdb"
    target.write_text("mine")
    with pytest.raises(DataopsError, match="is already there") as caught:
        stage_files(folder, target, {}, lambda _line: None)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert target.read_text() == "mine"


def test_an_interrupt_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "_check_key", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage_files(folder, tmp_path / "source.duckdb", {}, lambda _line: None)
    assert list(tmp_path.iterdir()) == [folder]
