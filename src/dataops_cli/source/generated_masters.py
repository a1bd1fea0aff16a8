"""Generated products, people and customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataops_cli.source import people
from dataops_cli.source.catalogue import Product
from dataops_cli.source.draws import Draws
from dataops_cli.source.families import CATEGORIES, FAMILIES
from dataops_cli.source.markets import SLOTS
from dataops_cli.source.people import Group
from dataops_cli.source.sizes import EMPLOYEES, FIRST_ENTITY, SALES_PEOPLE, VENDOR_CONTACTS, Sizes
from dataops_cli.source.tables import PRODUCT, PRODUCT_CATEGORY, PRODUCT_SUBCATEGORY, Table

if TYPE_CHECKING:
    from dataops_cli.warehouse.embedded_calls import InterruptibleConnection

_MODIFIED = "2014-02-08 10:01:36.827"
_WORDS = {
    "first": people.FIRST_NAMES,
    "middle": people.MIDDLE_NAMES,
    "last": people.LAST_NAMES,
    "title": people.TITLES,
    "suffix": people.SUFFIXES,
}


def insert_lists(
    connection: InterruptibleConnection, target: str, types: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Insert a few thousand rows at once: a bound list for each column, each value cast to the column's type."""
    lists = [list(values) for values in zip(*rows, strict=True)]
    selected = ", ".join(f"CAST(unnest(CAST(? AS VARCHAR[])) AS {type_})" for type_ in types)
    texts = [[None if value is None else str(value) for value in values] for values in lists]
    connection.execute(f"INSERT INTO {target} SELECT {selected}", texts)


def insert_products(connection: InterruptibleConnection, products: Sequence[Product], seed: int) -> None:
    """The three tables of production."""
    categories = [[str(number), name, None, "2008-04-30"] for number, name in enumerate(CATEGORIES, start=1)]
    families = [
        [str(number), str(family.category), family.name, None, "2008-04-30"]
        for number, family in enumerate(FAMILIES, start=1)
    ]
    rows = [[product.row.get(name) for name in PRODUCT.names[:-1]] + [_MODIFIED] for product in products]
    for table, values in ((PRODUCT_CATEGORY, categories), (PRODUCT_SUBCATEGORY, families), (PRODUCT, rows)):
        insert_lists(connection, table.sql_name, [column.duckdb_type for column in table.columns], values)
        _identify(connection, table, seed)


def _identify(connection: InterruptibleConnection, table: Table, seed: int) -> None:
    (key,) = table.primary_key
    connection.execute(
        f"UPDATE {table.sql_name} SET rowguid = CAST(md5(concat_ws(':', $seed, $table, \"{key}\")) AS UUID)",  # noqa: S608
        {"seed": seed, "table": table.full_name},
    )


def insert_people(connection: InterruptibleConnection, sizes: Sizes, draws: Draws) -> None:
    """Person.Person: employees, sales people, contacts of stores and vendors, others, and the individual customers."""
    connection.execute("CREATE TEMP TABLE words (part VARCHAR, slot INTEGER, word VARCHAR)")
    words = [(part, slot, word) for part, texts in _WORDS.items() for slot, word in enumerate(texts)]
    insert_lists(connection, "words", ["VARCHAR", "INTEGER", "VARCHAR"], words)
    # Group, how many, the first id and the step between ids.
    blocks: list[tuple[Group, int, int, int]] = [
        (people.EMPLOYEE, EMPLOYEES, 1, 1),
        (people.SALES_PERSON, SALES_PEOPLE, EMPLOYEES + 1, 1),
        (people.STORE_CONTACT, sizes.store_people, FIRST_ENTITY, 2),
        (people.VENDOR_CONTACT, VENDOR_CONTACTS, sizes.first_vendor_contact, 1),
        (people.GENERAL_CONTACT, sizes.general_contacts, sizes.first_general_contact, 1),
        (people.INDIVIDUAL, sizes.individuals, sizes.first_individual_person, 1),
    ]
    for group, count, first, step in blocks:
        connection.execute(
            f"""
            INSERT INTO "Person"."Person"
            SELECT id, $type, false, {_named("title", group.title)}, {_named("first", SLOTS)},
                {_named("middle", group.middle)}, {_named("last", SLOTS)}, {_named("suffix", group.suffix)},
                [0, 0, 0, 0, 0, 1, 1, 1, 2, 2][1 + {draws.below("promotion", 10, "id")}], NULL,
                CAST(DATE '2011-05-31' + CAST({draws.below("person modified", 1127, "id")} AS INTEGER) AS TIMESTAMP)
            FROM (SELECT $first + $step * number AS id FROM range($count) AS numbers (number)) AS ids
            {"".join(_word_join(draws, part) for part in _WORDS)}
            ORDER BY id
            """,  # noqa: S608
            {"type": group.type, "first": first, "step": step, "count": count},
        )


def _named(part: str, permille: int) -> str:
    """The word for a part of a name, for so many of a thousand people."""
    return f"CASE WHEN {part}_share < {permille} THEN {part}_words.word END"


def _word_join(draws: Draws, part: str) -> str:
    return f"""
        JOIN words AS {part}_words ON {part}_words.part = '{part}'
            AND {part}_words.slot = {draws.below(f"{part} name", len(_WORDS[part]), "id")}
        CROSS JOIN LATERAL (SELECT {draws.below(f"has {part}", SLOTS, "id")} AS {part}_share)"""


def insert_customers(connection: InterruptibleConnection, sizes: Sizes, draws: Draws) -> None:
    """Sales.Customer: stores without a person, individuals, and people of stores, in the order of their ids."""
    # Kind, how many, the first customer id, and the person and store of the customer with a given number.
    blocks = [
        ("store", sizes.stores, 1, "NULL", f"{FIRST_ENTITY + 1} + 2 * number"),
        (
            "person",
            sizes.individuals,
            sizes.first_individual,
            f"{sizes.first_individual_person} + number",
            "NULL",
        ),
        (
            "store",
            sizes.store_customers,
            sizes.first_store_customer,
            f"{FIRST_ENTITY} + 2 * number",
            f"{FIRST_ENTITY + 1} + 2 * number",
        ),
    ]
    for kind, count, first, person, store in blocks:
        connection.execute(
            f"""
            INSERT INTO "Sales"."Customer"
            SELECT id, {person}, {store}, territory.value, 'AW' || format('{{:08d}}', id),
                CAST(md5(concat_ws(':', $seed, 'Sales.Customer', id)) AS UUID), TIMESTAMP '2014-09-12 11:15:07.263'
            FROM (SELECT number, $first + number AS id FROM range($count) AS numbers (number)) AS ids
            JOIN choices AS territory ON territory.kind = $territory
                AND territory.slot = {territory_slot(draws, "id")}
            ORDER BY id
            """,  # noqa: S608
            {"seed": draws.seed, "first": first, "count": count, "territory": f"territory {kind}"},
        )


def territory_slot(draws: Draws, key: str) -> str:
    """The slot of a customer's territory: the same for the customer and for its orders."""
    return draws.below("territory", SLOTS, key)
