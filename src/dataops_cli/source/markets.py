"""What each channel sells in each period, how many lines an order has, and how many pieces a line.

All are tables of slots: a number drawn below `slots` picks the row, so a value comes as often as it has slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dataops_cli.source.catalogue import Product
from dataops_cli.source.seasons import PERIOD_STARTS, spread

SLOTS = 1000

# Shares of the categories (bicycles, parts, apparel, gear) in the lines, in permille, by period.
_RESELLER_SHARES = ((600, 185, 140, 75), (375, 315, 240, 70), (377, 335, 193, 95), (377, 335, 193, 95))
_ONLINE_SHARES = ((1000, 0, 0, 0), (1000, 0, 0, 0), (185, 0, 165, 650), (0, 0, 200, 800))

# Extra lines of reseller orders, beyond the first: deciles, by period.
_RESELLER_LINES = (
    (0, 0, 2, 4, 6, 8, 12, 15, 19, 25, 36),
    (0, 0, 1, 2, 4, 8, 17, 25, 35, 46, 70),
    (0, 0, 1, 2, 4, 8, 17, 24, 34, 43, 71),
    (0, 0, 1, 2, 4, 8, 17, 24, 34, 43, 71),
)
# Online orders with 1, 2, 3 … lines, in permille: one bicycle each until gear was sold too.
_ONLINE_LINES = ((1000,), (1000,), (190, 367, 264, 141, 31, 5, 1, 1), (190, 367, 264, 141, 31, 5, 1, 1))

# Pieces of a reseller's line, 1, 2, 3 … in permille: few of the large goods, more of the small ones.
_LARGE_QUANTITIES = (262, 267, 178, 124, 68, 47, 21, 17, 7, 5, 1, 1, 1, 1)
_SMALL_QUANTITIES = (
    155, 143, 124, 118, 91, 85, 57, 57, 38, 36, 19, 21, 11, 12, 6, 6, 4, 4, 3, 3, 2, 1, 1, 1, 1, 1,
)  # fmt: skip

# Territories 1 … 10 of customers, in permille.
_PERSON_TERRITORIES = (181, 1, 1, 241, 1, 85, 98, 96, 193, 103)
_STORE_TERRITORIES = (134, 79, 93, 184, 123, 165, 55, 53, 55, 59)
# Who sells in which territory.
_SALES_PEOPLE = (
    (276, 280, 281, 283, 284),
    (275, 277, 275),
    (277, 275, 276),
    (276, 281, 275, 277),
    (279, 282, 277),
    (278, 282, 289),
    (287, 290),
    (288, 287),
    (285, 286),
    (282, 289),
)


@dataclass(frozen=True)
class Choice:
    """A slot of a table of choices."""

    kind: str
    slot: int
    value: int


@dataclass(frozen=True)
class Offer:
    """A product in a slot of a market (channel and period). `price` is the list price in ten-thousandths."""

    market: int
    slot: int
    product: int
    price: int
    is_small: bool


def market(is_online: bool, period: int) -> int:
    """The number of the market of a channel and period."""
    return (10 if is_online else 20) + period


def choices() -> list[Choice]:
    """All tables of choices, each with SLOTS slots."""
    tables: dict[str, Sequence[int]] = {
        "pieces large": _counted(_LARGE_QUANTITIES),
        "pieces small": _counted(_SMALL_QUANTITIES),
        "territory person": _counted(_PERSON_TERRITORIES),
        "territory store": _counted(_STORE_TERRITORIES),
    }
    for index in range(len(PERIOD_STARTS)):
        tables[f"lines {market(True, index + 1)}"] = [count - 1 for count in _counted(_ONLINE_LINES[index])]
        tables[f"lines {market(False, index + 1)}"] = _interpolated(_RESELLER_LINES[index])
    for index, people in enumerate(_SALES_PEOPLE):
        tables[f"seller {index + 1}"] = [people[slot * len(people) // SLOTS] for slot in range(SLOTS)]
    return [Choice(kind, slot, value) for kind, values in tables.items() for slot, value in enumerate(values)]


def offers(products: Sequence[Product]) -> list[Offer]:
    """The slots of every market: each product as often as it sells."""
    result: list[Offer] = []
    for period, start in enumerate(PERIOD_STARTS, start=1):
        sold = [product for product in products if product.is_sold_in(start)]
        for is_online, shares in ((True, _ONLINE_SHARES[period - 1]), (False, _RESELLER_SHARES[period - 1])):
            chosen = [(product, _weight(product, period, is_online)) for product in sold]
            slots: list[Product] = []
            for category, share in enumerate(shares, start=1):
                weighted = [
                    (product, weight) for product, weight in chosen if product.category == category and weight
                ]
                parts = spread(share, [weight for _, weight in weighted])
                slots.extend(
                    product for (product, _), part in zip(weighted, parts, strict=True) for _ in range(part)
                )
            result.extend(
                _offer(market(is_online, period), slot, product) for slot, product in enumerate(slots)
            )
    return result


def _weight(product: Product, period: int, is_online: bool) -> int:
    """How often a product sells within its category."""
    if not is_online:
        return 2 if product.tier == "H" else 3
    if product.category == 1:
        # The first online customers bought the best bicycles only.
        return int(product.tier == "H") if period == 1 else 1
    return 1 if _price(product) >= 500_000 else 6


def _offer(number: int, slot: int, product: Product) -> Offer:
    return Offer(number, slot, product.id, _price(product), is_small=product.category in {3, 4})


def _price(product: Product) -> int:
    """In ten-thousandths; list prices have two digits after the point."""
    return int(product.list_price.replace(".", "")) * 100


def _counted(shares: Sequence[int]) -> list[int]:
    """1, 2, 3 … as often as their shares of SLOTS say."""
    parts = spread(SLOTS, list(shares))
    return [number for number, part in enumerate(parts, start=1) for _ in range(part)]


def _interpolated(deciles: Sequence[int]) -> list[int]:
    """SLOTS values with these deciles."""
    steps = SLOTS // (len(deciles) - 1)
    return [low + (high - low) * step // steps for low, high in pairwise(deciles) for step in range(steps)]
