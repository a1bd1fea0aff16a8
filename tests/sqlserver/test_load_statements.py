"""What `source load` and `source generate` send to SQL Server, word by word."""

from __future__ import annotations

import sqlglot

from dataops_cli.source.sqlserver import create_table, preparation, switch_in
from dataops_cli.source.tables import SALES_ORDER_DETAIL, TABLES


def test_a_table_has_base_types_and_its_key_alone() -> None:
    assert create_table(SALES_ORDER_DETAIL) == (
        "CREATE TABLE [Sales].[SalesOrderDetail__loading] ([SalesOrderID] int NOT NULL, "
        "[SalesOrderDetailID] int NOT NULL, [CarrierTrackingNumber] nvarchar(25) NULL, [OrderQty] smallint NOT NULL, "
        "[ProductID] int NOT NULL, [SpecialOfferID] int NOT NULL, [UnitPrice] money NOT NULL, "
        "[UnitPriceDiscount] money NOT NULL, [LineTotal] numeric(38,6) NOT NULL, [rowguid] uniqueidentifier NULL, "
        "[ModifiedDate] datetime NOT NULL, PRIMARY KEY ([SalesOrderID], [SalesOrderDetailID]))"
    )


def test_all_seven_are_switched_in_together() -> None:
    statements = switch_in("2026-11-25T12:00:00+00:00")
    assert statements[:2] == [
        "DROP TABLE IF EXISTS [Production].[ProductCategory]",
        "EXEC sp_rename N'Production.ProductCategory__loading', N'ProductCategory', N'OBJECT'",
    ]
    assert sum(item.startswith("EXEC sp_rename") for item in statements) == len(TABLES)
    assert statements[-3:] == [
        "DROP TABLE IF EXISTS [dbo].[dataops_source]",
        "CREATE TABLE [dbo].[dataops_source] (loaded_at nvarchar(40) NOT NULL)",
        "INSERT INTO [dbo].[dataops_source] (loaded_at) VALUES (N'2026-11-25T12:00:00+00:00')",
    ]


def test_what_a_killed_load_left_goes_first() -> None:
    assert preparation() == [
        "IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'Person') EXEC(N'CREATE SCHEMA [Person]')",
        "IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'Production') EXEC(N'CREATE SCHEMA [Production]')",
        "IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'Sales') EXEC(N'CREATE SCHEMA [Sales]')",
        *(f"DROP TABLE IF EXISTS [{table.schema}].[{table.name}__loading]" for table in TABLES),
    ]


def test_everything_parses_as_tsql() -> None:
    for statement in [*preparation(), *switch_in("now"), *(create_table(table) for table in TABLES)]:
        assert sqlglot.parse(statement, dialect="tsql")
