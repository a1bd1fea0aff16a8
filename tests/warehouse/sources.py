"""The sources that the tests build warehouses from: the real data, generated data, and dirt."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from dataops_cli.source.declared import declared_columns
from dataops_cli.source.generate import generate
from dataops_cli.source.load import stage_files
from dataops_cli.source.staging import create_table, staged_database
from dataops_cli.source.tables import TABLES
from warehouse.builds import DBT


def load_real(csv_folder: Path, target: Path) -> None:
    stage_files(
        csv_folder, target, declared_columns(DBT / "models/sources/adventureworks.yml"), lambda line: None
    )


def make_generated(target: Path, seed: int = 1) -> None:
    """Some 300 orders of AdventureWorks' shape, without a fault."""
    generate(target, 0.01, seed, lambda line: None)


def make_empty(target: Path) -> None:
    """All tables, no rows."""
    with staged_database(target) as staging:
        for table in TABLES:
            create_table(staging.connection, table)


def make_dirty(clean: Path, target: Path) -> None:
    """A copy of generated data with everything wrong in it that the contract has a word about, and boundary cases."""
    shutil.copyfile(clean, target)
    with duckdb.connect(str(target)) as connection:
        for statement in DIRT:
            connection.execute(statement)


# The orders that a statement changes are picked by a remainder of their id, so that the cases mix.
DIRT = (
    # Text: blanks around it, blanks only, none, and text that differs in case or accents.
    "update Sales.SalesOrderHeader set SalesOrderNumber = '  ' || SalesOrderNumber || ' ' where SalesOrderID % 5 = 0",
    "update Sales.SalesOrderHeader set PurchaseOrderNumber = '   ' where SalesOrderID % 3 = 0",
    "update Sales.SalesOrderHeader set PurchaseOrderNumber = '' where SalesOrderID % 3 = 1",
    "update Sales.SalesOrderDetail set CarrierTrackingNumber = ' x  y ' where SalesOrderDetailID % 4 = 0",
    "update Person.Person set Title = ' Mr. ', Suffix = 'Jr.  ' where BusinessEntityID % 4 = 0",
    "update Person.Person set MiddleName = '' where BusinessEntityID % 3 = 0",
    "update Person.Person set FirstName = 'Zoë ', LastName = 'O''Neil-Łuk' where BusinessEntityID % 5 = 0",
    "update Person.Person set FirstName = '', MiddleName = null, LastName = ' ' where BusinessEntityID % 17 = 0",
    "update Production.ProductCategory set Name = 'bikes' where ProductCategoryID = 1",
    "update Production.ProductCategory set Name = 'Bikes ' where ProductCategoryID = 2",
    "update Production.ProductCategory set Name = 'Äpfel' where ProductCategoryID = 3",
    "update Production.ProductSubcategory set Name = '  ' where ProductSubcategoryID = 5",
    # Invalid lines, one reason each; a header without lines; a line without a header.
    "update Sales.SalesOrderHeader set OrderDate = null where SalesOrderID % 37 = 1",
    "update Sales.SalesOrderHeader set CustomerID = null where SalesOrderID % 41 = 1",
    "update Sales.SalesOrderDetail set ProductID = null where SalesOrderDetailID % 101 = 1",
    "update Sales.SalesOrderDetail set OrderQty = 0 where SalesOrderDetailID % 103 = 1",
    "update Sales.SalesOrderDetail set OrderQty = -3 where SalesOrderDetailID % 107 = 1",
    "update Sales.SalesOrderDetail set OrderQty = null where SalesOrderDetailID % 109 = 1",
    "update Sales.SalesOrderDetail set UnitPrice = -0.0001 where SalesOrderDetailID % 113 = 1",
    "update Sales.SalesOrderDetail set UnitPrice = null where SalesOrderDetailID % 127 = 1",
    "delete from Sales.SalesOrderDetail where SalesOrderID % 43 = 1",
    "delete from Sales.SalesOrderHeader where SalesOrderID % 47 = 1",
    # An invalid line is the newest of all: it must not become as_of_date.
    """update Sales.SalesOrderHeader set OrderDate = '2019-01-01', CustomerID = null
       where SalesOrderID = (select max(SalesOrderID) from Sales.SalesOrderHeader)""",
    # Given away, and with a discount of everything: nothing to divide by.
    """update Sales.SalesOrderDetail set UnitPrice = 0, UnitPriceDiscount = 0, LineTotal = 0
       where SalesOrderDetailID % 11 = 2""",
    "update Sales.SalesOrderDetail set UnitPriceDiscount = 1, LineTotal = 0 where SalesOrderDetailID % 13 = 2",
    """update Sales.SalesOrderDetail set UnitPrice = 0, LineTotal = 0
       where ProductID = (select max(ProductID) from Sales.SalesOrderDetail)""",
    # Digits beyond the fourth, on both sides of a half, and many units at a high price.
    """update Sales.SalesOrderDetail set UnitPrice = 3.3333, UnitPriceDiscount = 0.0333, LineTotal = 9.66665
       where SalesOrderDetailID % 17 = 3""",
    "update Sales.SalesOrderDetail set LineTotal = -0.00005 where SalesOrderDetailID % 89 = 3",
    """update Sales.SalesOrderDetail set OrderQty = 32767, UnitPrice = 99999.9999, UnitPriceDiscount = 0.3333,
       LineTotal = 2184575887.815424 where SalesOrderDetailID % 211 = 3""",
    # Dates: leap days, a time of day, shipped late, not shipped, due unknown.
    "update Sales.SalesOrderHeader set OrderDate = '2012-02-29 23:59:59.997' where SalesOrderID % 19 = 2",
    "update Sales.SalesOrderHeader set OrderDate = '2011-02-28' where SalesOrderID % 23 = 2",
    "update Sales.SalesOrderHeader set OrderDate = '2013-02-28' where SalesOrderID % 29 = 2",
    "update Sales.SalesOrderHeader set ShipDate = DueDate + interval 1 day where SalesOrderID % 7 = 3",
    "update Sales.SalesOrderHeader set ShipDate = DueDate where SalesOrderID % 7 = 4",
    "update Sales.SalesOrderHeader set ShipDate = null where SalesOrderID % 7 = 5",
    "update Sales.SalesOrderHeader set DueDate = null where SalesOrderID % 31 = 5",
    "update Sales.SalesOrderHeader set ModifiedDate = null where SalesOrderID % 13 = 5",
    "update Sales.SalesOrderHeader set ModifiedDate = '2001-01-01' where SalesOrderID % 13 = 6",
    # Codes, and the boundaries of the tiers.
    "update Sales.SalesOrderHeader set Status = SalesOrderID % 9",
    "update Sales.SalesOrderHeader set TotalDue = 999.9999 where SalesOrderID % 6 = 0",
    "update Sales.SalesOrderHeader set TotalDue = 1000 where SalesOrderID % 6 = 1",
    "update Sales.SalesOrderHeader set TotalDue = 9999.9999 where SalesOrderID % 6 = 2",
    "update Sales.SalesOrderHeader set TotalDue = 10000 where SalesOrderID % 6 = 3",
    "update Sales.SalesOrderHeader set SalesPersonID = null, TerritoryID = null where SalesOrderID % 4 = 1",
    # Customers: without a person, without both person and store, of an unknown person.
    "update Sales.Customer set PersonID = null, StoreID = 1 where CustomerID % 9 = 0",
    """update Sales.Customer set PersonID = null, StoreID = null
       where CustomerID not in (select CustomerID from Sales.SalesOrderHeader where CustomerID is not null)""",
    "update Sales.Customer set PersonID = 999999 where CustomerID % 21 = 2",
    "update Sales.Customer set AccountNumber = ' ', TerritoryID = null where CustomerID % 8 = 2",
    "update Sales.Customer set ModifiedDate = null where CustomerID % 6 = 3",
    # Products: without a subcategory, of an unknown one, of one without a category, withdrawn, discontinued.
    "update Production.Product set ProductSubcategoryID = null where ProductID % 12 = 0",
    "update Production.Product set ProductSubcategoryID = 999 where ProductID % 40 = 1",
    "update Production.ProductSubcategory set ProductCategoryID = 99 where ProductSubcategoryID = 7",
    "update Production.Product set SellEndDate = '2013-05-29 12:00:00' where ProductID % 10 = 3",
    "update Production.Product set DiscontinuedDate = '2012-01-01' where ProductID % 10 = 4",
    "update Production.Product set Class = '  ', Style = '', Color = ' Red ' where ProductID % 7 = 0",
)
