"""What fails the check, and the line to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataops_cli.ci.actions import Annotation, Level
from dataops_cli.ci.dbt_places import NOWHERE, Place
from dataops_cli.warehouse.rows import Rows


@dataclass(frozen=True)
class Fault:
    """`what` names it (`test orders_are_unique`). `rows` are some of those that a test found, masked."""

    what: str
    message: str
    place: Place = NOWHERE
    remedy: str = ""
    rows: Rows | None = None

    def annotation(self) -> Annotation:
        text = self.message + (f"\n→ {self.remedy}" if self.remedy else "")
        return Annotation(Level.ERROR, text, self.place.file, self.place.line, title=self.what)

    def document(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "message": self.message,
            "file": self.place.file,
            "line": self.place.line,
            "remedy": self.remedy,
            "rows": [dict(zip(self.rows.columns, row, strict=True)) for row in self.rows.rows]
            if self.rows
            else [],
        }
