"""What there is to make known, and how it is said: pure functions from an event and its facts to a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a service is to show a message, in Apprise's words."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Event(StrEnum):
    """Each is a setting of the section `notifications`."""

    DEPLOY_STARTED = "deploy_started"
    DEPLOY_SUCCEEDED = "deploy_succeeded"
    DEPLOY_FAILED = "deploy_failed"
    DEPLOY_ROLLED_BACK = "deploy_rolled_back"
    PIPELINE_FAILED = "pipeline_failed"
    PIPELINE_RECOVERED = "pipeline_recovered"
    PIPELINE_LATE = "pipeline_late"
    HEALTH_BAD = "health_bad"
    HEALTH_GOOD = "health_good"


@dataclass(frozen=True)
class Facts:
    """What is known of an event; empty is what is not. `subject` is what it is about, such as `deploy of 3f2a9c1`,
    `why` the reason that somebody gave, `cause` what went wrong, and `next_step` what to do about it."""

    environment: str
    subject: str = ""
    release: str = ""
    previous: str = ""
    run: str = ""
    who: str = ""
    why: str = ""
    seconds: float | None = None
    cause: str = ""
    details: tuple[str, ...] = ()
    link: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Message:
    title: str
    body: str
    kind: Kind


# Event → how it is shown, and its title.
SAYINGS = {
    Event.DEPLOY_STARTED: (Kind.INFO, "{environment}: the {subject} has started"),
    Event.DEPLOY_SUCCEEDED: (Kind.SUCCESS, "{environment}: the {subject} succeeded"),
    Event.DEPLOY_FAILED: (Kind.FAILURE, "{environment}: the {subject} failed"),
    Event.DEPLOY_ROLLED_BACK: (Kind.WARNING, "{environment} is back on {release}"),
    Event.PIPELINE_FAILED: (Kind.FAILURE, "{environment}: the pipeline failed"),
    Event.PIPELINE_RECOVERED: (Kind.SUCCESS, "{environment}: the pipeline works again"),
    Event.PIPELINE_LATE: (Kind.WARNING, "{environment}: the pipeline is late"),
    Event.HEALTH_BAD: (Kind.FAILURE, "{environment} is not healthy"),
    Event.HEALTH_GOOD: (Kind.SUCCESS, "{environment} is healthy again"),
}
# What services take as one message; a long list of faults is cut.
DETAILS = 10


def message(event: Event, facts: Facts) -> Message:
    """A title and a body in plain text, a line a fact."""
    kind, title = SAYINGS[event]
    return Message(
        title.format(
            environment=facts.environment, subject=facts.subject, release=facts.release or "no release"
        ),
        "\n".join(_lines(facts)),
        kind,
    )


def trial(environment: str) -> Message:
    """What shows that notifications arrive."""
    body = f"Environment: {environment}\nNothing has happened: somebody tries whether this arrives."
    return Message(f"{environment}: a test of notifications", body, Kind.INFO)


def example(event: Event, environment: str) -> Message:
    """The event as it looks, with facts that are made up."""
    facts = Facts(
        environment,
        subject="deploy of 3f2a9c1b7d04",
        release="3f2a9c1b7d04",
        previous="77aa01d2c3e4",
        run="20260102T030405-0007",
        who="somebody",
        why="a test of notifications",
        seconds=83.0,
        cause="Nothing: this is an example",
        next_step="Nothing: it has not happened",
    )
    said = message(event, facts)
    return Message(f"[example] {said.title}", said.body, said.kind)


def _lines(facts: Facts) -> Iterator[str]:
    named = {
        "Environment": facts.environment,
        "Release": facts.release + (f" (before: {facts.previous})" if facts.previous else ""),
        "Run": facts.run,
        "By": facts.who,
        "Why": facts.why,
        "Took": "" if facts.seconds is None else _span(facts.seconds),
        "What went wrong": facts.cause,
    }
    yield from (f"{name}: {text}" for name, text in named.items() if text)
    yield from (f"- {detail}" for detail in facts.details[:DETAILS])
    if len(facts.details) > DETAILS:
        yield f"- and {len(facts.details) - DETAILS} more"
    if facts.link:
        yield f"Airflow: {facts.link}"
    if facts.next_step:
        yield f"What to do: {facts.next_step}"


def _span(seconds: float) -> str:
    """`1 h 2 min`, `3 min 12 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
