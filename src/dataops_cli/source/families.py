"""The families of products: the figures of AdventureWorks' subcategories, under names that are not its own.

How many products there are, since when and until when they are sold, their list prices, costs, colours and sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

CATEGORIES = ("Bicycles", "Parts", "Apparel", "Gear")

# From when to when the products of a wave are sold; the counts of a family are in this order.
WAVES: tuple[tuple[date, date | None], ...] = (
    (date(2011, 5, 31), date(2012, 5, 29)),
    (date(2011, 5, 31), date(2013, 5, 29)),
    (date(2011, 5, 31), None),
    (date(2012, 5, 30), date(2013, 5, 29)),
    (date(2012, 5, 30), None),
    (date(2013, 5, 30), None),
)

_FRAME_SIZES = ("38", "40", "42", "44", "46", "48", "50", "52", "54", "58", "60", "62")
_WEAR_SIZES = ("S", "M", "L", "XL")


@dataclass(frozen=True)
class Family:
    """One subcategory: products a wave, list prices of the three tiers, standard cost in permille of them."""

    name: str
    category: int
    waves: tuple[int, int, int, int, int, int]
    prices: tuple[str, str, str]
    cost: int
    line: str | None = None
    colors: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    weight: int = 0
    has_class: bool = False
    styles: tuple[str, ...] = ()
    days: int = 0


_DARK = ("Black", "Silver")
_BRIGHT = ("Red", "Black", "Yellow")
_SEA = ("Yellow", "Blue")

FAMILIES = (
    Family("Trail Bicycles", 1, (8, 0, 0, 4, 6, 14), ("3399.99", "1079.99", "564.99"), 550, "M", _DARK,
           _FRAME_SIZES, 2350, True, ("U", "W"), 4),
    Family("Race Bicycles", 1, (10, 12, 0, 3, 10, 8), ("3399.99", "1457.99", "659.99"), 620, "R", _BRIGHT,
           _FRAME_SIZES, 1700, True, ("U", "W"), 4),
    Family("Journey Bicycles", 1, (0, 0, 0, 0, 0, 22), ("2384.07", "1214.85", "742.35"), 622, "T", _SEA,
           _FRAME_SIZES, 2700, True, ("U",), 4),
    Family("Grips and Bars", 2, (0, 0, 0, 0, 6, 2), ("120.27", "61.92", "44.54"), 444, "M", has_class=True, days=1),
    Family("Bearings", 2, (0, 0, 0, 0, 0, 3), ("121.49", "101.24", "53.99"), 444, None, weight=200, has_class=True,
           days=1),
    Family("Stoppers", 2, (0, 0, 0, 0, 0, 2), ("106.50", "106.50", "106.50"), 444, None, ("Silver",), weight=317,
           days=1),
    Family("Drive Chains", 2, (0, 0, 0, 0, 0, 1), ("20.24", "20.24", "20.24"), 444, None, ("Silver",), days=1),
    Family("Cranks", 2, (0, 0, 0, 0, 0, 3), ("404.99", "256.49", "175.49"), 444, None, ("Black",), weight=600,
           has_class=True, days=1),
    Family("Shifters", 2, (0, 0, 0, 0, 0, 2), ("121.46", "106.47", "91.49"), 444, None, ("Silver",), weight=150,
           days=1),
    Family("Front Forks", 2, (0, 0, 0, 3, 0, 0), ("229.49", "175.49", "148.22"), 444, None, has_class=True, days=1),
    Family("Steering Sets", 2, (0, 0, 0, 3, 0, 0), ("124.73", "102.29", "34.20"), 444, None, has_class=True, days=1),
    Family("Trail Frames", 2, (4, 0, 6, 4, 0, 14), ("1349.60", "364.09", "249.79"), 540, "M", _DARK, _FRAME_SIZES,
           285, True, ("U", "W"), 2),
    Family("Pedal Sets", 2, (0, 0, 0, 0, 0, 7), ("80.99", "62.09", "40.49"), 444, "R", ("Silver/Black",), weight=180,
           has_class=True, days=1),
    Family("Race Frames", 2, (5, 6, 13, 0, 9, 0), ("1431.50", "594.83", "337.22"), 600, "R", _BRIGHT, _FRAME_SIZES,
           230, True, ("U", "W"), 2),
    Family("Seats", 2, (0, 0, 0, 0, 0, 9), ("52.64", "39.14", "27.12"), 444, "T", has_class=True, days=1),
    Family("Journey Frames", 2, (0, 0, 0, 0, 0, 18), ("1003.91", "333.42", "333.42"), 600, "T", _SEA, _FRAME_SIZES,
           310, True, ("U",), 1),
    Family("Wheelsets", 2, (0, 0, 0, 14, 0, 0), ("330.06", "236.02", "85.56"), 444, "R", ("Black",), weight=850,
           has_class=True, days=1),
    Family("Bibs", 3, (0, 0, 0, 3, 0, 0), ("89.99", "89.99", "89.99"), 412, "S", ("Multi",), _WEAR_SIZES[:3],
           styles=("M",)),
    Family("Riding Caps", 3, (0, 0, 1, 0, 0, 0), ("8.99", "8.99", "8.99"), 770, "S", ("Multi",), styles=("U",)),
    Family("Mitts", 3, (0, 0, 0, 3, 3, 0), ("37.99", "31.24", "24.49"), 390, "S", ("Black",), _WEAR_SIZES[:3],
           styles=("U",)),
    Family("Shirts", 3, (0, 0, 4, 0, 0, 4), ("53.99", "51.99", "49.99"), 770, "S", ("Multi", "Yellow"), _WEAR_SIZES,
           styles=("U",)),
    Family("Riding Shorts", 3, (0, 0, 0, 4, 0, 3), ("69.99", "59.99", "59.99"), 390, "S", ("Black",), _WEAR_SIZES,
           styles=("M", "W")),
    Family("Ankle Socks", 3, (2, 0, 0, 0, 0, 2), ("9.50", "9.25", "8.99"), 370, "R", ("White",), ("M", "L"),
           styles=("U",)),
    Family("Leggings", 3, (0, 0, 0, 3, 0, 0), ("74.99", "74.99", "74.99"), 412, "S", ("Black",), _WEAR_SIZES[:3],
           styles=("W",)),
    Family("Gilets", 3, (0, 0, 0, 0, 0, 3), ("63.50", "63.50", "63.50"), 374, "S", ("Blue",), _WEAR_SIZES[:3],
           styles=("U",)),
    Family("Carriers", 4, (0, 0, 0, 0, 0, 1), ("120.00", "120.00", "120.00"), 374, "S"),
    Family("Repair Stands", 4, (0, 0, 0, 0, 0, 1), ("159.00", "159.00", "159.00"), 374, "M"),
    Family("Flasks and Holders", 4, (0, 0, 0, 0, 0, 3), ("9.99", "8.99", "4.99"), 374, "R"),
    Family("Care Products", 4, (0, 0, 0, 0, 0, 1), ("7.95", "7.95", "7.95"), 374, "S"),
    Family("Mudguards", 4, (0, 0, 0, 0, 0, 1), ("21.98", "21.98", "21.98"), 374, "M"),
    Family("Head Protection", 4, (0, 0, 3, 0, 0, 0), ("34.99", "34.99", "34.99"), 374, "S", ("Red", "Black", "Blue")),
    Family("Water Packs", 4, (0, 0, 0, 0, 0, 1), ("54.99", "54.99", "54.99"), 374, "S", ("Silver",), ("70",)),
    Family("Lamps", 4, (0, 0, 0, 3, 0, 0), ("44.99", "34.99", "13.99"), 412, "R"),
    Family("Cable Locks", 4, (0, 0, 0, 1, 0, 0), ("25.00", "25.00", "25.00"), 412, "S"),
    Family("Saddle Bags", 4, (0, 0, 0, 1, 0, 0), ("125.00", "125.00", "125.00"), 412, "T", ("Grey",)),
    Family("Air Pumps", 4, (0, 0, 0, 2, 0, 0), ("24.99", "19.99", "19.99"), 412, "S"),
    Family("Tyres and Inner Tubes", 4, (0, 0, 0, 0, 0, 11), ("32.60", "21.49", "4.49"), 374, "M", has_class=True),
)  # fmt: skip
