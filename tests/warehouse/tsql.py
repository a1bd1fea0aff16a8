"""T-SQL without SQL Server: rules that compiled SQL must keep, and its translation to DuckDB.

Each rule takes a query and returns what breaks it. DuckDB runs the translation whatever SQL Server thinks of it, so
the rules look at what the translation hides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from dataops_cli.source.tables import TABLES
from warehouse import oracle

# All that SQL Server 2017 has of what one may need; a function that is not here is looked up, then added.
FUNCTIONS_OF_2017 = frozenset(
    [
        "abs",
        "avg",
        "cast",
        "ceiling",
        "charindex",
        "coalesce",
        "concat",
        "concat_ws",
        "convert",
        "count",
        "count_big",
        "dateadd",
        "datediff",
        "datefromparts",
        "datepart",
        "day",
        "dense_rank",
        "eomonth",
        "first_value",
        "floor",
        "format",
        "iif",
        "isnull",
        "lag",
        "last_value",
        "lead",
        "left",
        "len",
        "lower",
        "ltrim",
        "max",
        "min",
        "month",
        "ntile",
        "nullif",
        "percent_rank",
        "power",
        "rank",
        "replace",
        "replicate",
        "right",
        "round",
        "row_number",
        "rtrim",
        "sign",
        "sqrt",
        "stdev",
        "string_agg",
        "stuff",
        "substring",
        "sum",
        "trim",
        "try_cast",
        "upper",
        "var",
        "year",
    ]
)
# Words and types that come before a parenthesis.
NO_FUNCTIONS = frozenset(
    [
        "and",
        "as",
        "by",
        "case",
        "datetime2",
        "decimal",
        "else",
        "exists",
        "from",
        "having",
        "in",
        "join",
        "not",
        "numeric",
        "nvarchar",
        "on",
        "or",
        "over",
        "partition",
        "select",
        "then",
        "union",
        "values",
        "when",
        "where",
    ]
)

NOT_IN_2017 = {
    "boolean literal": r"\b(true|false)\b",
    "boolean type": r"\bboolean\b",
    "bare cast": r"::",
    "concatenation with bars": r"\|\|",
    "CREATE OR ALTER": r"\bcreate\s+or\s+(alter|replace)\b",
    "DATETRUNC": r"\bdatetrunc\b",
    "DISTINCT FROM": r"\bdistinct\s+from\b",
    "FILTER": r"\bfilter\s*\(",
    "GENERATE_SERIES": r"\bgenerate_series\b",
    "GREATEST or LEAST": r"\b(greatest|least)\b",
    "GROUP BY ALL or a position": r"\bgroup\s+by\s+(all|\d)",
    "ILIKE, RLIKE or SIMILAR": r"\b(ilike|rlike|regexp|similar)\b",
    "interval": r"\binterval\b",
    "LATERAL": r"\blateral\b",
    "LIMIT": r"\blimit\b",
    "MERGE": r"\bmerge\b",
    "named window": r"\bwindow\s+\w+\s+as\b",
    "NULLS FIRST or LAST": r"\bnulls\s+(first|last)\b",
    "QUALIFY": r"\bqualify\b",
    "STRING_SPLIT": r"\bstring_split\b",
    "TRIM with LEADING or TRAILING": r"\btrim\s*\(\s*(leading|trailing|both)\b",
    "typed literal": r"\b(date|time|timestamp)\s+'",
    "USING or NATURAL": r"\b(using|natural)\b",
    "window frame of GROUPS": r"\bgroups\s+between\b",
}


def parse(sql: str) -> exp.Expression:
    (query,) = sqlglot.parse(sql, read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    assert query is not None
    return query


def without_comments_and_text(sql: str) -> str:
    """What is left is keywords, names and numbers; a text literal leaves its quotes."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL))


# --- rules -------------------------------------------------------------------------------------------------------------


def unknown_functions(sql: str) -> list[str]:
    names = re.findall(r"\b([a-z_]\w*)\s*\(", without_comments_and_text(sql).lower())
    # The name of a common table with its columns, `name (a, b) as (…)`, is not used here.
    return sorted(set(names) - FUNCTIONS_OF_2017 - NO_FUNCTIONS)


def features_of_other_engines(sql: str) -> list[str]:
    text = without_comments_and_text(sql).lower()
    return [name for name, pattern in NOT_IN_2017.items() if re.search(pattern, text)]


def not_understood(sql: str) -> list[str]:
    """What sqlglot takes as it is instead of understanding it."""
    return [node.sql() for node in parse(sql).walk() if isinstance(node, exp.Command | exp.Anonymous)]


def text_that_is_not_unicode(sql: str) -> list[str]:
    """A date is written without N; everything else is NVARCHAR."""
    text = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    text = re.sub(r"cast\('\d{4}-\d{2}-\d{2}' as date\)", " ", text)
    return [literal for prefix, literal in re.findall(r"(\w?)('(?:[^']|'')*')", text) if prefix != "N"]


