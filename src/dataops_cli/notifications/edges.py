"""Events that are changes: health that turned bad or good, the pipeline that failed or works again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataops_cli.checks import Finding, Result
from dataops_cli.console import Console
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.notifications.addresses import is_configured
from dataops_cli.notifications.events import Event, Facts
from dataops_cli.notifications.telling import tell
from dataops_cli.notifications.told import Told
from dataops_cli.settings.load import Environment

if TYPE_CHECKING:
    from dataops_cli.pipeline.execution import RunOutcome

GOOD, BAD = "good", "bad"
HEALTH, PIPELINE = "health", "pipeline"
# A run that ends so has not failed: it was not begun, or somebody has ended it.
NO_FAILURE = frozenset({ExitCode.USAGE, ExitCode.LOCKED, ExitCode.REFUSED, ExitCode.INTERRUPTED})


def tell_health(
    environment: Environment,
    console: Console,
    told: Told,
    *,
    healthy: bool,
    findings: Mapping[str, Finding],
) -> None:
    """Tell that the health has turned bad, or good again after that was told; what stays as it was is not told.

    `findings` are all of a look at the health, by check. What goes wrong is a warning.
    """
    if not is_configured(environment):
        return
    failed = {name: finding for name, finding in findings.items() if finding.result is Result.FAIL}
    facts = Facts(environment.name)
    if not healthy:
        facts = replace(
            facts,
            cause=f"{len(failed)} of {len(findings)} checks failed",
            details=tuple(_line(name, finding) for name, finding in failed.items()),
            next_step="Look again, with all remedies: dataops health",
        )
    event = Event.HEALTH_GOOD if healthy else Event.HEALTH_BAD
    _tell_change(environment, console, told, HEALTH, event, facts, GOOD if healthy else BAD)


@dataclass
class Run:
    """A run of the pipeline whose end is to be told; `outcome` where it came to one."""

    outcome: RunOutcome | None = None


@contextmanager
def told_of_run(
    environment: Environment, console: Console, told: Told, who: str, command: str
) -> Iterator[Run]:
    """Tell how the run in the block ended: that it failed, each time; that it works again, once.

    Nothing is told of a run that was interrupted, refused or never begun.
    """
    run = Run()
    try:
        yield run
    except Exception as error:
        if run.outcome is None and getattr(error, "exit_code", ExitCode.FAILED) not in NO_FAILURE:
            _tell_run(environment, console, told, _of_error(environment, error, who, command), failed=True)
        raise
    finally:
        if run.outcome is not None:
            facts = _of_outcome(environment, run.outcome, who)
            _tell_run(environment, console, told, facts, failed=not run.outcome.published)


def _tell_run(environment: Environment, console: Console, told: Told, facts: Facts, *, failed: bool) -> None:
    if not is_configured(environment):
        return
    event, verdict = (Event.PIPELINE_FAILED, BAD) if failed else (Event.PIPELINE_RECOVERED, GOOD)
    _tell_change(environment, console, told, PIPELINE, event, facts, verdict, again=failed)


def _tell_change(
    environment: Environment,
    console: Console,
    told: Told,
    subject: str,
    event: Event,
    facts: Facts,
    verdict: str,
    *,
    again: bool = False,
) -> None:
    """Tell what differs from what was told last, or `again`; what nobody got is told the next time."""
    try:
        last = told.last(subject)
    except DataopsError as error:  # better twice than never
        console.warn(f"What was told last is not known: {error.reason}", error.hint)
        last = None if verdict == BAD else BAD
    if not again and verdict == (last or GOOD):
        return
    if not tell(environment, console, event, facts):
        return
    try:
        told.note(subject, verdict)
    except DataopsError as error:
        console.warn(f"That {event} was told could not be written down: {error.reason}", error.hint)


def _of_outcome(environment: Environment, outcome: RunOutcome, who: str) -> Facts:
    facts = Facts(
        environment.name,
        release=str(outcome.record.facts.get("release") or ""),
        run=outcome.record.run_id,
        who=who,
        seconds=outcome.seconds,
    )
    if outcome.published:
        return facts
    return replace(
        facts,
        cause=f"{len(outcome.failures)} failed; what consumers read is as it was",
        details=tuple(f"{item.node.kind} {item.node.name}: {item.message}" for item in outcome.failures),
        next_step="Mend the model or test, then continue from there: dataops run --retry",
    )


def _of_error(environment: Environment, error: Exception, who: str, command: str) -> Facts:
    facts = Facts(environment.name, run=command, who=who)
    if isinstance(error, DataopsError):
        return replace(facts, cause=error.reason, details=error.details, next_step=error.hint)
    return replace(
        facts, cause=f"unexpected {type(error).__name__}", next_step="Look at it: dataops runs show"
    )


def _line(name: str, finding: Finding) -> str:
    return f"{name}: {finding.found}" + (f". {finding.remedy}" if finding.remedy else "")
