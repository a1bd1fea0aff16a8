"""Whether the source has orders that are new enough, by the rule that a run goes by, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import UsageError
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import UNPUBLISHED, nothing_known
from dataops_cli.health.data_published import LoadedSource, published
from dataops_cli.health.data_reading import open_reading
from dataops_cli.settings.model import Freshness

REMEDY = "Load newer orders into the source, then publish them: dataops run"


@dataclass(frozen=True)
class Latest:
    """The latest row of a source table, None where it has none. Times without a zone are UTC."""

    table: str
    at: datetime | None


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return UNPUBLISHED
    if not found.relations:
        return nothing_known(found.generation)
    latest = []
    with open_reading(subject, all_of_it=True) as reading:
        for source in found.sources:
            table = reading.source(source.schema, source.table)
            ((at,),) = reading.rows(f"SELECT MAX({reading.name(source.column)}) FROM {table}")  # noqa: S608
            latest.append(Latest(f"{source.schema}.{source.table}", moment(at, source)))
    return judge(latest, subject.environment.settings.freshness, datetime.now(UTC))


def judge(latest: Sequence[Latest], limits: Freshness, now: datetime) -> Finding:
    """The oldest of the tables decides. The value is its age in days."""
    if not latest:
        return Finding(Result.SKIPPED, "the project has no rule of freshness (loaded_at_field, warn_after)")
    empty = [item.table for item in latest if item.at is None]
    if empty:
        return Finding(Result.FAIL, f"{', '.join(empty)}: no row", REMEDY)
    at, table = min((item.at, item.table) for item in latest if item.at)
    age = round((now - at).total_seconds() / 86400, 2)
    told = f"the latest row of {table} is of {at:%Y-%m-%d}, {age:,.1f} days old"
    if age > limits.error_after_days:
        limit = limits.error_after_days
        return Finding(Result.FAIL, f"{told}; {limit} are allowed", REMEDY, age, limit)
    if age > limits.warn_after_days:
        limit = limits.warn_after_days
        return Finding(Result.WARN, f"{told}; {limit} are usual", REMEDY, age, limit)
    return Finding(Result.OK, told, value=age, threshold=limits.warn_after_days)


def moment(value: object, source: LoadedSource) -> datetime | None:
    """Raises UsageError for what is no date."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise UsageError(
        f"{source.schema}.{source.table}: its loaded_at_field {source.column} holds no dates",
        hint="Name a column of a date or a time in dbt/models/sources",
    )
