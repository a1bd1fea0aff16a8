from __future__ import annotations

import hashlib
import math
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.source.generate import generate
from dataops_cli.source.tables import TABLES
from dataops_cli.source.totals import StagedSource, totals

# Each query counts what breaks a rule that holds for the real data too.
INVARIANTS = {
    "line total": "Sales.SalesOrderDetail WHERE LineTotal <> round(OrderQty * UnitPrice * (1 - UnitPriceDiscount), 6)",
    "line values": "Sales.SalesOrderDetail WHERE OrderQty <= 0 OR UnitPrice <= 0 OR UnitPriceDiscount NOT BETWEEN 0 AND 0.4",
    "detail ids": "(SELECT SalesOrderDetailID FROM Sales.SalesOrderDetail GROUP BY ALL HAVING count(*) > 1)",
    "subtotal": """Sales.SalesOrderHeader AS h LEFT JOIN (
        SELECT SalesOrderID, sum(LineTotal) AS lines FROM Sales.SalesOrderDetail GROUP BY ALL
        ) AS d USING (SalesOrderID) WHERE lines IS NULL OR SubTotal <> round(lines, 4)""",
    "total due": "Sales.SalesOrderHeader WHERE TotalDue <> SubTotal + TaxAmt + Freight OR TaxAmt < 0 OR Freight < 0",
    "dates": """Sales.SalesOrderHeader WHERE OrderDate NOT BETWEEN '2011-05-31' AND '2014-06-30'
        OR ShipDate <= OrderDate OR DueDate <= ShipDate OR ModifiedDate < OrderDate""",
    "orders of lines": "Sales.SalesOrderDetail ANTI JOIN Sales.SalesOrderHeader USING (SalesOrderID)",
    "products of lines": """Sales.SalesOrderDetail JOIN Sales.SalesOrderHeader USING (SalesOrderID)
        LEFT JOIN Production.Product AS p USING (ProductID)
        WHERE p.ListPrice IS NULL OR OrderDate < SellStartDate OR OrderDate > SellEndDate OR NOT FinishedGoodsFlag""",
    "customers of orders": """Sales.SalesOrderHeader LEFT JOIN Sales.Customer AS c USING (CustomerID)
        WHERE c.PersonID IS NULL OR OnlineOrderFlag = (c.StoreID IS NOT NULL)
        OR Sales.SalesOrderHeader.TerritoryID <> c.TerritoryID""",
    "persons of customers": """Sales.Customer AS c LEFT JOIN Person.Person AS p ON p.BusinessEntityID = c.PersonID
        WHERE c.PersonID IS NOT NULL AND coalesce(p.PersonType, '') <> if(c.StoreID IS NULL, 'IN', 'SC')""",
    "customers without anybody": "Sales.Customer WHERE PersonID IS NULL AND StoreID IS NULL",
    "online": """Sales.SalesOrderHeader WHERE OnlineOrderFlag
        AND (SalesPersonID IS NOT NULL OR PurchaseOrderNumber IS NOT NULL)""",
    "online lines": """Sales.SalesOrderDetail JOIN Sales.SalesOrderHeader USING (SalesOrderID)
        WHERE OnlineOrderFlag AND (OrderQty <> 1 OR UnitPriceDiscount <> 0 OR CarrierTrackingNumber IS NOT NULL)""",
    "resellers": """Sales.SalesOrderHeader LEFT JOIN Person.Person AS p ON p.BusinessEntityID = SalesPersonID
        WHERE NOT OnlineOrderFlag AND coalesce(p.PersonType, '') <> 'SP'""",
    "status": "Sales.SalesOrderHeader WHERE Status <> 5 OR TerritoryID NOT BETWEEN 1 AND 10",
    "subcategories": "Production.Product ANTI JOIN Production.ProductSubcategory USING (ProductSubcategoryID)"
    " WHERE ProductSubcategoryID IS NOT NULL",
    "product numbers": "(SELECT ProductNumber FROM Production.Product GROUP BY ALL HAVING count(*) > 1)",
    "product names": "(SELECT Name FROM Production.Product GROUP BY ALL HAVING count(*) > 1)",
    "products": "Production.Product WHERE StandardCost > ListPrice OR SellEndDate <= SellStartDate",
    "trailing blanks": "Production.Product WHERE length(ProductLine) <> 2 OR length(Class) <> 2 OR length(Style) <> 2",
}


def make(path: Path, scale: float, seed: int) -> StagedSource:
    return generate(path, scale, seed, lambda _line: None)


def digest(path: Path) -> str:
    """Of all rows of all tables, in the order in which they are stored."""
    content = hashlib.sha256()
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT * FROM {table.sql_name}").fetchall()
            content.update(repr(rows).encode())
    return content.hexdigest()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scale") / "one.duckdb"
    make(path, 1, 1)
    return path


def test_scale_one_has_the_size_of_the_real_data(one: Path) -> None:
    staged = totals(one)
    assert [count.rows for count in staged.tables] == [4, 37, 504, 19_972, 19_820, 31_465, 121_317]
    assert (staged.totals.online_orders, staged.totals.reseller_orders) == (27_659, 3_806)
    assert math.isclose(staged.totals.units, 274_914, rel_tol=0.05)
    assert math.isclose(staged.totals.line_total, 109_846_381, rel_tol=0.1)


