"""The oracle of the warehouse tests, tried on cases small enough to work out by hand, and on the known totals."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, localcontext
from pathlib import Path

import duckdb
import pytest

from warehouse import oracle
from warehouse.oracle import Relation, compute, differences

pytestmark = pytest.mark.slow

# The source's columns that the contract reads, with the types a copy of SQL Server's tables has on DuckDB.
SOURCE_TYPES = {
    "Sales.SalesOrderHeader": {
        "SalesOrderID": "INTEGER",
        "OrderDate": "TIMESTAMP",
        "DueDate": "TIMESTAMP",
        "ShipDate": "TIMESTAMP",
        "Status": "UTINYINT",
        "OnlineOrderFlag": "BOOLEAN",
        "SalesOrderNumber": "VARCHAR",
        "PurchaseOrderNumber": "VARCHAR",
        "CustomerID": "INTEGER",
        "SalesPersonID": "INTEGER",
        "TerritoryID": "INTEGER",
        "SubTotal": "DECIMAL(19,4)",
        "TaxAmt": "DECIMAL(19,4)",
        "Freight": "DECIMAL(19,4)",
        "TotalDue": "DECIMAL(19,4)",
        "ModifiedDate": "TIMESTAMP",
    },
    "Sales.SalesOrderDetail": {
        "SalesOrderID": "INTEGER",
        "SalesOrderDetailID": "INTEGER",
        "CarrierTrackingNumber": "VARCHAR",
        "OrderQty": "SMALLINT",
        "ProductID": "INTEGER",
        "SpecialOfferID": "INTEGER",
        "UnitPrice": "DECIMAL(19,4)",
        "UnitPriceDiscount": "DECIMAL(19,4)",
        "LineTotal": "DECIMAL(38,6)",
        "ModifiedDate": "TIMESTAMP",
    },
    "Sales.Customer": {
        "CustomerID": "INTEGER",
        "PersonID": "INTEGER",
        "StoreID": "INTEGER",
        "TerritoryID": "INTEGER",
        "AccountNumber": "VARCHAR",
        "ModifiedDate": "TIMESTAMP",
    },
    "Person.Person": {
        "BusinessEntityID": "INTEGER",
        "PersonType": "VARCHAR",
        "Title": "VARCHAR",
        "FirstName": "VARCHAR",
        "MiddleName": "VARCHAR",
        "LastName": "VARCHAR",
        "Suffix": "VARCHAR",
        "EmailPromotion": "INTEGER",
        "ModifiedDate": "TIMESTAMP",
    },
    "Production.Product": {
        "ProductID": "INTEGER",
        "Name": "VARCHAR",
        "ProductNumber": "VARCHAR",
        "MakeFlag": "BOOLEAN",
        "FinishedGoodsFlag": "BOOLEAN",
        "Color": "VARCHAR",
        "StandardCost": "DECIMAL(19,4)",
        "ListPrice": "DECIMAL(19,4)",
        "Size": "VARCHAR",
        "DaysToManufacture": "INTEGER",
        "ProductLine": "VARCHAR",
        "Class": "VARCHAR",
        "Style": "VARCHAR",
        "ProductSubcategoryID": "INTEGER",
        "SellStartDate": "TIMESTAMP",
        "SellEndDate": "TIMESTAMP",
        "DiscontinuedDate": "TIMESTAMP",
        "ModifiedDate": "TIMESTAMP",
    },
    "Production.ProductSubcategory": {
        "ProductSubcategoryID": "INTEGER",
        "ProductCategoryID": "INTEGER",
        "Name": "VARCHAR",
        "ModifiedDate": "TIMESTAMP",
    },
    "Production.ProductCategory": {
        "ProductCategoryID": "INTEGER",
        "Name": "VARCHAR",
        "ModifiedDate": "TIMESTAMP",
    },
}


def create_schemas(connection: duckdb.DuckDBPyConnection) -> None:
    for schema in sorted({table.partition(".")[0] for table in SOURCE_TYPES}):
        connection.execute(f"create schema {schema}")


def load_csv(folder: Path, target: Path) -> Path:
    """The real data's CSV files as the DuckDB file that the oracle reads."""
    with duckdb.connect(str(target)) as connection:
        create_schemas(connection)
        for table, types in SOURCE_TYPES.items():
            typed = ", ".join(f"cast({column} as {kind}) as {column}" for column, kind in types.items())
            file = str(folder / f"{table}.csv.gz")
            connection.execute(
                f"create table {table} as select {typed} from read_csv(?, header = true, all_varchar = true)",
                [file],
            )
    return target