def stray_order_by(sql: str) -> list[str]:
    """ORDER BY is only for windows and aggregates, or with TOP: a view may not have it."""
    return [
        order.sql("tsql")
        for order in parse(sql).find_all(exp.Order)
        if not isinstance(order.parent, exp.Window | exp.WithinGroup)
        and not (isinstance(order.parent, exp.Select) and order.parent.args.get("limit"))
    ]


def divisions_outside_floats(sql: str) -> list[str]:
    """INT / INT drops the rest, and a decimal division keeps six digits: only floats are divided, by no zero."""

    def is_float(node: exp.Expression) -> bool:
        return isinstance(node, exp.Cast) and node.to.is_type("double", "float")

    return [
        node.sql("tsql")
        for node in parse(sql).find_all(exp.Div)
        if not (
            is_float(node.left)
            and isinstance(node.right, exp.Nullif)
            and is_float(node.right.this)
            and node.right.expression.sql() == "0"
        )
    ]


def averages(sql: str) -> list[str]:
    """AVG of an INT is an INT on SQL Server."""
    return [node.sql("tsql") for node in parse(sql).find_all(exp.Avg)]


def conditions_used_as_values(sql: str) -> list[str]:
    """A BIT is no condition, and a condition is no value."""
    found = []
    logic = exp.And | exp.Or | exp.Not | exp.Paren
    for node in parse(sql).walk():
        if isinstance(node, exp.Where | exp.Having):
            conditions = [node.this]
        elif isinstance(node, exp.Join) and node.args.get("on"):
            conditions = [node.args["on"]]
        elif isinstance(node, exp.If) and not node.parent.args.get("this"):
            conditions = [node.this]
        else:
            conditions = []
        while conditions:
            condition = conditions.pop()
            if isinstance(condition, logic):
                conditions += [
                    part for part in condition.iter_expressions() if isinstance(part, exp.Expression)
                ]
            elif not isinstance(condition, exp.Predicate):
                found.append(condition.sql("tsql"))
        if isinstance(node, exp.Predicate | exp.And | exp.Or | exp.Not):
            parent = node.parent
            while isinstance(parent, logic):
                parent = parent.parent
            is_when = isinstance(parent, exp.If) and not parent.parent.args.get("this")
            if not (isinstance(parent, exp.Where | exp.Having | exp.Join) or is_when):
                found.append(node.sql("tsql"))
    return found


def selected_but_not_grouped(sql: str) -> list[str]:
    """Also with a collation: it is part of what is grouped."""
    found = []
    for select in parse(sql).find_all(exp.Select):
        group = select.args.get("group")
        if group:
            found += [
                item.sql("tsql")
                for item in (selected.unalias() for selected in select.selects)
                if not item.find(exp.AggFunc) and item not in group.expressions
            ]
    return found


SCHEMA: dict[str, Any] = {"DataOps": {"bronze": {}, "silver": {}, "gold": {}}, "AdventureWorks2014": {}}
for _schema, _name, _kinds in (
    ("bronze", "brnz_sales_orders", oracle.BRNZ_SALES_ORDERS),
    ("bronze", "brnz_customers", oracle.BRNZ_CUSTOMERS),
    ("bronze", "brnz_products", oracle.BRNZ_PRODUCTS),
    ("silver", "slvr_sales_orders", oracle.SLVR_SALES_ORDERS),
    ("silver", "slvr_customers", oracle.SLVR_CUSTOMERS),
    ("silver", "slvr_products", oracle.SLVR_PRODUCTS),
    ("gold", "gld_sales_summary", oracle.GLD_SALES_SUMMARY),
    ("gold", "gld_customer_metrics", oracle.GLD_CUSTOMER_METRICS),
    ("gold", "gld_product_performance", oracle.GLD_PRODUCT_PERFORMANCE),
):
    SCHEMA["DataOps"][_schema][_name] = {column: kind.duckdb_type for column, kind in _kinds.items()}
for _table in TABLES:
    SCHEMA["AdventureWorks2014"].setdefault(_table.schema, {})[_table.name] = {
        column.name: column.duckdb_type for column in _table.columns
    }


def unknown_columns(sql: str) -> list[str]:
    """Every name is a column of what is read. The alias of another selected column is none, as it is to DuckDB."""
    try:
        qualify(parse(sql), dialect="tsql", schema=SCHEMA, expand_alias_refs=False)
    except SqlglotError as error:
        return [str(error)]
    return []


def columns_without_a_name_of_their_own(sql: str) -> list[str]:
    """dbt makes a view of each data test, and the columns of a view have different names."""
    query = parse(sql)
    without = [selected.sql("tsql") for selected in query.selects if not selected.output_name]
    names = qualify(query, dialect="tsql", schema=SCHEMA, expand_alias_refs=False).named_selects
    return [name for name in without if "*" not in name or "(" in name] + [
        name for name in names if names.count(name) > 1
    ]


RULES: tuple[Callable[[str], list[str]], ...] = (
    not_understood,
    unknown_functions,
    features_of_other_engines,
    text_that_is_not_unicode,
    stray_order_by,
    divisions_outside_floats,
    averages,
    conditions_used_as_values,
    selected_but_not_grouped,
    unknown_columns,
    columns_without_a_name_of_their_own,
)

