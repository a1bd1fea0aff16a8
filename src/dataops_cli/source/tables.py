"""The seven AdventureWorks tables as data: their columns in file order, types, nullability and keys.

The order and the types are those of AdventureWorks 2014 (OLTP). Microsoft's own files have no header, so the
order is what gives their fields a name; XML columns are in those files but not in the staged tables.

One thing differs: `rowguid` may be NULL here. Editions of the data as CSV lack it, and no model reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

XML = "xml"

# Columns whose values must not appear in a message, a log or a report.
PERSONAL = frozenset({"Title", "FirstName", "MiddleName", "LastName", "Suffix"})

_DUCKDB_TYPES = {
    "int": "INTEGER",
    "smallint": "SMALLINT",
    "tinyint": "UTINYINT",
    "bit": "BOOLEAN",
    "money": "DECIMAL(19,4)",
    "datetime": "TIMESTAMP",
    "uniqueidentifier": "UUID",
}
_SIZED = re.compile(r"(?P<base>[a-z]+)\((?P<sizes>[0-9,]+)\)")


@dataclass(frozen=True)
class Column:
    """One column. `type` is the T-SQL base type, user-defined types resolved: `nvarchar(50)`, `money`, `bit`."""

    name: str
    type: str
    nullable: bool = False
    computed: bool = False
    """SQL Server computes it; a staged file stores it."""

    @property
    def is_staged(self) -> bool:
        return self.type != XML

    @property
    def is_personal(self) -> bool:
        return self.name in PERSONAL

    @cached_property
    def base(self) -> str:
        """The type without its sizes: `nvarchar`."""
        return self.type.partition("(")[0]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The numbers in the type's parentheses: (50,) or (38, 6)."""
        sized = _SIZED.fullmatch(self.type)
        return tuple(int(size) for size in sized["sizes"].split(",")) if sized else ()

    @cached_property
    def is_text(self) -> bool:
        return self.base in {"nvarchar", "nchar", "varchar"}

    @cached_property
    def duckdb_type(self) -> str:
        if self.is_text:
            return "VARCHAR"
        if self.base in {"numeric", "decimal"}:
            precision, scale = self.sizes
            return f"DECIMAL({precision},{scale})"
        return _DUCKDB_TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One table. `file_columns` are all columns in the order of Microsoft's files; `columns` leave out XML."""

    schema: str
    name: str
    file_columns: tuple[Column, ...]
    primary_key: tuple[str, ...]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """Quoted for DuckDB."""
        return f'"{self.schema}"."{self.name}"'

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.file_columns if column.is_staged)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.file_columns if column.name == name)


def _table(full_name: str, key: str, columns: str) -> Table:
    """Read a table from lines of `name type [null] [computed]`."""
    schema, _, name = full_name.partition(".")
    parsed = []
    for line in columns.strip().splitlines():
        column, type_, *marks = line.split()
        parsed.append(Column(column, type_, nullable="null" in marks, computed="computed" in marks))
    return Table(schema, name, tuple(parsed), tuple(key.split()))


CUSTOMER = _table(
    "Sales.Customer",
    "CustomerID",
    """
    CustomerID int
    PersonID int null
    StoreID int null
    TerritoryID int null
    AccountNumber varchar(10) computed
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

SALES_ORDER_HEADER = _table(
    "Sales.SalesOrderHeader",
    "SalesOrderID",
    """
    SalesOrderID int
    RevisionNumber tinyint
    OrderDate datetime
    DueDate datetime
    ShipDate datetime null
    Status tinyint
    OnlineOrderFlag bit
    SalesOrderNumber nvarchar(25) computed
    PurchaseOrderNumber nvarchar(25) null
    AccountNumber nvarchar(15) null
    CustomerID int
    SalesPersonID int null
    TerritoryID int null
    BillToAddressID int
    ShipToAddressID int
    ShipMethodID int
    CreditCardID int null
    CreditCardApprovalCode varchar(15) null
    CurrencyRateID int null
    SubTotal money
    TaxAmt money
    Freight money
    TotalDue money computed
    Comment nvarchar(128) null
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

SALES_ORDER_DETAIL = _table(
    "Sales.SalesOrderDetail",
    "SalesOrderID SalesOrderDetailID",
    """
    SalesOrderID int
    SalesOrderDetailID int
    CarrierTrackingNumber nvarchar(25) null
    OrderQty smallint
    ProductID int
    SpecialOfferID int
    UnitPrice money
    UnitPriceDiscount money
    LineTotal numeric(38,6) computed
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

PERSON = _table(
    "Person.Person",
    "BusinessEntityID",
    """
    BusinessEntityID int
    PersonType nchar(2)
    NameStyle bit
    Title nvarchar(8) null
    FirstName nvarchar(50)
    MiddleName nvarchar(50) null
    LastName nvarchar(50)
    Suffix nvarchar(10) null
    EmailPromotion int
    AdditionalContactInfo xml null
    Demographics xml null
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

PRODUCT = _table(
    "Production.Product",
    "ProductID",
    """
    ProductID int
    Name nvarchar(50)
    ProductNumber nvarchar(25)
    MakeFlag bit
    FinishedGoodsFlag bit
    Color nvarchar(15) null
    SafetyStockLevel smallint
    ReorderPoint smallint
    StandardCost money
    ListPrice money
    Size nvarchar(5) null
    SizeUnitMeasureCode nchar(3) null
    WeightUnitMeasureCode nchar(3) null
    Weight decimal(8,2) null
    DaysToManufacture int
    ProductLine nchar(2) null
    Class nchar(2) null
    Style nchar(2) null
    ProductSubcategoryID int null
    ProductModelID int null
    SellStartDate datetime
    SellEndDate datetime null
    DiscontinuedDate datetime null
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

PRODUCT_SUBCATEGORY = _table(
    "Production.ProductSubcategory",
    "ProductSubcategoryID",
    """
    ProductSubcategoryID int
    ProductCategoryID int
    Name nvarchar(50)
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

PRODUCT_CATEGORY = _table(
    "Production.ProductCategory",
    "ProductCategoryID",
    """
    ProductCategoryID int
    Name nvarchar(50)
    rowguid uniqueidentifier null
    ModifiedDate datetime
    """,
)

TABLES = (
    PRODUCT_CATEGORY,
    PRODUCT_SUBCATEGORY,
    PRODUCT,
    PERSON,
    CUSTOMER,
    SALES_ORDER_HEADER,
    SALES_ORDER_DETAIL,
)
"""Parents before children, small before large."""

SCHEMAS = tuple(sorted({table.schema for table in TABLES}))