def d(text: str) -> Decimal:
    return Decimal(text)


# --- helpers, by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("1.00005", "1.0001"),
        ("-1.00005", "-1.0001"),
        ("1.00015", "1.0002"),
        ("1.00025", "1.0003"),
        ("1.000049999999", "1.0000"),
        ("-0.00004", "0"),
        ("12345678901234567890.12345", "12345678901234567890.1235"),
    ],
)
def test_money_is_rounded_half_away_from_zero(amount: str, rounded: str) -> None:
    assert oracle.money(d(amount)) == d(rounded)


def test_sums_and_products_lose_no_digit() -> None:
    with localcontext(oracle.exact_arithmetic()):
        assert d("99999999999999999999999999999999.999999") + d("0.000001") == d("1e32")
        assert d("999999999999999.9999") * d("0.1234") * 100 == d("12339999999999999.998766")


def test_a_ratio_without_a_divisor_is_nothing() -> None:
    assert oracle.ratio(d("1"), 3) == d("0.3333")
    assert oracle.ratio(d("-2"), d("3")) == d("-0.6667")
    assert oracle.ratio(d("1"), d("0.0000")) is None
    assert oracle.ratio(d("1"), 0) is None
    assert oracle.ratio(None, 3) is None
    assert oracle.ratio(d("0"), 3) == 0
    assert oracle.percent(d("1"), d("8")) == d("12.5")


def test_text_is_trimmed_and_empty_text_is_nothing() -> None:
    assert oracle.text("  M ") == "M"
    assert oracle.text("a  b") == "a  b"
    assert oracle.text("   ") is None
    assert oracle.text("") is None
    assert oracle.text(None) is None


@pytest.mark.parametrize(
    ("count", "buckets", "sizes"),
    [
        (10, 5, [2, 2, 2, 2, 2]),
        (12, 5, [3, 3, 2, 2, 2]),
        (11, 4, [3, 3, 3, 2]),
        (3, 5, [1, 1, 1]),
        (1, 4, [1]),
        (0, 4, []),
    ],
)
def test_the_first_buckets_get_the_remainder(count: int, buckets: int, sizes: list[int]) -> None:
    keys = [f"k{position:02}" for position in range(count)]
    expected = [bucket for bucket, size in enumerate(sizes, start=1) for _ in range(size)]
    assert [oracle.ntile(buckets, keys)[key] for key in keys] == expected


def test_equal_measures_are_ranked_by_key() -> None:
    revenue = {7: d("10"), 3: d("10.00"), 5: d("10.000001"), 1: d("-1"), 9: d("0")}
    ranks = oracle.ranks(revenue, revenue.__getitem__)
    assert ranks == {5: 1, 3: 2, 7: 3, 9: 4, 1: 5}
    assert list(ranks) == [5, 3, 7, 9, 1]
    assert oracle.running_sums(ranks, revenue.__getitem__) == {
        5: d("10.000001"),
        3: d("20.000001"),
        7: d("30.000001"),
        9: d("30.000001"),
        1: d("29.000001"),
    }


@pytest.mark.parametrize(
    ("when", "before"),
    [
        (date(2014, 3, 1), date(2013, 3, 1)),
        (date(2012, 2, 29), date(2011, 2, 28)),
        (date(2013, 2, 28), date(2012, 2, 28)),
        (date(2014, 1, 1), date(2013, 1, 1)),
        (date(2012, 12, 31), date(2011, 12, 31)),
    ],
)
def test_one_year_before(when: date, before: date) -> None:
    assert oracle.one_year_before(when) == before