# --- the digits of decimals --------------------------------------------------------------------------------------------

Digits = tuple[int, int]
"""Precision and scale."""


def lost_digits(sql: str) -> list[str]:
    """Sums, differences and products of decimals that SQL Server would give fewer decimals than they have.

    It allows 38 digits, and cuts decimals where the rules ask for more.
    """
    query = parse(sql)
    aliased: dict[str, list[exp.Expression]] = {}
    for alias in query.find_all(exp.Alias):
        aliased.setdefault(alias.alias, []).append(alias.this)
    found = []
    for node in query.find_all(exp.Add, exp.Sub, exp.Mul):
        precision, scale = digits(node, aliased)
        if precision > 38 and scale > 6:
            found.append(f"{node.sql('tsql')}: decimal({precision}, {scale})")
    return found


def digits(node: exp.Expression, aliased: Mapping[str, list[exp.Expression]]) -> Digits:
    """The type that SQL Server's rules give to an exact expression, before it is cut to 38 digits."""
    if isinstance(node, exp.Cast):
        if node.to.is_type("int"):
            return 10, 0
        assert node.to.is_type("decimal"), node.sql()
        precision, scale = (int(part.name) for part in node.to.expressions)
        return precision, scale
    if isinstance(node, exp.Literal):
        whole, _, decimals = node.name.partition(".")
        return len(whole) + len(decimals), len(decimals)
    if isinstance(node, exp.Column):
        return widest(_of_column(node.name, aliased))
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        one, other = digits(node.left, aliased), digits(node.right, aliased)
        if isinstance(node, exp.Mul):
            return one[0] + other[0] + 1, one[1] + other[1]
        return widest([one, other])[0] + 1, max(one[1], other[1])
    if isinstance(node, exp.Sum):
        return 38, digits(node.this, aliased)[1]
    if isinstance(node, exp.Window | exp.Paren | exp.Neg):
        return digits(node.this, aliased)
    if isinstance(node, exp.Coalesce):
        return widest([digits(part, aliased) for part in (node.this, *node.expressions)])
    if isinstance(node, exp.DateDiff | exp.Mod):
        return 10, 0
    raise AssertionError(f"what type has {node.sql('tsql')}?")


def _of_column(name: str, aliased: Mapping[str, list[exp.Expression]]) -> Iterator[Digits]:
    """What is called so in the query, or else in the relations it reads."""
    made = [
        made for made in aliased.get(name, []) if not (isinstance(made, exp.Column) and made.name == name)
    ]
    for expression in made:
        if isinstance(expression, exp.Ntile | exp.RowNumber):
            yield 19, 0
        else:
            yield digits(expression, aliased)
    if not made:
        types = {
            columns[name]
            for schemas in SCHEMA.values()
            for relations in schemas.values()
            for columns in relations.values()
            if name in columns
        }
        assert types, f"unknown column {name}"
        for kind in types:
            numbers = re.findall(r"\d+", kind) if kind.startswith("DECIMAL") else ["10", "0"]
            yield int(numbers[0]), int(numbers[1])


def widest(types: Iterator[Digits] | list[Digits]) -> Digits:
    """Room for the whole part and the decimals of each."""
    known = list(types)
    scale = max(scale for _, scale in known)
    return max(precision - scale for precision, scale in known) + scale, scale


def text_cut_by_a_cast(sql: str) -> list[str]:
    """A CAST to NVARCHAR(n) cuts what is longer without a word, and DuckDB does not."""
    return [
        f"{literal.name} as {cast.to.sql('tsql')}"
        for cast in parse(sql).find_all(exp.Cast)
        if cast.to.is_type("nvarchar", "varchar") and cast.to.expressions
        for literal in cast.this.find_all(exp.National)
        if len(literal.name) > int(cast.to.expressions[0].name)
    ]


def lengths_of_text(sql: str) -> dict[str, int]:
    """The length of each text column that the outermost query gives, by its name."""
    query = qualify(parse(sql), dialect="tsql", schema=SCHEMA, expand_alias_refs=False)
    casts = {
        alias.alias: int(alias.this.to.expressions[0].name)
        for alias in query.find_all(exp.Alias)
        if isinstance(alias.this, exp.Cast) and alias.this.to.is_type("nvarchar")
    }
    return {name: casts[name] for name in query.named_selects if name in casts}


# --- the translation ---------------------------------------------------------------------------------------------------


def to_duckdb(sql: str) -> str:
    """sqlglot's translation, put right where it is known to be wrong."""

    def corrected(node: exp.Expression) -> exp.Expression:
        # BIT is SQL Server's flag, but DuckDB's is a string of bits; sqlglot passes the name on.
        if isinstance(node, exp.DataType) and node.is_type("bit"):
            return exp.DataType.build("boolean")
        # SQL Server's binary collation is unknown to DuckDB, which compares so anyway.
        if isinstance(node, exp.Collate):
            assert node.expression.name == "Latin1_General_100_BIN2", node.sql("tsql")
            return node.this
        return node

    return parse(sql).transform(corrected).sql("duckdb")
