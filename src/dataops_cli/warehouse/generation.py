"""A generation: one published state of silver and gold, named by the run that built it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Self

from dataops_cli.errors import DataopsError, ExitCode


@dataclass(frozen=True)
class Generation:
    """What is known of one generation. Times are UTC in ISO form; `rows` counts each relation's rows.

    `number` is the fencing number of its run: it orders generations without trusting a clock.
    `published_at` is None until it has been the published one, and renewed when it is again.
    """

    run_id: str
    number: int
    release: str | None
    as_of_date: str | None
    rows: Mapping[str, int]
    built_at: str
    published_at: str | None = None

    def published_now(self) -> Self:
        return replace(self, published_at=datetime.now(UTC).isoformat(timespec="seconds"))

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "rows": dict(self.rows)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{key: value for key, value in document.items() if key != "version"})


def last_of_releases(generations: Sequence[Generation], count: int) -> frozenset[str]:
    """Of the `count` releases that were published last, the generation of each that was published last.

    What was built from uncommitted changes is of no release.
    """
    published = [(item.published_at, item.number, item) for item in generations if item.published_at]
    newest: dict[str, str] = {}
    for _at, _number, item in sorted(published, key=itemgetter(0, 1), reverse=True):
        if item.release and not item.release.endswith("-dirty"):
            newest.setdefault(item.release, item.run_id)
    return frozenset([*newest.values()][:count])


def not_kept(run_id: str, kept: Sequence[Generation]) -> DataopsError:
    names = ", ".join(item.run_id for item in kept) or "none"
    return DataopsError(
        f"Generation {run_id} is not kept", hint=f"Kept are: {names}", exit_code=ExitCode.REFUSED
    )
