"""Generated orders and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataops_cli.source.draws import Draws
from dataops_cli.source.generated_masters import insert_lists, territory_slot
from dataops_cli.source.markets import SLOTS, market
from dataops_cli.source.seasons import batches
from dataops_cli.source.sizes import FIRST_ORDER, ORDERS, Sizes

if TYPE_CHECKING:
    from dataops_cli.warehouse.embedded_calls import InterruptibleConnection

# Discounts that a special offer gave resellers for a while: from, to, offer, percent, how many of 100 lines.
_PROMOTIONS = (
    ("2012-04-30", "2012-04-30", 7, 35, 11),
    ("2012-05-30", "2012-05-30", 8, 10, 6),
    ("2012-06-01", "2012-06-30", 9, 30, 2),
    ("2013-05-30", "2013-05-30", 11, 15, 4),
    ("2013-05-30", "2013-07-31", 13, 15, 5),
    ("2013-05-30", "2013-07-31", 14, 20, 2),
    ("2014-03-31", "2014-05-01", 16, 40, 3),
)
# Volume discounts of resellers: from how many pieces, offer, percent, and the price in percent of the list price.
_VOLUMES = ((41, 5, 15, 45), (25, 4, 10, 50), (15, 3, 5, 55), (11, 2, 2, 58))
_RESELLER_PRICE = 60


def draft_orders(connection: InterruptibleConnection, sizes: Sizes, draws: Draws) -> None:
    """Temporary table `orders`: who orders when, in what market, and how many lines; one row per order."""
    _insert_positions(connection, draws)
    # An order's place among all gives its day: orders of scale 1 are the measure, so every scale has the same seasons.
    connection.execute(
        f"""
        CREATE TEMP TABLE drafts AS
        SELECT i, day, is_online, market, 1000 * lines.value + 1 AS weight
        FROM (SELECT range AS i, range * {ORDERS - 1} // {max(sizes.orders - 1, 1)} AS place FROM range($orders))
        JOIN positions USING (place)
        JOIN choices AS lines ON lines.kind = 'lines ' || market AND lines.slot = {draws.below("lines", SLOTS, "i")}
        """,  # noqa: S608
        {"orders": sizes.orders},
    )
    online, weight = _row(connection, "SELECT count(*) FILTER (WHERE is_online), sum(weight) FROM drafts")
    extra = sizes.lines - sizes.orders
    # Weights become lines by their running sum, so that all lines add up exactly.
    connection.execute(
        f"""
        CREATE TEMP TABLE orders AS
        SELECT i, day, is_online, market, {_customer(sizes, draws)} AS customer,
            1 + weights * {extra} // {weight} - (weights - weight) * {extra} // {weight} AS lines,
            i + (weights - weight) * {extra} // {weight} AS lines_before
        FROM (
            SELECT drafts.*, buyers * {sizes.individuals} // {max(online, 1)} AS newest,
                (buyers - 1) * {sizes.individuals} // {max(online, 1)} AS newest_before
            FROM (
                SELECT *, CAST(sum(weight) OVER running AS BIGINT) AS weights,
                    CAST(sum(CAST(is_online AS INTEGER)) OVER running AS BIGINT) AS buyers
                FROM drafts
                WINDOW running AS (ORDER BY i ROWS UNBOUNDED PRECEDING)
            ) AS drafts
        ) AS drafts
        ORDER BY i
        """  # noqa: S608
    )
    connection.execute("DROP TABLE drafts")


def _insert_positions(connection: InterruptibleConnection, draws: Draws) -> None:
    """Temporary table `positions`: the day and market of each order of scale 1."""
    connection.execute(
        "CREATE TEMP TABLE batches (first BIGINT, orders BIGINT, day DATE, is_online BOOLEAN, market INTEGER)"
    )
    rows: list[tuple[object, ...]] = []
    first = 0
    for batch in batches(draws.stream("days")):
        rows.append((first, batch.orders, batch.day, batch.is_online, market(batch.is_online, batch.period)))
        first += batch.orders
    insert_lists(connection, "batches", ["BIGINT", "BIGINT", "DATE", "BOOLEAN", "INTEGER"], rows)
    connection.execute(
        """
        CREATE TEMP TABLE positions AS
        SELECT first + unnest(range(orders)) AS place, day, is_online, market FROM batches
        """
    )


def _customer(sizes: Sizes, draws: Draws) -> str:
    """The customer of an order. Online, customers come one after another, and between them earlier ones come again."""
    pick = draws.stream("returning").sql("i")
    # One in eight returns to a customer whose number is a multiple of 64: some customers order often.
    earlier = f"{pick} % (newest_before + 1)"
    often = f"CASE WHEN {draws.below('often', 8, 'i')} = 0 THEN {earlier} // 64 * 64 ELSE {earlier} END"
    online = (
        f"{sizes.first_individual} + CASE WHEN newest > newest_before THEN newest_before ELSE {often} END"
    )
    reseller = f"{sizes.first_store_customer} + {draws.below('reseller', sizes.store_customers, 'i')}"
    return f"CASE WHEN is_online THEN {online} ELSE {reseller} END"


def insert_lines(connection: InterruptibleConnection, draws: Draws) -> None:
    """Sales.SalesOrderDetail, in the order of its ids."""
    pieces = "CASE WHEN offers.is_small THEN 'pieces small' ELSE 'pieces large' END"
    promotions = [
        f"WHEN NOT is_online AND day BETWEEN DATE '{first}' AND DATE '{last}'"
        f" AND {draws.below(f'promotion {offer}', 100, 'line')} < {share} THEN {offer}"
        for first, last, offer, _, share in _PROMOTIONS
    ]
    volumes = [f"WHEN quantity >= {pieces} THEN {offer}" for pieces, offer, _, _ in _VOLUMES]
    percents = [f"WHEN {offer} THEN {percent}" for _, _, offer, percent, _ in _PROMOTIONS]
    percents += [f"WHEN {offer} THEN {percent}" for _, offer, percent, _ in _VOLUMES]
    prices = [f"WHEN {offer} THEN {price}" for _, offer, _, price in _VOLUMES]
    # Products are taken at equal steps around the market's slots, so that an order rarely has one twice.
    connection.execute(
        f"""
        INSERT INTO "Sales"."SalesOrderDetail"
        SELECT {FIRST_ORDER} + i, line, tracking, quantity, product, offer,
            CAST(price * 0.0001 AS DECIMAL(19,4)), CAST(percent * 0.01 AS DECIMAL(19,4)),
            CAST(quantity * price * (100 - percent) * 0.000001 AS DECIMAL(38,6)), NULL, day
        FROM (
            SELECT *, CASE offer {" ".join(percents)} ELSE 0 END AS percent,
                list_price * CASE WHEN is_online THEN 100 ELSE CASE offer {" ".join(prices)}
                    ELSE {_RESELLER_PRICE} END END // 100 AS price
            FROM (
                SELECT *, CASE {" ".join(promotions)} {" ".join(volumes)} ELSE 1 END AS offer
                FROM (
                    SELECT i, day, is_online, tracking, line, offers.product, offers.price AS list_price,
                        CASE WHEN is_online THEN 1 ELSE pieces.value END AS quantity
                    FROM ({_numbered_lines(draws)}) AS lines
                    JOIN offers USING (market, slot)
                    JOIN choices AS pieces ON pieces.kind = {pieces}
                        AND pieces.slot = {draws.below("pieces", SLOTS, "line")}
                )
            )
        )
        """  # noqa: S608
    )


def _numbered_lines(draws: Draws) -> str:
    """A row per line of each order, with the market's slot that gives its product."""
    start = draws.below("product", SLOTS, "i")
    tracking = ", ".join(draws.below(f"tracking {size}", size, "i") for size in (65535, 65536, 256))
    return f"""
        SELECT i, day, is_online, market, tracking, lines_before + number AS line,
            CAST((start + (number - 1) * {SLOTS} // lines) % {SLOTS} AS INTEGER) AS slot
        FROM (
            SELECT *, unnest(range(1, lines + 1)) AS number, {start} AS start,
                CASE WHEN NOT is_online THEN format('{{:04X}}-{{:04X}}-{{:02X}}', {tracking}) END AS tracking
            FROM orders
        )
    """  # noqa: S608


def insert_headers(connection: InterruptibleConnection, draws: Draws) -> None:
    """Sales.SalesOrderHeader, in the order of its ids. Totals follow from the lines."""
    late = f"CASE WHEN {draws.below('late', 3500, 'i')} = 0 THEN 1 ELSE 0 END"
    address = f"405 + {draws.below('address', 29_000, 'customer')}"
    foreign = f"territory.value IN (6, 9, 10) AND {draws.below('currency known', 100, 'i')} < 96"
    connection.execute(
        f"""
        INSERT INTO "Sales"."SalesOrderHeader"
        SELECT id, CASE WHEN NOT is_online AND {draws.below("revision", 127, "i")} = 0 THEN 9 ELSE 8 END,
            day, day + 12 + late, day + 7 + late, 5, is_online, 'SO' || id,
            CASE WHEN NOT is_online THEN 'PO' || (1000 + {draws.stream("purchase").sql("i")}) END,
            CASE WHEN is_online THEN '10-4030-' ELSE '10-4020-' END || format('{{:06d}}', customer % 10000000),
            customer, CASE WHEN NOT is_online THEN seller.value END, territory.value,
            {address}, {address} + CASE WHEN {draws.below("elsewhere", 300, "i")} = 0 THEN 1 ELSE 0 END,
            CASE WHEN is_online THEN 1 ELSE 5 END,
            CASE WHEN has_card THEN 1 + {draws.below("card", 19_237, "customer")} END,
            CASE WHEN has_card THEN {draws.below("approval", 1_000_000, "i")} || 'Vi' || (
                10000 + {draws.below("approval end", 90_000, "i")}) END,
            CASE WHEN {foreign} THEN 1 + {draws.below("currency", 13_532, "i")} END,
            subtotal, tax, freight, subtotal + tax + freight, NULL, NULL, day + 7 + late
        FROM (
            SELECT *, CAST(round(tax * 0.3125, 4) AS DECIMAL(19,4)) AS freight
            FROM (
                SELECT *, {FIRST_ORDER} + i AS id, CAST({late} AS INTEGER) AS late,
                    NOT is_online OR {draws.below("card known", 100, "i")} < 96 AS has_card,
                    CAST(round(subtotal * CASE WHEN is_online THEN 0.0800 ELSE
                        CAST((900 + {draws.below("tax", 140, "customer")}) * 0.0001 AS DECIMAL(5,4)) END, 4
                    ) AS DECIMAL(19,4)) AS tax
                FROM orders
                JOIN (
                    SELECT SalesOrderID - {FIRST_ORDER} AS i, CAST(round(sum(LineTotal), 4) AS DECIMAL(19,4)) AS subtotal
                    FROM "Sales"."SalesOrderDetail" GROUP BY SalesOrderID
                ) AS sums USING (i)
            )
        )
        JOIN choices AS territory ON territory.slot = {territory_slot(draws, "customer")}
            AND territory.kind = CASE WHEN is_online THEN 'territory person' ELSE 'territory store' END
        JOIN choices AS seller ON seller.kind = 'seller ' || territory.value
            AND seller.slot = {draws.below("seller", SLOTS, "customer")}
        ORDER BY id
        """  # noqa: S608
    )


def _row(connection: InterruptibleConnection, query: str) -> tuple[int, int]:
    row = connection.execute(query).fetchone() or (0, 0)
    return int(row[0]), int(row[1])
