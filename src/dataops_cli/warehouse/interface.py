"""What the pipeline asks of a warehouse, whichever engine holds it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.rows import Rows


@dataclass(frozen=True)
class Relation:
    """A table or view of a candidate. `schema` and `alias` are where dbt builds it.

    `rebuilt` says whether this run made it, rather than took it over from what is published.
    `definition` is a view's query as dbt compiled it, None for a table or where it was not rebuilt.
    """

    model: str
    schema: str
    alias: str
    is_view: bool
    rebuilt: bool
    definition: str | None = None


class Lease(Protocol):
    """The warehouse's lock, held. `number` is larger than that of every holder before."""

    @property
    def number(self) -> int: ...

    def check(self) -> None:
        """Raises DataopsError (exit 4) when the lock has passed to someone else."""

    def reserve(self, whose: str, seconds: float) -> None:
        """Keep the lock for the next step of a run, after this one has let go of it. `whose` tells the run."""

    def unreserve(self) -> None:
        """Let anybody have it next."""


class Candidate(Protocol):
    """What one run builds aside."""

    @property
    def run_id(self) -> str: ...

    def dbt_environment(self) -> dict[str, str]:
        """The variables with which dbt's profile leads to the candidate."""

    def query(self, sql: str, limit: int) -> Rows:
        """At most `limit` rows of a query on the candidate. Raises DataopsError where the engine refuses."""


C = TypeVar("C", bound=Candidate)


class Warehouse(Protocol[C]):
    """The warehouse of one environment. Methods that write want the lock to be held (`hold`)."""

    def hold(
        self,
        command: str,
        *,
        wait: float = 0,
        on_wait: Callable[[str], None] = ...,
        whose: str | None = None,
    ) -> AbstractContextManager[Lease]:
        """Hold the lock while the block runs; wait for it up to `wait` seconds; `on_wait` is told who holds it.
        `whose` tells the run for which it may be reserved. Raises DataopsError (exit 4) when it stays taken."""

    def is_held(self) -> bool:
        """Whether somebody holds the lock now."""

    def require_source(self) -> None:
        """Raises DataopsError (exit 3) where there is no source."""

    def source_is_that_of(self, candidate: C) -> bool:
        """Whether the source is still the one that the candidate reads."""

    def dbt_environment(self) -> dict[str, str]:
        """The variables with which dbt's profile leads to the candidate, be it there or not."""

    def published_dbt_environment(self) -> dict[str, str]:
        """The variables with which dbt's profile leads to what is published, to read it."""

    def begin(
        self, run_id: str, *, from_published: bool, afresh: Collection[str], continued: Collection[str]
    ) -> C:
        """A new candidate, empty or beginning with what is published. `afresh` are the models that will be built
        from nothing, `continued` those that add to their rows."""

    def left_aside(self) -> C | None:
        """The candidate that a failed or killed run left, if it can be continued."""

    def adopt(self, candidate: C, run_id: str) -> C:
        """Continue a candidate that was left aside, as run `run_id`."""

    def finish(self, candidate: C, relations: Sequence[Relation]) -> dict[str, int]:
        """Make the candidate ready to be published and count its rows, by model. What is none of `relations` goes;
        those that do not exist are left out."""

    def published(self) -> Generation | None:
        """What consumers read now."""

    def generations(self) -> list[Generation]:
        """All that is kept, the newest first."""

    def publish(
        self, candidate: C, generation: Generation, lease: Lease, relations: Sequence[Relation]
    ) -> None:
        """Make the candidate what consumers read, at once or not at all."""

    def require_generation(self, run_id: str) -> Generation:
        """The generation of that run. Raises DataopsError (exit 5) when it is not kept."""

    def publish_again(self, run_id: str, lease: Lease) -> Generation:
        """Make an earlier generation what consumers read. Raises DataopsError (exit 5) when it is not kept."""

    def recover(self) -> None:
        """Put right what a killed publication left."""

    def remove_generation(self, run_id: str) -> None: ...

    def is_passing(self, message: str) -> bool:
        """Whether a failure of dbt, by its message, may not come again when it is tried again."""

    def is_out_of_space(self, message: str) -> bool:
        """Whether a failure of dbt, by its message, is for want of space."""