def test_days_and_quarters() -> None:
    assert oracle.days_between(date(2012, 2, 28), date(2012, 3, 1)) == 2
    assert oracle.days_between(date(2012, 3, 1), date(2012, 2, 28)) == -2
    assert oracle.days_between(None, date(2012, 2, 28)) is None
    assert [oracle.quarter(date(2013, month, 1)) for month in range(1, 13)] == [
        1,
        1,
        1,
        2,
        2,
        2,
        3,
        3,
        3,
        4,
        4,
        4,
    ]


@pytest.mark.parametrize(
    ("running", "letter"),
    [("80", "a"), ("79.999999", "a"), ("80.000001", "b"), ("95", "b"), ("95.000001", "c"), ("100", "c")],
)
def test_abc_boundaries_belong_to_the_better_class(running: str, letter: str) -> None:
    assert oracle.abc_class(d(running), d("100.000000")) == letter


def test_abc_class_is_decided_in_decimals() -> None:
    """0.1 + 0.7 of 1.0 is exactly 80 percent, which binary floating point misses."""
    assert oracle.abc_class(d("0.1") + d("0.7"), d("1.0")) == "a"


@pytest.mark.parametrize(
    ("scores", "segment"),
    [
        ((5, 5, 5), "champions"),
        ((4, 4, 4), "champions"),
        ((4, 4, 3), "loyal"),
        ((3, 4, 5), "loyal"),
        ((3, 5, 1), "loyal"),
        ((4, 2, 5), "new"),
        ((5, 1, 1), "new"),
        ((4, 3, 5), "potential"),
        ((3, 3, 3), "potential"),
        ((3, 1, 1), "potential"),
        ((2, 3, 1), "at_risk"),
        ((1, 5, 5), "at_risk"),
        ((2, 2, 5), "hibernating"),
        ((1, 1, 1), "hibernating"),
    ],
)
def test_the_first_segment_that_holds(scores: tuple[int, int, int], segment: str) -> None:
    assert oracle.rfm_segment(*scores) == segment


def test_tier_boundaries() -> None:
    sizes = ["999.9999", "1000", "9999.9999", "10000"]
    assert [oracle.order_size_tier(d(due)) for due in sizes] == ["small", "medium", "medium", "large"]
    values = ["0", "-1", "0.000001", "999.999999", "1000", "9999.999999", "10000"]
    assert [oracle.value_tier(d(value)) for value in values] == [
        "none",
        "none",
        "low",
        "low",
        "medium",
        "medium",
        "high",
    ]
    days = [None, 0, 90, 91, 180, 181, 365, 366]
    assert [oracle.churn_risk(since) for since in days] == [
        "prospect",
        "active",
        "active",
        "cooling",
        "cooling",
        "at_risk",
        "at_risk",
        "churned",
    ]


def test_customer_types() -> None:
    assert oracle.customer_type(1, None) == "individual"
    assert oracle.customer_type(1, 2) == "store_contact"
    assert oracle.customer_type(None, 2) == "store"


def test_a_key_twice_or_a_column_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="id 1 twice"):
        oracle.relation("gold", "r", "id", {"id": oracle.INT}, [{"id": 1}, {"id": 1}])
    with pytest.raises(ValueError, match="name"):
        oracle.relation("gold", "r", "id", {"id": oracle.INT, "name": oracle.TEXT}, [{"id": 1}])


# --- a small source, by hand -------------------------------------------------------------------------------------------

MODIFIED = "2014-01-01 10:00:00.123"


