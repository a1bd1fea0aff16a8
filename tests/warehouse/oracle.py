"""The nine relations of the warehouse contract, computed in plain Python from the source tables.

It is the second opinion in the tests of the dbt models, so it shares nothing with them: the source is read with
`select *`, and every filter, sum, rank and date is done here, with exact decimals. One function builds one relation,
in the contract's column order, and reads as the contract does.

Columns that the contract divides as FLOAT are computed exactly and compared with a tolerance; all others must be equal.
The source's NOT NULL columns are taken at their word, except the ones whose absence the contract filters.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]

TOLERANCE = Decimal("0.0001")
"""How far two engines may be apart in a column that the contract divides as FLOAT."""

# --- what a relation is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A column's type on DuckDB, and whether its value is the result of a floating division."""

    duckdb_type: str
    is_ratio: bool = False


INT = Kind("INTEGER")
FLAG = Kind("BOOLEAN")
TEXT = Kind("VARCHAR")
DATE = Kind("DATE")
MOMENT = Kind("TIMESTAMP")
MONEY = Kind("DECIMAL(19,4)")
GROSS = Kind("DECIMAL(29,4)")
DISCOUNT = Kind("DECIMAL(29,8)")
LINE_TOTAL = Kind("DECIMAL(38,6)")
RATIO = Kind("DECIMAL(19,4)", is_ratio=True)


