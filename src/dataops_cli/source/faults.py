"""What is wrong in a file, said so that it can be found and mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataops_cli.errors import DataopsError
from dataops_cli.source.tables import Column

MAX_FAULTS = 5
SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Fault:
    """One fault: where (physical line of the file, column), what, and how to mend it."""

    file: str
    problem: str
    hint: str
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        line = f", line {self.line:,}" if self.line is not None else ""
        column = f", column {self.column}" if self.column is not None else ""
        return f"{self.file}{line}{column}: {self.problem}"


class FaultyFileError(Exception):
    """Raised where reading cannot go on after a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def broken_data(faults: Sequence[Fault]) -> DataopsError:
    """The error for the faults found: the first is the reason, the others are its details."""
    first, *others = faults
    details = [str(fault) for fault in others]
    if len(faults) >= MAX_FAULTS:
        details.append(f"Stopped after {MAX_FAULTS} faults; there may be more.")
    return DataopsError(str(first), hint=first.hint, details=tuple(details))


def shown(column: Column, text: str) -> str:
    """The value for a message: shortened, on one line, and withheld where it may name a person."""
    if column.is_personal:
        return "the value"
    short = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return repr(short)
