"""What a query gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """Column names and rows. `more` says that rows beyond the limit were left out."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool = False