def insert(connection: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """One row; the columns that are not named are NULL."""
    columns = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    connection.execute(f"insert into {table} ({columns}) values ({marks})", list(values.values()))


def insert_order(
    connection: duckdb.DuckDBPyConnection,
    order_id: int,
    when: str | None,
    customer_id: int | None,
    is_online: bool,
    lines: list[tuple[int, int | None, int, str, str, str]],
    **header: object,
) -> None:
    """An order; each line is detail id, product, quantity, price, discount and line total."""
    values: dict[str, object] = {
        "SalesOrderNumber": f" SO{order_id} ",
        "PurchaseOrderNumber": "  ",
        "OrderDate": when,
        "DueDate": when,
        "Status": 5,
        "TerritoryID": 1,
        "SubTotal": "0",
        "TaxAmt": "0",
        "Freight": "0",
        "TotalDue": "1000",
        "ModifiedDate": MODIFIED,
    }
    insert(
        connection,
        "Sales.SalesOrderHeader",
        SalesOrderID=order_id,
        CustomerID=customer_id,
        OnlineOrderFlag=is_online,
        **(values | header),
    )
    for detail_id, product_id, quantity, price, discount, total in lines:
        insert(
            connection,
            "Sales.SalesOrderDetail",
            SalesOrderID=order_id,
            SalesOrderDetailID=detail_id,
            OrderQty=quantity,
            ProductID=product_id,
            SpecialOfferID=1,
            UnitPrice=price,
            UnitPriceDiscount=discount,
            LineTotal=total,
            ModifiedDate="2014-01-01 10:00:00.456",
        )


def insert_product(
    connection: duckdb.DuckDBPyConnection,
    product_id: int,
    name: str,
    cost: str,
    subcategory_id: int | None,
    **more: object,
) -> None:
    insert(
        connection,
        "Production.Product",
        ProductID=product_id,
        Name=name,
        ProductNumber=f"N-{product_id}",
        MakeFlag=True,
        FinishedGoodsFlag=False,
        StandardCost=cost,
        ListPrice="100",
        DaysToManufacture=1,
        ProductSubcategoryID=subcategory_id,
        SellStartDate="2010-01-01",
        ModifiedDate=MODIFIED,
        **more,
    )


@pytest.fixture(scope="module")
def small_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("small") / "source.duckdb"
    with duckdb.connect(str(target)) as connection:
        create_schemas(connection)
        for table, types in SOURCE_TYPES.items():
            connection.execute(
                f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in types.items())})"
            )

        for category_id, name in ((1, " Bikes "), (2, "Clothing")):
            insert(connection, "Production.ProductCategory", ProductCategoryID=category_id, Name=name)
        for subcategory_id, category_id, name in ((10, 1, "Road"), (20, 2, "Socks")):
            insert(
                connection,
                "Production.ProductSubcategory",
                ProductSubcategoryID=subcategory_id,
                ProductCategoryID=category_id,
                Name=name,
            )
        insert_product(connection, 1, "Bike", "60", 10, ProductLine="R ", Style="  ")
        insert_product(connection, 2, "Sock", "1.5", 20, SellEndDate="2013-05-29 23:00:00")
        insert_product(connection, 3, "Bolt", "0", None, DiscontinuedDate="2013-05-29")
        insert_product(connection, 4, "Long sock", "2", 20)

        insert(
            connection,
            "Person.Person",
            BusinessEntityID=100,
            PersonType="IN",
            FirstName=" Ana ",
            MiddleName="",
            LastName="Lee",
            Suffix="Jr.",
            EmailPromotion=2,
            ModifiedDate="2015-05-05",
        )
        insert(
            connection, "Person.Person", BusinessEntityID=101, FirstName="Bo", LastName="Ek", EmailPromotion=0
        )
        for customer_id, person_id, store_id in (
            (1, 100, None),
            (2, 101, 500),
            (3, None, 501),
            (4, None, None),
        ):
            insert(
                connection,
                "Sales.Customer",
                CustomerID=customer_id,
                PersonID=person_id,
                StoreID=store_id,
                TerritoryID=1,
                AccountNumber=f"AW{customer_id}",
                ModifiedDate=MODIFIED,
            )

        late = {"DueDate": "2012-02-29", "ShipDate": "2012-03-01"}
        first = [(1, 1, 1, "100", "0", "100"), (2, 2, 3, "4", "0.1", "10.8")]
        insert_order(connection, 1001, "2012-02-28", 1, True, first, **late)
        insert_order(
            connection, 1002, "2012-02-29", 2, False, [(3, 1, 2, "90", "0", "180")], TotalDue="10000"
        )
        insert_order(connection, 1003, "2013-02-28", 1, False, [(4, 2, 1, "4", "0.1667", "3.33335")])
        # No line of the next two orders is valid: quantity, product, price; then the order date, then the customer.
        invalid = [(5, 1, 0, "1", "0", "0"), (6, None, 1, "1", "0", "1"), (7, 1, 1, "-1", "0", "-1")]
        insert_order(connection, 1004, "2016-03-05", 1, True, invalid)
        insert_order(connection, 1005, None, 1, True, [(8, 1, 1, "1", "0", "1")])
        insert_order(connection, 1006, "2016-03-05", None, True, [(9, 1, 1, "1", "0", "1")])
        insert_order(
            connection,
            1007,
            "2016-02-28",
            2,
            True,
            [(10, 4, 1, "0", "0", "0")],
            Status=9,
            DueDate="2016-03-09",
        )
    return target


