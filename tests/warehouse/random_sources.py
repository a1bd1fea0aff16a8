"""Sources of a few rows each, drawn by hypothesis, where ties, boundaries and missing values are the rule."""

from __future__ import annotations

import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from dataops_cli.source.tables import TABLES

Rows = dict[str, list[dict[str, Any]]]

FEW_EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Each example builds a warehouse; always the same ones, so that a failure is never a matter of luck."""

IDS = st.integers(1, 6)
TEXTS = st.sampled_from(["a", "A", " a", "a ", "", " ", "b c", "Zoë", "O'Neil"])
DAYS = st.sampled_from(
    [
        datetime(2011, 2, 28),
        datetime(2012, 2, 28),
        datetime(2012, 2, 29),
        datetime(2012, 2, 29, 23, 59, 59),
        datetime(2012, 3, 1),
        datetime(2012, 12, 31),
        datetime(2013, 2, 27),
        datetime(2013, 2, 28),
        datetime(2013, 3, 1),
        datetime(2013, 8, 27),
    ]
)
PRICES = st.sampled_from([Decimal(text) for text in ("0", "0.0001", "3.3333", "99.995", "1234.5678")])
LINE_TOTALS = st.sampled_from(
    [Decimal(text) for text in ("0", "0.01", "9.66665", "100", "999.99995", "1000", "9999.999999", "10000")]
)
DISCOUNTS = st.sampled_from([Decimal(text) for text in ("0", "0.05", "0.3333", "1")])
TOTALS_DUE = st.sampled_from([Decimal(text) for text in ("0", "999.9999", "1000", "9999.9999", "10000")])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.none())


def table(key: str, most: int, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to `most` rows with the keys 1, 2, 3, …"""
    rows = st.lists(st.fixed_dictionaries(columns), max_size=most)
    return rows.map(lambda drawn: [{key: at, **row} for at, row in enumerate(drawn, start=1)])


def known(rows: Rows) -> Rows:
    """No sale of an unknown product or to an unknown customer: tests of the sources and of silver stop those."""
    customers = {row["CustomerID"] for row in rows["Sales.Customer"] if row["PersonID"] or row["StoreID"]}
    products = {row["ProductID"] for row in rows["Production.Product"]}
    for row in rows["Sales.SalesOrderHeader"]:
        row["CustomerID"] = row["CustomerID"] if row["CustomerID"] in customers else None
    for row in rows["Sales.SalesOrderDetail"]:
        row["ProductID"] = row["ProductID"] if row["ProductID"] in products else None
    return rows


SMALL_SOURCES = st.fixed_dictionaries(
    {
        "Production.ProductCategory": table("ProductCategoryID", 3, Name=TEXTS),
        "Production.ProductSubcategory": table(
            "ProductSubcategoryID", 3, ProductCategoryID=st.integers(1, 3), Name=TEXTS
        ),
        "Production.Product": table(
            "ProductID",
            6,
            Name=TEXTS,
            ProductNumber=TEXTS,
            Class=maybe(TEXTS),
            MakeFlag=st.booleans(),
            FinishedGoodsFlag=st.booleans(),
            StandardCost=PRICES,
            ListPrice=PRICES,
            DaysToManufacture=st.just(1),
            ProductSubcategoryID=maybe(st.integers(1, 4)),
            SellStartDate=DAYS,
            SellEndDate=maybe(DAYS),
            DiscontinuedDate=maybe(DAYS),
            ModifiedDate=DAYS,
        ),
        "Person.Person": table(
            "BusinessEntityID",
            4,
            PersonType=TEXTS,
            Title=maybe(TEXTS),
            FirstName=TEXTS,
            MiddleName=maybe(TEXTS),
            LastName=TEXTS,
            Suffix=maybe(TEXTS),
            EmailPromotion=st.integers(0, 2),
            ModifiedDate=DAYS,
        ),
        "Sales.Customer": table(
            "CustomerID",
            6,
            PersonID=maybe(IDS),
            StoreID=maybe(IDS),
            TerritoryID=maybe(IDS),
            AccountNumber=TEXTS,
            ModifiedDate=DAYS,
        ),
        "Sales.SalesOrderHeader": table(
            "SalesOrderID",
            12,
            OrderDate=maybe(DAYS),
            DueDate=DAYS,
            ShipDate=maybe(DAYS),
            Status=st.integers(0, 7),
            OnlineOrderFlag=st.booleans(),
            SalesOrderNumber=TEXTS,
            PurchaseOrderNumber=maybe(TEXTS),
            CustomerID=IDS,
            SalesPersonID=maybe(IDS),
            TerritoryID=maybe(IDS),
            SubTotal=PRICES,
            TaxAmt=PRICES,
            Freight=PRICES,
            TotalDue=TOTALS_DUE,
            ModifiedDate=DAYS,
        ),
        "Sales.SalesOrderDetail": table(
            "SalesOrderDetailID",
            24,
            SalesOrderID=st.integers(1, 14),
            CarrierTrackingNumber=maybe(TEXTS),
            OrderQty=st.sampled_from([1, 1, 2, 3, 100, 0, -1]),
            ProductID=IDS,
            SpecialOfferID=st.just(1),
            UnitPrice=st.one_of(PRICES, PRICES, st.just(Decimal("-0.0001"))),
            UnitPriceDiscount=DISCOUNTS,
            LineTotal=LINE_TOTALS,
            ModifiedDate=DAYS,
        ),
    }
).map(known)


def write(rows: Rows, empty: Path, target: Path) -> None:
    """The drawn rows in a copy of the empty source; columns that were not drawn are NULL."""
    shutil.copyfile(empty, target)
    with duckdb.connect(str(target)) as connection:
        connection.begin()
        for table in TABLES:
            for row in rows[table.full_name]:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(
                    f"insert into {table.sql_name} ({names}) values ({marks})", list(row.values())
                )
        connection.commit()
