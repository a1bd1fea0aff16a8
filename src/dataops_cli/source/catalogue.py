"""The product catalogue: 504 products, of which 295 are finished goods in 37 subcategories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from dataops_cli.source.draws import Draws
from dataops_cli.source.families import FAMILIES, WAVES

_TIERS = ("H", "M", "L")
_MODELS = (
    "Alder",
    "Birch",
    "Cedar",
    "Dogwood",
    "Elm",
    "Fir",
    "Gorse",
    "Hazel",
    "Juniper",
    "Larch",
    "Maple",
    "Rowan",
)
_MATERIALS = ("Steel", "Brass", "Alloy", "Rubber", "Nylon", "Copper", "Carbon", "Felt")
_PIECES = (
    "Washer",
    "Bolt",
    "Spacer",
    "Bracket",
    "Bushing",
    "Clamp",
    "Ring",
    "Pin",
    "Plate",
    "Sleeve",
    "Tube",
)

FINISHED_FROM = 680
PIECES = 209
# Every tenth finished product was never sold.
_UNSOLD_EVERY = 10


@dataclass(frozen=True)
class Product:
    """A product row, its values as text in the table's types; `family` is None for pieces, which are not sold."""

    id: int
    row: dict[str, str | None]
    category: int | None = None
    wave: int = 0
    tier: str = ""
    is_sold: bool = False

    @property
    def list_price(self) -> str:
        return str(self.row["ListPrice"])

    def is_sold_in(self, first: date) -> bool:
        start, end = WAVES[self.wave]
        return self.is_sold and start <= first and (end is None or end >= first)


def products(draws: Draws) -> list[Product]:
    """All products by id: first the pieces, then the finished goods."""
    return [*_pieces(draws), *_finished(draws)]


def _finished(draws: Draws) -> Iterator[Product]:
    shade, stock = draws.stream("product color"), draws.stream("product stock")
    product_id = FINISHED_FROM
    for number, family in enumerate(FAMILIES, start=1):
        waves = [wave for wave, count in enumerate(family.waves) for _ in range(count)]
        for index, wave in enumerate(waves):
            tier = _TIERS[index % 3]
            start, end = WAVES[wave]
            color = family.colors[shade.number(product_id) % len(family.colors)] if family.colors else None
            size = family.sizes[index // 3 % len(family.sizes)] if family.sizes else None
            price = family.prices[index % 3]
            model = _MODELS[(number + index // 3) % len(_MODELS)]
            heavy = family.weight >= 1000 or (family.sizes and family.weight)
            level = 100 if family.category == 1 else 500 if family.category == 2 else 4
            row = {
                "ProductID": str(product_id),
                "Name": " ".join(filter(None, (model, family.name, tier, color, size, str(index + 1)))),
                "ProductNumber": f"{_letters(*family.name.split())}-{number:02d}{stock.number(product_id) % 100:02d}-{index + 1}",
                "MakeFlag": "1" if family.category <= 2 else "0",
                "FinishedGoodsFlag": "1",
                "Color": color,
                "SafetyStockLevel": str(level),
                "ReorderPoint": str(level * 3 // 4),
                "StandardCost": _permille(price, family.cost),
                "ListPrice": price,
                "Size": size,
                "SizeUnitMeasureCode": "CM " if size and size.isdigit() else None,
                "WeightUnitMeasureCode": ("LB " if heavy else "G  ") if family.weight else None,
                "Weight": f"{(family.weight + index * 7) / (100 if heavy else 1):.2f}"
                if family.weight
                else None,
                "DaysToManufacture": str(family.days),
                "ProductLine": f"{family.line} " if family.line else None,
                "Class": f"{tier} " if family.has_class else None,
                "Style": f"{family.styles[index % len(family.styles)]} " if family.styles else None,
                "ProductSubcategoryID": str(number),
                "ProductModelID": str(number * 3 + index % 3),
                "SellStartDate": start.isoformat(),
                "SellEndDate": end.isoformat() if end else None,
            }
            is_sold = len(waves) < 5 or index % _UNSOLD_EVERY != _UNSOLD_EVERY - 4
            yield Product(product_id, row, family.category, wave, tier, is_sold)
            product_id += 1


def _pieces(draws: Draws) -> Iterator[Product]:
    """Pieces for manufacture: no subcategory, most without a price."""
    stock = draws.stream("piece stock")
    for number in range(1, PIECES + 1):
        level = (1000, 1000, 1000, 800, 500)[stock.number(number) % 5]
        priced = number > PIECES - 9
        price = f"{40 + number}.74" if priced else "0.00"
        material, piece = _MATERIALS[number % len(_MATERIALS)], _PIECES[number % len(_PIECES)]
        yield Product(
            number,
            {
                "ProductID": str(number),
                "Name": f"{material} {piece} {number}",
                "ProductNumber": f"{_letters(material, piece)}-{1000 + stock.number(number) % 9000}-{number}",
                "MakeFlag": "1" if number % 8 == 0 else "0",
                "FinishedGoodsFlag": "0",
                "Color": ("Black", "Silver")[number % 2] if number % 19 == 0 else None,
                "SafetyStockLevel": str(level),
                "ReorderPoint": str(level * 3 // 4),
                "StandardCost": _permille(price, 741),
                "ListPrice": price,
                "DaysToManufacture": "1" if number % 8 == 0 else "0",
                "Class": ("L ", "M ")[number % 2] if number % 12 == 0 else None,
                "SellStartDate": "2008-04-30",
            },
        )


def _letters(first: str, *others: str) -> str:
    """Two letters for a product number."""
    return (first[0] + (others[-1][0] if others else first[1])).upper()


def _permille(price: str, permille: int) -> str:
    """A share of a price, in exact ten-thousandths."""
    cents = int(price.replace(".", ""))
    tenthousandths = cents * permille // 10
    return f"{tenthousandths // 10_000}.{tenthousandths % 10_000:04d}"