@pytest.fixture(scope="module")
def small(small_source: Path) -> dict[str, Relation]:
    """As of 28 February 2013: the order of 2016 has not happened."""
    return compute(small_source, date(2013, 2, 28))


def some(built: Relation, key: object, columns: str) -> tuple[object, ...]:
    row = built.row(key)
    return tuple(row[column] for column in columns.split())


def test_bronze_by_hand(small: dict[str, Relation]) -> None:
    orders, customers, products = (
        small[f"brnz_{name}"] for name in ("sales_orders", "customers", "products")
    )
    assert list(orders.rows) == [1, 2, 3, 4, 10]
    columns = "sales_order_number purchase_order_number order_date gross_amount discount_amount line_total modified_at"
    assert some(orders, 2, columns) == (
        "SO1001",
        None,
        date(2012, 2, 28),
        d("12"),
        d("1.2"),
        d("10.8"),
        datetime(2014, 1, 1, 10, 0, 0, 456000),
    )
    assert list(customers.rows) == [1, 2, 3]
    columns = "customer_type first_name middle_name full_name email_promotion modified_at"
    assert some(customers, 1, columns) == ("individual", "Ana", None, "Ana Lee Jr.", 2, datetime(2015, 5, 5))
    assert some(customers, 2, columns)[3:] == ("Bo Ek", 0, datetime(2014, 1, 1, 10, 0, 0, 123000))
    assert some(customers, 3, columns)[:5] == ("store", None, None, None, None)
    columns = "category_id category_name subcategory_name product_line product_style sell_end_date is_currently_sold"
    assert some(products, 1, columns) == (1, "Bikes", "Road", "R", None, None, True)
    assert some(products, 2, columns)[5:] == (date(2013, 5, 29), False)
    assert some(products, 3, columns) == (None, None, None, None, None, None, False)


def test_silver_orders_by_hand(small_source: Path, small: dict[str, Relation]) -> None:
    orders = small["slvr_sales_orders"]
    assert list(orders.rows) == [1, 2, 3, 4]
    columns = "order_quarter order_year_month order_day_of_week is_weekend days_to_ship is_shipped_late sales_channel"
    assert some(orders, 1, columns) == (1, "2012-02", 2, False, 2, True, "online")
    assert some(orders, 3, columns) == (1, "2012-02", 3, False, None, False, "reseller")
    columns = (
        "has_discount net_amount product_cost gross_profit gross_margin_pct order_size_tier category_name"
    )
    assert some(orders, 1, columns) == (False, d("100"), d("60"), d("40"), d("40"), "medium", "Bikes")
    # 3.33335 is 3.3334 half away from zero; 100 * 1.8334 / 3.3334 = 55.00089...
    assert some(orders, 4, columns) == (
        True,
        d("3.3334"),
        d("1.5"),
        d("1.8334"),
        d("55.0009"),
        "medium",
        "Clothing",
    )
    assert some(orders, 3, columns)[5:] == ("large", "Bikes")

    given_away = compute(small_source)["slvr_sales_orders"]
    columns = "order_day_of_week is_weekend order_status_name net_amount gross_profit gross_margin_pct"
    assert some(given_away, 10, columns) == (7, True, "unknown", d("0"), d("-2"), None)


