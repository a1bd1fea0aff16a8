"""Generate source data of AdventureWorks' shape, of any size, the same for the same scale and seed everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataops_cli.errors import UsageError
from dataops_cli.source.catalogue import products
from dataops_cli.source.draws import Draws
from dataops_cli.source.generated_masters import (
    insert_customers,
    insert_lists,
    insert_people,
    insert_products,
)
from dataops_cli.source.generated_orders import draft_orders, insert_headers, insert_lines
from dataops_cli.source.markets import choices, offers
from dataops_cli.source.sizes import Sizes
from dataops_cli.source.staging import create_table, staged_database
from dataops_cli.source.tables import TABLES
from dataops_cli.source.totals import StagedSource, count

_LARGEST_SEED = 2**63 - 1


def generate(target: Path, scale: float, seed: int, on_progress: Callable[[str], None]) -> StagedSource:
    """Write generated data into a new DuckDB file at `target`, and count it.

    Scale 1 has AdventureWorks' 31,465 orders and 121,317 lines; other scales have as many times that, from the same
    504 products. `rowguid` is NULL in the three large tables, as in the CSV edition of the real data. `on_progress`
    gets a line per step.

    Raises UsageError for a scale that is not above 0 and at most 1000 and for a seed below 0 or from 2^63 on, and
    DataopsError where the disk or memory do not suffice. Then, and after an interrupt, `target` is gone.
    """
    sizes = Sizes.at(scale)
    if not 0 <= seed <= _LARGEST_SEED:
        raise UsageError(
            f"The seed must be from 0 to {_LARGEST_SEED}, not {seed}", hint="Any number will do: --seed 1"
        )
    draws = Draws(seed)
    catalogue = products(draws)
    with staged_database(target) as staging:
        connection = staging.connection
        for table in TABLES:
            create_table(connection, table)
        connection.execute("CREATE TEMP TABLE choices (kind VARCHAR, slot INTEGER, value INTEGER)")
        rows = [(choice.kind, choice.slot, choice.value) for choice in choices()]
        insert_lists(connection, "choices", ["VARCHAR", "INTEGER", "INTEGER"], rows)
        connection.execute(
            "CREATE TEMP TABLE offers (market INTEGER, slot INTEGER, product INTEGER, price BIGINT, is_small BOOLEAN)"
        )
        slots = [
            (offer.market, offer.slot, offer.product, offer.price, offer.is_small)
            for offer in offers(catalogue)
        ]
        insert_lists(connection, "offers", ["INTEGER", "INTEGER", "INTEGER", "BIGINT", "BOOLEAN"], slots)

        insert_products(connection, catalogue, seed)
        on_progress(f"{len(catalogue):,} products")
        insert_people(connection, sizes, draws)
        insert_customers(connection, sizes, draws)
        on_progress(f"{sizes.individuals + sizes.stores + sizes.store_customers:,} customers")
        draft_orders(connection, sizes, draws)
        insert_lines(connection, draws)
        on_progress(f"{sizes.lines:,} order lines")
        insert_headers(connection, draws)
        on_progress(f"{sizes.orders:,} orders")
        return count(connection)