@dataclass(frozen=True)
class Relation:
    """What one relation must hold: its columns in order, and its rows by key."""

    schema: str
    name: str
    key: str
    kinds: Mapping[str, Kind]
    rows: dict[Hashable, tuple[Any, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.kinds)

    @property
    def ratio_columns(self) -> frozenset[str]:
        """Compared within TOLERANCE."""
        return frozenset(column for column, kind in self.kinds.items() if kind.is_ratio)

    @property
    def exact_columns(self) -> frozenset[str]:
        """Compared by value, without any tolerance."""
        return frozenset(self.kinds) - self.ratio_columns

    def row(self, key: Hashable) -> Row:
        return dict(zip(self.kinds, self.rows[key], strict=True))


def relation(schema: str, name: str, key: str, kinds: Mapping[str, Kind], rows: Iterable[Row]) -> Relation:
    """The rows by key, each as a tuple in column order. A column too many or too few, or a key twice, is an error."""
    by_key: dict[Hashable, tuple[Any, ...]] = {}
    for row in rows:
        if row.keys() != kinds.keys():
            raise ValueError(
                f"{schema}.{name}: {sorted(row.keys() ^ kinds.keys())} are not in both row and columns"
            )
        if row[key] in by_key:
            raise ValueError(f"{schema}.{name}: {key} {row[key]} twice")
        by_key[row[key]] = tuple(map(row.__getitem__, kinds))
    return Relation(schema, name, key, kinds, by_key)


# --- columns, in contract order ----------------------------------------------------------------------------------------

BRNZ_SALES_ORDERS = {
    "sales_order_id": INT,
    "sales_order_detail_id": INT,
    "sales_order_number": TEXT,
    "purchase_order_number": TEXT,
    "order_date": DATE,
    "due_date": DATE,
    "ship_date": DATE,
    "order_status": INT,
    "is_online_order": FLAG,
    "customer_id": INT,
    "sales_person_id": INT,
    "territory_id": INT,
    "product_id": INT,
    "special_offer_id": INT,
    "carrier_tracking_number": TEXT,
    "order_quantity": INT,
    "unit_price": MONEY,
    "unit_price_discount": MONEY,
    "gross_amount": GROSS,
    "discount_amount": DISCOUNT,
    "line_total": LINE_TOTAL,
    "order_subtotal": MONEY,
    "order_tax_amount": MONEY,
    "order_freight_amount": MONEY,
    "order_total_due": MONEY,
    "modified_at": MOMENT,
}

BRNZ_CUSTOMERS = {
    "customer_id": INT,
    "person_id": INT,
    "store_id": INT,
    "territory_id": INT,
    "account_number": TEXT,
    "customer_type": TEXT,
    "person_type": TEXT,
    "title": TEXT,
    "first_name": TEXT,
    "middle_name": TEXT,
    "last_name": TEXT,
    "suffix": TEXT,
    "full_name": TEXT,
    "email_promotion": INT,
    "modified_at": MOMENT,
}

BRNZ_PRODUCTS = {
    "product_id": INT,
    "product_number": TEXT,
    "product_name": TEXT,
    "category_id": INT,
    "category_name": TEXT,
    "subcategory_id": INT,
    "subcategory_name": TEXT,
    "color": TEXT,
    "size": TEXT,
    "product_line": TEXT,
    "product_class": TEXT,
    "product_style": TEXT,
    "standard_cost": MONEY,
    "list_price": MONEY,
    "is_manufactured": FLAG,
    "is_finished_good": FLAG,
    "days_to_manufacture": INT,
    "sell_start_date": DATE,
    "sell_end_date": DATE,
    "discontinued_date": DATE,
    "is_currently_sold": FLAG,
    "modified_at": MOMENT,
}

SLVR_SALES_ORDERS = {
    "sales_order_id": INT,
    "sales_order_detail_id": INT,
    "sales_order_number": TEXT,
    "order_date": DATE,
    "due_date": DATE,
    "ship_date": DATE,
    "customer_id": INT,
    "product_id": INT,
    "territory_id": INT,
    "sales_person_id": INT,
    "order_year": INT,
    "order_quarter": INT,
    "order_month": INT,
    "order_year_month": TEXT,
    "order_day_of_week": INT,
    "is_weekend": FLAG,
    "days_to_ship": INT,
    "is_shipped_late": FLAG,
    "sales_channel": TEXT,
    "order_status_name": TEXT,
    "order_quantity": INT,
    "unit_price": MONEY,
    "unit_price_discount": MONEY,
    "has_discount": FLAG,
    "gross_amount": GROSS,
    "discount_amount": DISCOUNT,
    "line_total": LINE_TOTAL,
    "net_amount": MONEY,
    "product_cost": MONEY,
    "gross_profit": MONEY,
    "gross_margin_pct": RATIO,
    "order_total_due": MONEY,
    "order_size_tier": TEXT,
    "category_name": TEXT,
}

SLVR_CUSTOMERS = {
    "customer_id": INT,
    "account_number": TEXT,
    "full_name": TEXT,
    "customer_type": TEXT,
    "territory_id": INT,
    "email_promotion": INT,
    "first_order_date": DATE,
    "last_order_date": DATE,
    "total_orders": INT,
    "total_quantity": INT,
    "lifetime_value": MONEY,
    "average_order_value": RATIO,
    "days_since_last_order": INT,
    "customer_tenure_days": INT,
    "recency_score": INT,
    "frequency_score": INT,
    "monetary_score": INT,
    "rfm_score": INT,
    "rfm_segment": TEXT,
    "value_tier": TEXT,
}

SLVR_PRODUCTS = {
    "product_id": INT,
    "product_number": TEXT,
    "product_name": TEXT,
    "category_name": TEXT,
    "subcategory_name": TEXT,
    "standard_cost": MONEY,
    "list_price": MONEY,
    "is_currently_sold": FLAG,
    "total_orders": INT,
    "total_customers": INT,
    "total_quantity_sold": INT,
    "gross_revenue": MONEY,
    "total_discount": MONEY,
    "total_revenue": MONEY,
    "total_cost": MONEY,
    "gross_profit": MONEY,
    "gross_margin_pct": RATIO,
    "average_selling_price": RATIO,
    "first_sold_date": DATE,
    "last_sold_date": DATE,
    "days_since_last_sale": INT,
    "revenue_rank": INT,
    "performance_tier": TEXT,
}

GLD_SALES_SUMMARY = {
    "order_date": DATE,
    "order_year": INT,
    "order_quarter": INT,
    "order_month": INT,
    "total_orders": INT,
    "total_customers": INT,
    "total_line_items": INT,
    "total_quantity": INT,
    "gross_revenue": MONEY,
    "total_discount": MONEY,
    "net_revenue": MONEY,
    "total_cost": MONEY,
    "gross_profit": MONEY,
    "gross_margin_pct": RATIO,
    "average_order_value": RATIO,
    "online_orders": INT,
    "reseller_orders": INT,
    "online_revenue": MONEY,
    "reseller_revenue": MONEY,
    "online_revenue_pct": RATIO,
    "new_customers": INT,
    "revenue_7d_avg": RATIO,
    "revenue_mtd": MONEY,
    "revenue_ytd": MONEY,
    "orders_ytd": INT,
    "revenue_prior_year": MONEY,
}

GLD_CUSTOMER_METRICS = {
    "customer_id": INT,
    "full_name": TEXT,
    "customer_type": TEXT,
    "territory_id": INT,
    "rfm_score": INT,
    "rfm_segment": TEXT,
    "value_tier": TEXT,
    "first_order_date": DATE,
    "last_order_date": DATE,
    "days_since_last_order": INT,
    "total_orders": INT,
    "total_quantity": INT,
    "lifetime_value": MONEY,
    "average_order_value": RATIO,
    "total_discount": MONEY,
    "gross_profit": MONEY,
    "distinct_products": INT,
    "online_orders": INT,
    "reseller_orders": INT,
    "favourite_category": TEXT,
    "churn_risk": TEXT,
    "revenue_rank": INT,
    "revenue_share_pct": RATIO,
    "cumulative_revenue_share_pct": RATIO,
}

GLD_PRODUCT_PERFORMANCE = {
    "product_id": INT,
    "product_number": TEXT,
    "product_name": TEXT,
    "category_name": TEXT,
    "subcategory_name": TEXT,
    "is_currently_sold": FLAG,
    "standard_cost": MONEY,
    "list_price": MONEY,
    "total_orders": INT,
    "total_customers": INT,
    "total_quantity_sold": INT,
    "total_revenue": MONEY,
    "total_discount": MONEY,
    "total_cost": MONEY,
    "gross_profit": MONEY,
    "gross_margin_pct": RATIO,
    "average_selling_price": RATIO,
    "discount_pct": RATIO,
    "performance_tier": TEXT,
    "revenue_rank": INT,
    "revenue_rank_in_category": INT,
    "revenue_share_pct": RATIO,
    "category_revenue_share_pct": RATIO,
    "abc_class": TEXT,
    "revenue_last_12m": MONEY,
    "revenue_prior_12m": MONEY,
    "revenue_growth_pct": RATIO,
    "days_since_last_sale": INT,
}

# --- arithmetic, text and dates ----------------------------------------------------------------------------------------

FOUR_DIGITS = Decimal("0.0001")
NOTHING = Decimal(0)


def exact_arithmetic() -> Context:
    """Enough digits that no sum or product of the source's decimals is ever rounded on the way."""
    return Context(prec=60, rounding=ROUND_HALF_UP)


def money(amount: Decimal) -> Decimal:
    """Rounded to four digits, half away from zero."""
    return amount.quantize(FOUR_DIGITS, rounding=ROUND_HALF_UP)


def ratio(numerator: Decimal | int | None, denominator: Decimal | int | None) -> Decimal | None:
    """The quotient to four digits; None where there is nothing to divide, or to divide by."""
    if numerator is None or not denominator:
        return None
    return money(Decimal(numerator) / Decimal(denominator))


def percent(numerator: Decimal, denominator: Decimal) -> Decimal | None:
    return ratio(100 * numerator, denominator)


def text(value: str | None) -> str | None:
    """Without the blanks around it; None when nothing is left."""
    return (value.strip(" ") or None) if value is not None else None


def day(moment: datetime | None) -> date | None:
    return moment.date() if moment is not None else None


def later(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def days_between(first: date | None, last: date | None) -> int | None:
    return (last - first).days if first is not None and last is not None else None


def quarter(when: date) -> int:
    return (when.month + 2) // 3


def one_year_before(when: date) -> date:
    """The same calendar date; 28 February for the 29th."""
    if (when.month, when.day) == (2, 29):
        return date(when.year - 1, 2, 28)
    return when.replace(year=when.year - 1)


# --- ranks, buckets and classes ----------------------------------------------------------------------------------------


def ranks(keys: Iterable[Any], measure: Callable[[Any], Decimal]) -> dict[Any, int]:
    """1 for the greatest measure; equal measures by key, ascending. The dict is in rank order."""
    ordered = sorted(keys, key=lambda key: (-measure(key), key))
    return {key: rank for rank, key in enumerate(ordered, start=1)}


def ntile(buckets: int, ordered: Sequence[Any]) -> dict[Any, int]:
    """The bucket (from 1) of each key: as even as it goes, the remainder to the first buckets, one each."""
    size, remainder = divmod(len(ordered), buckets)
    tiles: dict[Any, int] = {}
    position = 0
    for bucket in range(1, buckets + 1):
        end = position + size + (1 if bucket <= remainder else 0)
        for key in ordered[position:end]:
            tiles[key] = bucket
        position = end
    return tiles


def running_sums(ordered: Iterable[Any], measure: Callable[[Any], Decimal]) -> dict[Any, Decimal]:
    """The sum of all measures up to and including each key."""
    sums: dict[Any, Decimal] = {}
    total = NOTHING
    for key in ordered:
        total += measure(key)
        sums[key] = total
    return sums


def order_size_tier(total_due: Decimal) -> str:
    if total_due < 1000:
        return "small"
    return "medium" if total_due < 10000 else "large"


def value_tier(lifetime_value: Decimal) -> str:
    if lifetime_value >= 10000:
        return "high"
    if lifetime_value >= 1000:
        return "medium"
    return "low" if lifetime_value > 0 else "none"


def rfm_segment(recency: int, frequency: int, monetary: int) -> str:
    """Of a customer with orders: the first rule that holds."""
    if recency >= 4 and frequency >= 4 and monetary >= 4:
        return "champions"
    if recency >= 3 and frequency >= 4:
        return "loyal"
    if recency >= 4 and frequency <= 2:
        return "new"
    if recency >= 3:
        return "potential"
    return "at_risk" if frequency >= 3 else "hibernating"


def churn_risk(days_since_last_order: int | None) -> str:
    if days_since_last_order is None:
        return "prospect"
    if days_since_last_order <= 90:
        return "active"
    if days_since_last_order <= 180:
        return "cooling"
    return "at_risk" if days_since_last_order <= 365 else "churned"


def abc_class(running_sum: Decimal, total: Decimal) -> str:
    if 100 * running_sum <= 80 * total:
        return "a"
    return "b" if 100 * running_sum <= 95 * total else "c"


ORDER_STATUS = {1: "in_process", 2: "approved", 3: "backordered", 4: "rejected", 5: "shipped", 6: "cancelled"}
PERFORMANCE = {1: "top", 2: "strong", 3: "steady", 4: "slow"}
UNCATEGORISED = "uncategorised"

# --- bronze: the source's rows, typed, trimmed and filtered -------------------------------------------------------------

SOURCES = (
    "Sales.SalesOrderHeader",
    "Sales.SalesOrderDetail",
    "Sales.Customer",
    "Person.Person",
    "Production.Product",
    "Production.ProductSubcategory",
    "Production.ProductCategory",
)


def read(source: Path) -> dict[str, list[Row]]:
    """The seven source tables, row by row, by the names that the source gives."""
    tables: dict[str, list[Row]] = {}
    with duckdb.connect(str(source), read_only=True) as connection:
        for table in SOURCES:
            cursor = connection.execute(f"select * from {table}")
            names = [column[0] for column in cursor.description]
            tables[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return tables


def is_valid_line(header: Row, detail: Row) -> bool:
    """A line needs an order date, a customer, a product, a quantity above zero and a price that is not negative."""
    return (
        header["OrderDate"] is not None
        and header["CustomerID"] is not None
        and detail["ProductID"] is not None
        and detail["OrderQty"] is not None
        and detail["OrderQty"] > 0
        and detail["UnitPrice"] is not None
        and detail["UnitPrice"] >= 0
    )


def brnz_sales_orders(headers: list[Row], details: list[Row]) -> list[Row]:
    header_of = {header["SalesOrderID"]: header for header in headers if header["SalesOrderID"] is not None}
    rows = []
    for detail in details:
        header = header_of.get(detail["SalesOrderID"])
        if header is None or not is_valid_line(header, detail):
            continue
        gross_amount = detail["OrderQty"] * detail["UnitPrice"]
        rows.append(
            {
                "sales_order_id": header["SalesOrderID"],
                "sales_order_detail_id": detail["SalesOrderDetailID"],
                "sales_order_number": text(header["SalesOrderNumber"]),
                "purchase_order_number": text(header["PurchaseOrderNumber"]),
                "order_date": day(header["OrderDate"]),
                "due_date": day(header["DueDate"]),
                "ship_date": day(header["ShipDate"]),
                "order_status": header["Status"],
                "is_online_order": header["OnlineOrderFlag"],
                "customer_id": header["CustomerID"],
                "sales_person_id": header["SalesPersonID"],
                "territory_id": header["TerritoryID"],
                "product_id": detail["ProductID"],
                "special_offer_id": detail["SpecialOfferID"],
                "carrier_tracking_number": text(detail["CarrierTrackingNumber"]),
                "order_quantity": detail["OrderQty"],
                "unit_price": detail["UnitPrice"],
                "unit_price_discount": detail["UnitPriceDiscount"],
                "gross_amount": gross_amount,
                "discount_amount": gross_amount * detail["UnitPriceDiscount"],
                "line_total": detail["LineTotal"],
                "order_subtotal": header["SubTotal"],
                "order_tax_amount": header["TaxAmt"],
                "order_freight_amount": header["Freight"],
                "order_total_due": header["TotalDue"],
                "modified_at": later(header["ModifiedDate"], detail["ModifiedDate"]),
            }
        )
    return rows


def customer_type(person_id: int | None, store_id: int | None) -> str:
    if person_id is None:
        return "store"
    return "individual" if store_id is None else "store_contact"


def brnz_customers(customers: list[Row], persons: list[Row]) -> list[Row]:
    person_of = {person["BusinessEntityID"]: person for person in persons}
    rows = []
    for customer in customers:
        if customer["PersonID"] is None and customer["StoreID"] is None:
            continue
        person = person_of.get(customer["PersonID"], {})
        names = {
            "title": text(person.get("Title")),
            "first_name": text(person.get("FirstName")),
            "middle_name": text(person.get("MiddleName")),
            "last_name": text(person.get("LastName")),
            "suffix": text(person.get("Suffix")),
        }
        rows.append(
            {
                "customer_id": customer["CustomerID"],
                "person_id": customer["PersonID"],
                "store_id": customer["StoreID"],
                "territory_id": customer["TerritoryID"],
                "account_number": text(customer["AccountNumber"]),
                "customer_type": customer_type(customer["PersonID"], customer["StoreID"]),
                "person_type": text(person.get("PersonType")),
                **names,
                "full_name": " ".join(name for name in names.values() if name is not None) or None,
                "email_promotion": person.get("EmailPromotion"),
                "modified_at": later(customer["ModifiedDate"], person.get("ModifiedDate")),
            }
        )
    return rows


def brnz_products(products: list[Row], subcategories: list[Row], categories: list[Row]) -> list[Row]:
    subcategory_of = {subcategory["ProductSubcategoryID"]: subcategory for subcategory in subcategories}
    category_of = {category["ProductCategoryID"]: category for category in categories}
    rows = []
    for product in products:
        subcategory = subcategory_of.get(product["ProductSubcategoryID"], {})
        category = category_of.get(subcategory.get("ProductCategoryID"), {})
        rows.append(
            {
                "product_id": product["ProductID"],
                "product_number": text(product["ProductNumber"]),
                "product_name": text(product["Name"]),
                "category_id": category.get("ProductCategoryID"),
                "category_name": text(category.get("Name")),
                "subcategory_id": subcategory.get("ProductSubcategoryID"),
                "subcategory_name": text(subcategory.get("Name")),
                "color": text(product["Color"]),
                "size": text(product["Size"]),
                "product_line": text(product["ProductLine"]),
                "product_class": text(product["Class"]),
                "product_style": text(product["Style"]),
                "standard_cost": product["StandardCost"],
                "list_price": product["ListPrice"],
                "is_manufactured": product["MakeFlag"],
                "is_finished_good": product["FinishedGoodsFlag"],
                "days_to_manufacture": product["DaysToManufacture"],
                "sell_start_date": day(product["SellStartDate"]),
                "sell_end_date": day(product["SellEndDate"]),
                "discontinued_date": day(product["DiscontinuedDate"]),
                "is_currently_sold": product["SellEndDate"] is None and product["DiscontinuedDate"] is None,
                "modified_at": product["ModifiedDate"],
            }
        )
    return rows


# --- what is summed over lines: of a day, of a customer, of a product ----------------------------------------------------


@dataclass
class Sales:
    """The unrounded sums of a group of order lines, and the distinct things in it."""

    lines: int = 0
    quantity: int = 0
    gross: Decimal = NOTHING
    discount: Decimal = NOTHING
    revenue: Decimal = NOTHING
    cost: Decimal = NOTHING
    orders: set[int] = field(default_factory=set)
    online_orders: set[int] = field(default_factory=set)
    online_revenue: Decimal = NOTHING
    customers: set[int] = field(default_factory=set)
    products: set[int] = field(default_factory=set)
    category_revenue: dict[str, Decimal] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None

    def add(self, line: Row) -> None:
        """One row of slvr_sales_orders."""
        self.lines += 1
        self.quantity += line["order_quantity"]
        self.gross += line["gross_amount"]
        self.discount += line["discount_amount"]
        self.revenue += line["line_total"]
        self.cost += line["product_cost"] or NOTHING
        self.orders.add(line["sales_order_id"])
        if line["sales_channel"] == "online":
            self.online_orders.add(line["sales_order_id"])
            self.online_revenue += line["line_total"]
        self.customers.add(line["customer_id"])
        self.products.add(line["product_id"])
        category = line["category_name"]
        self.category_revenue[category] = self.category_revenue.get(category, NOTHING) + line["line_total"]
        when = line["order_date"]
        self.first = when if self.first is None else min(self.first, when)
        self.last = when if self.last is None else max(self.last, when)

    @property
    def profit(self) -> Decimal:
        return self.revenue - self.cost

    @property
    def reseller_orders(self) -> set[int]:
        return self.orders - self.online_orders

    @property
    def reseller_revenue(self) -> Decimal:
        return self.revenue - self.online_revenue

    @property
    def favourite_category(self) -> str | None:
        """The one with the most revenue; equal ones by name."""
        return min(self.category_revenue, key=lambda name: (-self.category_revenue[name], name), default=None)


def sales_by(column: str, lines: Iterable[Row]) -> dict[Any, Sales]:
    groups: dict[Any, Sales] = defaultdict(Sales)
    for line in lines:
        groups[line[column]].add(line)
    return dict(groups)


UNSOLD = Sales()
"""What a customer without orders and a product that was never sold have: nothing of everything."""

# --- silver ------------------------------------------------------------------------------------------------------------


def slvr_sales_orders(orders: list[Row], products: list[Row], as_of_date: date | None) -> list[Row]:
    product_of = {product["product_id"]: product for product in products}
    rows = []
    for order in orders:
        when = order["order_date"]
        if as_of_date is None or when > as_of_date:
            continue
        product = product_of.get(order["product_id"])
        due, shipped = order["due_date"], order["ship_date"]
        net_amount = money(order["line_total"])
        product_cost = order["order_quantity"] * product["standard_cost"] if product is not None else None
        gross_profit = net_amount - product_cost if product_cost is not None else None
        rows.append(
            {
                "sales_order_id": order["sales_order_id"],
                "sales_order_detail_id": order["sales_order_detail_id"],
                "sales_order_number": order["sales_order_number"],
                "order_date": when,
                "due_date": due,
                "ship_date": shipped,
                "customer_id": order["customer_id"],
                "product_id": order["product_id"],
                "territory_id": order["territory_id"],
                "sales_person_id": order["sales_person_id"],
                "order_year": when.year,
                "order_quarter": quarter(when),
                "order_month": when.month,
                "order_year_month": f"{when.year:04}-{when.month:02}",
                "order_day_of_week": when.isoweekday(),
                "is_weekend": when.isoweekday() >= 6,
                "days_to_ship": days_between(when, shipped),
                "is_shipped_late": shipped is not None and due is not None and shipped > due,
                "sales_channel": "online" if order["is_online_order"] else "reseller",
                "order_status_name": ORDER_STATUS.get(order["order_status"], "unknown"),
                "order_quantity": order["order_quantity"],
                "unit_price": order["unit_price"],
                "unit_price_discount": order["unit_price_discount"],
                "has_discount": order["unit_price_discount"] > 0,
                "gross_amount": order["gross_amount"],
                "discount_amount": order["discount_amount"],
                "line_total": order["line_total"],
                "net_amount": net_amount,
                "product_cost": product_cost,
                "gross_profit": gross_profit,
                "gross_margin_pct": percent(gross_profit, net_amount) if gross_profit is not None else None,
                "order_total_due": order["order_total_due"],
                "order_size_tier": order_size_tier(order["order_total_due"]),
                "category_name": (product["category_name"] if product is not None else None) or UNCATEGORISED,
            }
        )
    return rows


def slvr_customers(customers: list[Row], sales_of: Mapping[int, Sales], as_of_date: date | None) -> list[Row]:
    buyers = sorted(customer["customer_id"] for customer in customers if customer["customer_id"] in sales_of)
    recency = ntile(5, sorted(buyers, key=lambda buyer: (sales_of[buyer].last, buyer)))
    frequency = ntile(5, sorted(buyers, key=lambda buyer: (len(sales_of[buyer].orders), buyer)))
    monetary = ntile(5, sorted(buyers, key=lambda buyer: (sales_of[buyer].revenue, buyer)))
    rows = []
    for customer in customers:
        customer_id = customer["customer_id"]
        sales = sales_of.get(customer_id, UNSOLD)
        scores: Row = {
            "recency_score": None,
            "frequency_score": None,
            "monetary_score": None,
            "rfm_score": None,
        }
        segment = "no_orders"
        if customer_id in sales_of:
            r, f, m = recency[customer_id], frequency[customer_id], monetary[customer_id]
            scores = {
                "recency_score": r,
                "frequency_score": f,
                "monetary_score": m,
                "rfm_score": 100 * r + 10 * f + m,
            }
            segment = rfm_segment(r, f, m)
        rows.append(
            {
                "customer_id": customer_id,
                "account_number": customer["account_number"],
                "full_name": customer["full_name"],
                "customer_type": customer["customer_type"],
                "territory_id": customer["territory_id"],
                "email_promotion": customer["email_promotion"],
                "first_order_date": sales.first,
                "last_order_date": sales.last,
                "total_orders": len(sales.orders),
                "total_quantity": sales.quantity,
                "lifetime_value": money(sales.revenue),
                "average_order_value": ratio(sales.revenue, len(sales.orders)),
                "days_since_last_order": days_between(sales.last, as_of_date),
                "customer_tenure_days": days_between(sales.first, sales.last),
                **scores,
                "rfm_segment": segment,
                "value_tier": value_tier(sales.revenue),
            }
        )
    return rows


def slvr_products(products: list[Row], sales_of: Mapping[int, Sales], as_of_date: date | None) -> list[Row]:
    sold = [product["product_id"] for product in products if product["product_id"] in sales_of]
    rank = ranks(sold, lambda product_id: sales_of[product_id].revenue)
    tier = ntile(4, list(rank))
    rows = []
    for product in products:
        product_id = product["product_id"]
        sales = sales_of.get(product_id, UNSOLD)
        rows.append(
            {
                "product_id": product_id,
                "product_number": product["product_number"],
                "product_name": product["product_name"],
                "category_name": product["category_name"] or UNCATEGORISED,
                "subcategory_name": product["subcategory_name"] or UNCATEGORISED,
                "standard_cost": product["standard_cost"],
                "list_price": product["list_price"],
                "is_currently_sold": product["is_currently_sold"],
                "total_orders": len(sales.orders),
                "total_customers": len(sales.customers),
                "total_quantity_sold": sales.quantity,
                "gross_revenue": money(sales.gross),
                "total_discount": money(sales.discount),
                "total_revenue": money(sales.revenue),
                "total_cost": money(sales.cost),
                "gross_profit": money(sales.profit),
                "gross_margin_pct": percent(sales.profit, sales.revenue),
                "average_selling_price": ratio(sales.revenue, sales.quantity),
                "first_sold_date": sales.first,
                "last_sold_date": sales.last,
                "days_since_last_sale": days_between(sales.last, as_of_date),
                "revenue_rank": rank.get(product_id),
                "performance_tier": PERFORMANCE[tier[product_id]] if product_id in tier else "never_sold",
            }
        )
    return rows


# --- gold --------------------------------------------------------------------------------------------------------------


def gld_sales_summary(lines: list[Row]) -> list[Row]:
    sales_on = sales_by("order_date", lines)
    first_order: dict[int, date] = {}
    for line in lines:
        first_order[line["customer_id"]] = min(
            line["order_date"], first_order.get(line["customer_id"], date.max)
        )
    new_customers = Counter(first_order.values())

    rows: list[Row] = []
    days = sorted(sales_on)
    revenue_of_month: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    revenue_of_year: dict[int, Decimal] = defaultdict(Decimal)
    orders_of_year: dict[int, set[int]] = defaultdict(set)
    for position, when in enumerate(days):
        sales = sales_on[when]
        revenue_of_month[when.year, when.month] += sales.revenue
        revenue_of_year[when.year] += sales.revenue
        orders_of_year[when.year] |= sales.orders
        last_seven = [sales_on[before].revenue for before in days[max(0, position - 6) : position + 1]]
        year_before = sales_on.get(one_year_before(when))
        rows.append(
            {
                "order_date": when,
                "order_year": when.year,
                "order_quarter": quarter(when),
                "order_month": when.month,
                "total_orders": len(sales.orders),
                "total_customers": len(sales.customers),
                "total_line_items": sales.lines,
                "total_quantity": sales.quantity,
                "gross_revenue": money(sales.gross),
                "total_discount": money(sales.discount),
                "net_revenue": money(sales.revenue),
                "total_cost": money(sales.cost),
                "gross_profit": money(sales.profit),
                "gross_margin_pct": percent(sales.profit, sales.revenue),
                "average_order_value": ratio(sales.revenue, len(sales.orders)),
                "online_orders": len(sales.online_orders),
                "reseller_orders": len(sales.reseller_orders),
                "online_revenue": money(sales.online_revenue),
                "reseller_revenue": money(sales.reseller_revenue),
                "online_revenue_pct": percent(sales.online_revenue, sales.revenue),
                "new_customers": new_customers[when],
                "revenue_7d_avg": ratio(sum(last_seven, NOTHING), len(last_seven)),
                "revenue_mtd": money(revenue_of_month[when.year, when.month]),
                "revenue_ytd": money(revenue_of_year[when.year]),
                "orders_ytd": len(orders_of_year[when.year]),
                "revenue_prior_year": money(year_before.revenue) if year_before is not None else None,
            }
        )
    return rows


def gld_customer_metrics(silver: list[Row], sales_of: Mapping[int, Sales]) -> list[Row]:
    buyers = [customer["customer_id"] for customer in silver if customer["customer_id"] in sales_of]
    rank = ranks(buyers, lambda customer_id: sales_of[customer_id].revenue)
    running = running_sums(rank, lambda customer_id: sales_of[customer_id].revenue)
    whole = sum((sales.revenue for sales in sales_of.values()), NOTHING)
    rows = []
    for customer in silver:
        customer_id = customer["customer_id"]
        sales = sales_of.get(customer_id, UNSOLD)
        bought = customer_id in sales_of
        rows.append(
            {
                "customer_id": customer_id,
                "full_name": customer["full_name"],
                "customer_type": customer["customer_type"],
                "territory_id": customer["territory_id"],
                "rfm_score": customer["rfm_score"],
                "rfm_segment": customer["rfm_segment"],
                "value_tier": customer["value_tier"],
                "first_order_date": customer["first_order_date"],
                "last_order_date": customer["last_order_date"],
                "days_since_last_order": customer["days_since_last_order"],
                "total_orders": customer["total_orders"],
                "total_quantity": customer["total_quantity"],
                "lifetime_value": customer["lifetime_value"],
                "average_order_value": customer["average_order_value"],
                "total_discount": money(sales.discount),
                "gross_profit": money(sales.profit),
                "distinct_products": len(sales.products),
                "online_orders": len(sales.online_orders),
                "reseller_orders": len(sales.reseller_orders),
                "favourite_category": sales.favourite_category,
                "churn_risk": churn_risk(customer["days_since_last_order"]),
                "revenue_rank": rank.get(customer_id),
                "revenue_share_pct": percent(sales.revenue, whole) if bought else None,
                "cumulative_revenue_share_pct": percent(running[customer_id], whole) if bought else None,
            }
        )
    return rows


def revenue_between(lines: Iterable[Row], after: date | None, until: date | None) -> dict[int, Decimal]:
    """Revenue by product of the days after the first date, up to and including the second."""
    revenue: dict[int, Decimal] = defaultdict(Decimal)
    if after is not None and until is not None:
        for line in lines:
            if after < line["order_date"] <= until:
                revenue[line["product_id"]] += line["line_total"]
    return revenue


def gld_product_performance(
    silver: list[Row], lines: list[Row], sales_of: Mapping[int, Sales], as_of_date: date | None
) -> list[Row]:
    def revenue(product_id: int) -> Decimal:
        return sales_of[product_id].revenue

    sold_in: dict[str, list[int]] = defaultdict(list)
    for product in silver:
        if product["product_id"] in sales_of:
            sold_in[product["category_name"]].append(product["product_id"])
    rank_in_category: dict[int, int] = {}
    category_revenue: dict[str, Decimal] = {}
    for category, products in sold_in.items():
        rank_in_category |= ranks(products, revenue)
        category_revenue[category] = sum(map(revenue, products), NOTHING)

    running = running_sums(ranks(rank_in_category, revenue), revenue)
    whole = sum((sales.revenue for sales in sales_of.values()), NOTHING)
    year_ago = as_of_date - timedelta(days=365) if as_of_date is not None else None
    two_years_ago = as_of_date - timedelta(days=730) if as_of_date is not None else None
    last_12m = revenue_between(lines, year_ago, as_of_date)
    prior_12m = revenue_between(lines, two_years_ago, year_ago)
    rows = []
    for product in silver:
        product_id, category = product["product_id"], product["category_name"]
        sales = sales_of.get(product_id, UNSOLD)
        sold = product_id in sales_of
        last, prior = last_12m.get(product_id, NOTHING), prior_12m.get(product_id, NOTHING)
        rows.append(
            {
                "product_id": product_id,
                "product_number": product["product_number"],
                "product_name": product["product_name"],
                "category_name": category,
                "subcategory_name": product["subcategory_name"],
                "is_currently_sold": product["is_currently_sold"],
                "standard_cost": product["standard_cost"],
                "list_price": product["list_price"],
                "total_orders": product["total_orders"],
                "total_customers": product["total_customers"],
                "total_quantity_sold": product["total_quantity_sold"],
                "total_revenue": product["total_revenue"],
                "total_discount": product["total_discount"],
                "total_cost": product["total_cost"],
                "gross_profit": product["gross_profit"],
                "gross_margin_pct": product["gross_margin_pct"],
                "average_selling_price": product["average_selling_price"],
                "discount_pct": percent(sales.discount, sales.gross),
                "performance_tier": product["performance_tier"],
                "revenue_rank": product["revenue_rank"],
                "revenue_rank_in_category": rank_in_category.get(product_id),
                "revenue_share_pct": percent(sales.revenue, whole) if sold else None,
                "category_revenue_share_pct": percent(sales.revenue, category_revenue[category])
                if sold
                else None,
                "abc_class": abc_class(running[product_id], whole) if sold else "none",
                "revenue_last_12m": money(last),
                "revenue_prior_12m": money(prior),
                "revenue_growth_pct": percent(last - prior, prior),
                "days_since_last_sale": product["days_since_last_sale"],
            }
        )
    return rows


# --- all nine ----------------------------------------------------------------------------------------------------------


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Millions of rows and values are made, and all stay: looking for garbage among them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def compute(source: Path, as_of_date: date | None = None) -> dict[str, Relation]:
    """The nine relations by name, from a DuckDB file with the seven source tables."""
    with localcontext(exact_arithmetic()), without_garbage_collection():
        tables = read(source)
        orders = brnz_sales_orders(tables["Sales.SalesOrderHeader"], tables["Sales.SalesOrderDetail"])
        customers = brnz_customers(tables["Sales.Customer"], tables["Person.Person"])
        products = brnz_products(
            tables["Production.Product"],
            tables["Production.ProductSubcategory"],
            tables["Production.ProductCategory"],
        )
        if as_of_date is None:
            as_of_date = max((order["order_date"] for order in orders), default=None)

        lines = slvr_sales_orders(orders, products, as_of_date)
        by_customer = sales_by("customer_id", lines)
        by_product = sales_by("product_id", lines)
        silver_customers = slvr_customers(customers, by_customer, as_of_date)
        silver_products = slvr_products(products, by_product, as_of_date)

        relations = (
            relation("bronze", "brnz_sales_orders", "sales_order_detail_id", BRNZ_SALES_ORDERS, orders),
            relation("bronze", "brnz_customers", "customer_id", BRNZ_CUSTOMERS, customers),
            relation("bronze", "brnz_products", "product_id", BRNZ_PRODUCTS, products),
            relation("silver", "slvr_sales_orders", "sales_order_detail_id", SLVR_SALES_ORDERS, lines),
            relation("silver", "slvr_customers", "customer_id", SLVR_CUSTOMERS, silver_customers),
            relation("silver", "slvr_products", "product_id", SLVR_PRODUCTS, silver_products),
            relation("gold", "gld_sales_summary", "order_date", GLD_SALES_SUMMARY, gld_sales_summary(lines)),
            relation(
                "gold",
                "gld_customer_metrics",
                "customer_id",
                GLD_CUSTOMER_METRICS,
                gld_customer_metrics(silver_customers, by_customer),
            ),
            relation(
                "gold",
                "gld_product_performance",
                "product_id",
                GLD_PRODUCT_PERFORMANCE,
                gld_product_performance(silver_products, lines, by_product, as_of_date),
            ),
        )
    return {built.name: built for built in relations}


# --- comparing with what was built -------------------------------------------------------------------------------------


def is_same(kind: Kind, expected: Any, built: Any) -> bool:
    if expected is None or built is None:
        return expected is built
    if kind.is_ratio and isinstance(built, Decimal | float | int):
        apart = abs(expected - Decimal(str(built)))
        return bool(apart.is_finite() and apart <= TOLERANCE)
    return bool(expected == built)


def shown(value: Any) -> str:
    """As a person reads it: text in quotes, so that blanks are seen; dates and numbers bare."""
    return repr(value) if isinstance(value, str) else "NULL" if value is None else str(value)


def shape_differences(expected: Relation, built: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Columns that are missing, extra or in another order, and types that are not the contract's."""
    built_types = dict(built)
    lines = [f"{name} {column}: missing" for column in expected.columns if column not in built_types]
    lines += [
        f"{name} {column}: not in the contract" for column in built_types if column not in expected.kinds
    ]
    if not lines and tuple(built_types) != expected.columns:
        lines.append(
            f"{name} columns: expected the order {', '.join(expected.columns)}, built {', '.join(built_types)}"
        )
    for column, kind in expected.kinds.items():
        if column in built_types and built_types[column] != kind.duckdb_type:
            lines.append(f"{name} {column}: expected type {kind.duckdb_type}, built {built_types[column]}")
    return lines


def row_differences(
    expected: Relation, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], name: str
) -> Iterable[str]:
    """Keys that are missing, extra or there twice, and values that differ."""
    key_at = columns.index(expected.key)
    position = {column: at for at, column in enumerate(expected.columns)}
    compared = [
        (at, position[column], column, expected.kinds[column])
        for at, column in enumerate(columns)
        if column in expected.kinds
    ]
    in_order = tuple(columns) == expected.columns
    seen = set()
    for row in rows:
        key = row[key_at]
        if key in seen:
            yield f"{name} {key}: built more than once"
            continue
        seen.add(key)
        wanted = expected.rows.get(key)
        if wanted is None:
            yield f"{name} {key}: not expected, built"
            continue
        if in_order and row == wanted:  # nearly all: no need to look at each value
            continue
        for at, wanted_at, column, kind in compared:
            if not is_same(kind, wanted[wanted_at], row[at]):
                yield f"{name} {key} {column}: expected {shown(wanted[wanted_at])}, built {shown(row[at])}"
    for key in expected.rows:
        if key not in seen:
            yield f"{name} {key}: expected, not built"


def differences(
    expected: Relation, connection: duckdb.DuckDBPyConnection, relation_name: str, limit: int = 10
) -> list[str]:
    """How the built relation differs from the expected one, a readable line for each; empty when it does not.

    After `limit` lines, one more says how many were left out. A name without a schema is taken in the contract's schema.
    """
    name = relation_name if "." in relation_name else f"{expected.schema}.{relation_name}"
    try:
        built = [(row[0], row[1]) for row in connection.execute(f"describe {name}").fetchall()]
    except duckdb.CatalogException:
        return [f"{name}: not built"]
    lines = shape_differences(expected, built, name)
    if expected.key in dict(built):
        with localcontext(exact_arithmetic()):
            rows = connection.execute(f"select * from {name}").fetchall()
            lines += row_differences(expected, [column for column, _ in built], rows, name)
    if len(lines) > limit:
        return [*lines[:limit], f"{name}: {len(lines) - limit} more differences"]
    return lines