def test_silver_customers_by_hand(small_source: Path, small: dict[str, Relation]) -> None:
    customers = small["slvr_customers"]
    columns = (
        "first_order_date last_order_date total_orders total_quantity lifetime_value average_order_value"
    )
    # 100 + 10.8 + 3.33335
    assert some(customers, 1, columns) == (
        date(2012, 2, 28),
        date(2013, 2, 28),
        2,
        5,
        d("114.1334"),
        d("57.0667"),
    )
    assert some(customers, 3, columns) == (None, None, 0, 0, d("0"), None)
    columns = (
        "days_since_last_order customer_tenure_days recency_score frequency_score monetary_score rfm_score"
    )
    assert some(customers, 1, columns) == (0, 366, 2, 2, 1, 221)
    assert some(customers, 2, columns) == (365, 0, 1, 1, 2, 112)
    assert some(customers, 3, columns) == (None, None, None, None, None, None)
    assert [some(customers, key, "rfm_segment value_tier") for key in (1, 2, 3)] == [
        ("hibernating", "low"),
        ("hibernating", "low"),
        ("no_orders", "none"),
    ]
    # Without a date, the latest valid order's: 28 February 2016.
    assert some(compute(small_source)["slvr_customers"], 1, "days_since_last_order") == (1095,)


def test_silver_products_by_hand(small: dict[str, Relation]) -> None:
    products = small["slvr_products"]
    columns = "total_orders total_customers total_quantity_sold gross_revenue total_discount total_revenue total_cost"
    assert some(products, 1, columns) == (2, 2, 3, d("280"), d("0"), d("280"), d("180"))
    assert some(products, 2, columns) == (2, 1, 4, d("16"), d("1.8668"), d("14.1334"), d("6"))
    assert some(products, 3, columns) == (0, 0, 0, d("0"), d("0"), d("0"), d("0"))
    columns = "gross_profit gross_margin_pct average_selling_price days_since_last_sale revenue_rank performance_tier"
    assert some(products, 1, columns) == (d("100"), d("35.7143"), d("93.3333"), 365, 1, "top")
    assert some(products, 2, columns) == (d("8.1334"), d("57.5472"), d("3.5333"), 0, 2, "strong")
    assert some(products, 4, columns) == (d("0"), None, None, None, None, "never_sold")
    assert some(products, 3, "category_name subcategory_name") == ("uncategorised", "uncategorised")


def test_gold_sales_by_hand(small: dict[str, Relation]) -> None:
    summary = small["gld_sales_summary"]
    assert list(summary.rows) == [date(2012, 2, 28), date(2012, 2, 29), date(2013, 2, 28)]
    columns = (
        "total_orders total_line_items total_quantity net_revenue gross_profit gross_margin_pct new_customers"
    )
    assert some(summary, date(2012, 2, 28), columns) == (1, 2, 4, d("110.8"), d("46.3"), d("41.787"), 1)
    columns = "online_orders reseller_orders online_revenue reseller_revenue online_revenue_pct new_customers"
    assert some(summary, date(2013, 2, 28), columns) == (0, 1, d("0"), d("3.3334"), d("0"), 0)
    columns = "revenue_7d_avg revenue_mtd revenue_ytd orders_ytd revenue_prior_year"
    assert some(summary, date(2012, 2, 29), columns) == (d("145.4"), d("290.8"), d("290.8"), 2, None)
    # 294.13335 / 3 = 98.04445
    assert some(summary, date(2013, 2, 28), columns) == (
        d("98.0445"),
        d("3.3334"),
        d("3.3334"),
        1,
        d("110.8"),
    )


def test_gold_customers_by_hand(small: dict[str, Relation]) -> None:
    metrics = small["gld_customer_metrics"]
    columns = "total_discount gross_profit distinct_products online_orders reseller_orders favourite_category churn_risk"
    assert some(metrics, 1, columns) == (d("1.8668"), d("48.1334"), 2, 1, 1, "Bikes", "active")
    assert some(metrics, 2, columns) == (d("0"), d("60"), 1, 0, 1, "Bikes", "at_risk")
    assert some(metrics, 3, columns) == (d("0"), d("0"), 0, 0, 0, None, "prospect")
    columns = "revenue_rank revenue_share_pct cumulative_revenue_share_pct"
    assert some(metrics, 1, columns) == (2, d("38.8033"), d("100"))
    assert some(metrics, 2, columns) == (1, d("61.1967"), d("61.1967"))
    assert some(metrics, 3, columns) == (None, None, None)


