"""What a page is made of, for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Table:
    """Cells are text. Columns from `numbers` on are right-aligned; those in `minor` give way on a phone.
    `marks` has a class of the style sheet for each row, whose first cell gets a dot of its colour."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 1
    minor: frozenset[int] = frozenset()
    half: bool = False
    marks: Sequence[str] = ()
    folded: bool = False


@dataclass(frozen=True)
class Key:
    """What a colour of a chart stands for; `mark` is a class of the style sheet."""

    mark: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A chart with what it says in a sentence, and its numbers as a table. On a phone, one that is `wide_only` gives way
    to its table."""

    title: str
    says: str
    picture: Markup | None
    keys: Sequence[Key] = ()
    table: Table | None = None
    half: bool = False
    wide_only: bool = False


@dataclass(frozen=True)
class Number:
    """A key figure. `good` says whether its change is welcome, None where it is neither."""

    label: str
    value: str
    change: str = ""
    against: str = ""
    good: bool | None = None


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = field(default=())
    note: str = ""