@pytest.mark.parametrize("rule", INVARIANTS)
def test_invariants_at_scale_one(one: Path, rule: str) -> None:
    with duckdb.connect(str(one), read_only=True) as connection:
        assert connection.execute(f"SELECT count(*) FROM {INVARIANTS[rule]}").fetchone() == (0,)


@pytest.mark.parametrize(
    ("scale", "seed"), [(0.00001, 0), (0.0003, 5), (0.01, 1), (0.01, 2**63 - 1), (0.2, 77)]
)
def test_invariants_at_other_scales(tmp_path: Path, scale: float, seed: int) -> None:
    path = tmp_path / "source.duckdb"
    staged = make(path, scale, seed)
    assert staged.totals.orders == max(1, round(31_465 * scale))
    assert staged.totals.lines == max(1, round(121_317 * scale))
    with duckdb.connect(str(path), read_only=True) as connection:
        for rule, query in INVARIANTS.items():
            assert connection.execute(f"SELECT count(*) FROM {query}").fetchone() == (0,), rule
        first, last = connection.execute(
            "SELECT min(OrderDate), max(OrderDate) FROM Sales.SalesOrderHeader"
        ).fetchone() or (None, None)
    assert first == datetime(2011, 5, 31)
    assert last == (datetime(2014, 6, 30) if staged.totals.orders > 1 else first)


def test_values_fit_their_types_on_sql_server(one: Path) -> None:
    with duckdb.connect(str(one), read_only=True) as connection:
        for table in TABLES:
            for column in table.columns:
                if column.is_text:
                    (size,) = column.sizes
                    query = f"SELECT max(length({column.name})) FROM {table.sql_name}"
                    assert (connection.execute(query).fetchone() or (0,))[0] in (None, *range(size + 1)), (
                        column
                    )
                if not column.nullable:
                    query = f"SELECT count(*) FROM {table.sql_name} WHERE {column.name} IS NULL"
                    assert connection.execute(query).fetchone() == (0,), column


def test_the_shape_of_the_real_data(one: Path) -> None:
    with duckdb.connect(str(one), read_only=True) as connection:

        def value(query: str) -> object:
            return (connection.execute(query).fetchone() or (None,))[0]

        sold = value("SELECT count(DISTINCT ProductID) FROM Sales.SalesOrderDetail")
        assert sold in range(255, 285)
        assert value("SELECT count(*) FROM Production.Product WHERE ProductSubcategoryID IS NULL") == 209
        assert value("SELECT count(*) FROM Production.Product WHERE SellEndDate IS NOT NULL") == 98
        assert value(
            "SELECT count(*) FROM Sales.Customer ANTI JOIN Sales.SalesOrderHeader USING (CustomerID)"
        ) in range(690, 730)
        assert value("SELECT count(DISTINCT PersonType) FROM Person.Person") == 6
        assert value("SELECT count(DISTINCT OrderDate) FROM Sales.SalesOrderHeader") == 1127
        assert value("SELECT count(DISTINCT SpecialOfferID) FROM Sales.SalesOrderDetail") in range(9, 13)
        assert value("SELECT max(OrderQty) FROM Sales.SalesOrderDetail") in range(15, 45)
        growth = (
            "SELECT count(*) FILTER (WHERE OrderDate >= '2013-07-01') / count(*) FROM Sales.SalesOrderHeader"
        )
        assert 0.6 < float(str(value(growth))) < 0.8


def test_a_seed_gives_the_same_rows_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "a.duckdb", 0.03, 3)
    connect = duckdb.connect

    def with_one_thread(path: str, config: dict[str, str]) -> duckdb.DuckDBPyConnection:
        return connect(path, config={**config, "threads": "1"})

    with monkeypatch.context() as patched:
        patched.setattr(duckdb, "connect", with_one_thread)
        make(tmp_path / "b.duckdb", 0.03, 3)
    make(tmp_path / "c.duckdb", 0.03, 4)
    assert digest(tmp_path / "a.duckdb") == digest(tmp_path / "b.duckdb")
    assert digest(tmp_path / "a.duckdb") != digest(tmp_path / "c.duckdb")


def test_the_rows_of_a_seed_are_pinned(tmp_path: Path) -> None:
    """Generated data is the same for a seed in every version: other rows are another edition, to be said in the log."""
    path = tmp_path / "source.duckdb"
    make(path, 0.01, 1)
    assert digest(path) == "cc62c23a18e3dbec5b87efd9b1f070e96044d2ee24c59599f4ae8a38b8340275"


@pytest.mark.parametrize("scale", [0, -1, 1000.1, math.nan, math.inf])
def test_refused_scales(tmp_path: Path, scale: float) -> None:
    with pytest.raises(DataopsError, match="scale must be above 0 and at most 1000") as caught:
        make(tmp_path / "source.duckdb", scale, 1)
    assert caught.value.exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_refused_seeds(tmp_path: Path, seed: int) -> None:
    with pytest.raises(DataopsError, match="seed must be from 0 to") as caught:
        make(tmp_path / "source.duckdb", 1, seed)
    assert caught.value.exit_code == ExitCode.USAGE


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "source.duckdb", 0.01, 1, interrupt)
    assert list(tmp_path.iterdir()) == []
