"""What dbt says of one node after running it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

SUCCESSES = frozenset({"success", "pass", "warn", "no-op"})


@dataclass(frozen=True)
class NodeResult:
    """`status` is dbt's word: success, error, skipped for models; pass, fail, warn, error, skipped for tests.

    `failures` counts the rows that a test found.
    """

    unique_id: str
    status: str
    seconds: float
    message: str | None
    failures: int | None
    compiled_sql: str | None

    @property
    def ok(self) -> bool:
        return self.status in SUCCESSES

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    @classmethod
    def from_dbt(cls, result: Any) -> Self:
        """From dbt's RunResult."""
        # DuckDB quotes the value that it could not convert, which may be personal. dbt's artifact is
        # written from the same object.
        if result.message:
            result.message = re.sub(r"(Could not convert \w+ )'[^']*'", r"\1'•••'", result.message)
        return cls(
            unique_id=result.node.unique_id,
            status=str(getattr(result.status, "value", result.status)),
            seconds=round(float(result.execution_time or 0), 3),
            message=_without_macro_stack(result.message),
            failures=result.failures,
            compiled_sql=getattr(result.node, "compiled_code", None),
        )


def _without_macro_stack(message: str | None) -> str | None:
    """dbt's message without the lines that list which macro called which."""
    if not message:
        return message
    kept = [line.rstrip() for line in message.splitlines() if not line.lstrip().startswith("> ")]
    return "\n".join(line for line in kept if line)