def test_gold_products_by_hand(small_source: Path, small: dict[str, Relation]) -> None:
    performance = small["gld_product_performance"]
    columns = "discount_pct revenue_rank_in_category revenue_share_pct category_revenue_share_pct abc_class"
    assert some(performance, 1, columns) == (d("0"), 1, d("95.1949"), d("100"), "c")
    assert some(performance, 2, columns) == (d("11.6675"), 1, d("4.8051"), d("100"), "c")
    assert some(performance, 3, columns) == (None, None, None, None, "none")
    # The last 365 days begin on 1 March 2012: the 29 February before is the last of the 365 before those.
    columns = "revenue_last_12m revenue_prior_12m revenue_growth_pct"
    assert some(performance, 1, columns) == (d("0"), d("280"), d("-100"))
    assert some(performance, 2, columns) == (d("3.3334"), d("10.8"), d("-69.1356"))
    assert some(performance, 3, columns) == (d("0"), d("0"), None)
    # Sold for nothing is sold: ranked last, with shares of zero but no margin.
    given_away = compute(small_source)["gld_product_performance"]
    columns = (
        "total_orders revenue_rank revenue_rank_in_category revenue_share_pct gross_margin_pct discount_pct"
    )
    assert some(given_away, 4, columns) == (1, 3, 2, d("0"), None, None)


# --- what differences() reports ----------------------------------------------------------------------------------------


@pytest.fixture
def thing() -> Relation:
    kinds = {"day": oracle.DATE, "amount": oracle.MONEY, "share_pct": oracle.RATIO, "name": oracle.TEXT}
    rows = [
        {"day": date(2013, 7, 1), "amount": d("1"), "share_pct": d("0.3333"), "name": "a"},
        {"day": date(2013, 7, 2), "amount": None, "share_pct": None, "name": "b"},
    ]
    return oracle.relation("gold", "thing", "day", kinds, rows)


COLUMNS = "day date, amount decimal(19,4), share_pct decimal(19,4), name varchar"
FIRST = "('2013-07-01', 1, 0.3333, 'a')"
SECOND = "('2013-07-02', null, null, 'b')"


@pytest.mark.parametrize(
    ("columns", "rows", "found"),
    [
        (COLUMNS, [FIRST, SECOND], []),
        (COLUMNS, ["('2013-07-01', 1, 0.3334, 'a')", SECOND], []),
        (
            COLUMNS,
            ["('2013-07-01', 1.0001, 0.3335, 'a ')", SECOND],
            [
                "gold.thing 2013-07-01 amount: expected 1, built 1.0001",
                "gold.thing 2013-07-01 share_pct: expected 0.3333, built 0.3335",
                "gold.thing 2013-07-01 name: expected 'a', built 'a '",
            ],
        ),
        (
            COLUMNS,
            [FIRST, "('2013-07-02', 0, null, null)"],
            [
                "gold.thing 2013-07-02 amount: expected NULL, built 0.0000",
                "gold.thing 2013-07-02 name: expected 'b', built NULL",
            ],
        ),
        (COLUMNS, [FIRST], ["gold.thing 2013-07-02: expected, not built"]),
        (
            COLUMNS,
            [FIRST, FIRST, SECOND, "('2013-07-03', null, null, null)"],
            ["gold.thing 2013-07-01: built more than once", "gold.thing 2013-07-03: not expected, built"],
        ),
        (
            "day timestamp, amount decimal(19,2), share_pct double, name varchar",
            [FIRST, SECOND],
            [
                "gold.thing day: expected type DATE, built TIMESTAMP",
                "gold.thing amount: expected type DECIMAL(19,4), built DECIMAL(19,2)",
                "gold.thing share_pct: expected type DECIMAL(19,4), built DOUBLE",
                "gold.thing 2013-07-01 00:00:00: not expected, built",
                "gold.thing 2013-07-02 00:00:00: not expected, built",
                "gold.thing 2013-07-01: expected, not built",
                "gold.thing 2013-07-02: expected, not built",
            ],
        ),
        (
            "day date, share_pct decimal(19,4), amount decimal(19,4), name varchar",
            ["('2013-07-01', 0.3333, 1, 'a')", SECOND],
            [
                "gold.thing columns: expected the order day, amount, share_pct, name,"
                " built day, share_pct, amount, name"
            ],
        ),
        (
            "day date, amount decimal(19,4), share_pct decimal(19,4), label varchar",
            [FIRST, SECOND],
            ["gold.thing name: missing", "gold.thing label: not in the contract"],
        ),
    ],
)
def test_differences(thing: Relation, columns: str, rows: list[str], found: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema gold")
        connection.execute(f"create table gold.thing ({columns})")
        connection.execute(f"insert into gold.thing values {', '.join(rows)}")
        assert differences(thing, connection, "thing") == found
        assert differences(thing, connection, "gold.thing", limit=1) == (
            found if len(found) <= 1 else [found[0], f"gold.thing: {len(found) - 1} more differences"]
        )


def test_a_relation_that_is_not_there(thing: Relation) -> None:
    with duckdb.connect() as connection:
        assert differences(thing, connection, "gold.thing") == ["gold.thing: not built"]


# --- the real data's known totals --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(adventureworks: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Relation]:
    return compute(load_csv(adventureworks, tmp_path_factory.mktemp("real") / "source.duckdb"))


def column(built: Relation, name: str) -> list[object]:
    at = built.columns.index(name)
    return [row[at] for row in built.rows.values()]


def total(built: Relation, name: str) -> Decimal:
    return sum(column(built, name), Decimal(0))  # type: ignore[arg-type]


def test_known_totals(real: dict[str, Relation]) -> None:
    lines = real["brnz_sales_orders"]
    assert {name: len(built.rows) for name, built in real.items()} == {
        "brnz_sales_orders": 121317,
        "brnz_customers": 19820,
        "brnz_products": 504,
        "slvr_sales_orders": 121317,
        "slvr_customers": 19820,
        "slvr_products": 504,
        "gld_sales_summary": len(set(column(lines, "order_date"))),
        "gld_customer_metrics": 19820,
        "gld_product_performance": 504,
    }
    assert total(lines, "order_quantity") == 274914
    assert total(lines, "line_total") == d("109846381.399888")
    assert set(column(lines, "order_status")) == {5}

    names = ("sales_order_id", "is_online_order", "order_subtotal", "order_total_due")
    orders = set(zip(*(column(lines, name) for name in names), strict=True))
    assert len(orders) == 31465
    assert sum(is_online for _, is_online, _, _ in orders) == 27659  # type: ignore[misc]
    assert sum(order[2] for order in orders) == d("109846381.4039")  # type: ignore[misc]
    assert sum(order[3] for order in orders) == d("123216786.1159")  # type: ignore[misc]
    assert min(column(lines, "order_date")) == date(2011, 5, 31)  # type: ignore[type-var]
    assert max(column(lines, "order_date")) == date(2014, 6, 30)  # type: ignore[type-var]


def test_gold_adds_up(real: dict[str, Relation]) -> None:
    """The same lines, by day, by customer and by product."""
    summary, metrics = real["gld_sales_summary"], real["gld_customer_metrics"]
    performance = real["gld_product_performance"]
    assert total(summary, "total_orders") == 31465
    assert total(summary, "online_orders") == 27659
    assert total(summary, "reseller_orders") == 3806
    assert total(summary, "total_line_items") == 121317
    buyers = [customer for customer in column(real["slvr_customers"], "total_orders") if customer]
    assert total(summary, "new_customers") == len(buyers)
    for built, quantity, revenue in (
        (summary, "total_quantity", "net_revenue"),
        (metrics, "total_quantity", "lifetime_value"),
        (performance, "total_quantity_sold", "total_revenue"),
    ):
        assert total(built, quantity) == 274914
        # Each row is rounded by at most half of the fourth digit.
        assert abs(total(built, revenue) - d("109846381.399888")) <= len(built.rows) * d("0.00005")
    shares = [share for share in column(metrics, "cumulative_revenue_share_pct") if share is not None]
    assert max(shares) == 100
    assert sorted(rank for rank in column(metrics, "revenue_rank") if rank) == list(range(1, len(buyers) + 1))
