"""Looking at the platform once, until it is healthy, or again and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from dataops_cli.deploy import release_check
from dataops_cli.errors import ExitCode
from dataops_cli.health.check import Check, Layer, Need, Subject
from dataops_cli.health.data_checks import CHECKS as DATA_CHECKS
from dataops_cli.health.examination import Outcome, chosen, examine, looks_at_stack
from dataops_cli.health.inside import is_made_inside
from dataops_cli.health.registry import CHECKS
from dataops_cli.health.report import document, exit_code, lines, rendered
from dataops_cli.stack.environment import load_environment_stack

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dataops_cli.cli.application import Application

# Seconds between two looks: of one who waits, and of one who watches.
PAUSE, INTERVAL = 2.0, 5.0


def every_check() -> list[Check]:
    """In the order in which they are shown: by layer."""
    order = list(Layer)
    return sorted([*release_check.CHECKS, *CHECKS, *DATA_CHECKS], key=lambda check: order.index(check.layer))


@dataclass(frozen=True)
class Looking:
    """What is to be looked at, by which checks."""

    app: Application
    subject: Subject
    checks: Sequence[Check]
    timeout: float | None

    @classmethod
    def prepare(
        cls, app: Application, names: Sequence[str], layers: Sequence[str], timeout: float | None
    ) -> Looking:
        """Raises UsageError for an unknown check or layer, and for settings and Compose files that are wrong."""
        subject = Subject(app.project, app.environment)
        checks = [
            replace(check, needs=Need.STACK) if check in DATA_CHECKS and is_made_inside(subject) else check
            for check in chosen(every_check(), names, layers)
        ]
        if app.environment.settings.stack.enabled and looks_at_stack(checks):
            load_environment_stack(app.project, app.environment)
        return cls(app, subject, checks, timeout)

    def once(self) -> list[Outcome]:
        """What each check found, with commands that are complete."""
        wanted = release_check.wanted_in_force(self.subject, self.app.console, self.app.overrides)
        found = examine(self.subject, self.checks, wanted, self.timeout)
        return [
            replace(item, finding=replace(item.finding, remedy=self.app.advice(item.finding.remedy)))
            for item in found
        ]


def until_healthy(app: Application, looking: Looking, patience: float) -> list[Outcome]:
    """What was found when all was healthy, or when `patience` seconds were over."""
    deadline = time.monotonic() + patience
    with app.console.activity("Checking") as rename:
        while True:
            outcomes = looking.once()
            if exit_code(outcomes) is ExitCode.DONE or time.monotonic() >= deadline:
                return outcomes
            rename(lines(outcomes, app.environment_name)[0])
            time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))


def tell_of(app: Application, outcomes: Sequence[Outcome]) -> None:
    """Send a notification where the health has turned bad, or good again."""
    from dataops_cli.notifications.edges import tell_health
    from dataops_cli.notifications.told import told_of

    tell_health(
        app.environment,
        app.console,
        told_of(app.project, app.environment),
        healthy=exit_code(outcomes) is ExitCode.DONE,
        findings={item.name: item.finding for item in outcomes},
    )


def watched(app: Application, looking: Looking, *, notify: bool = False) -> NoReturn:
    """Show what is found, until KeyboardInterrupt: in place on a terminal, else line by line."""
    from rich.console import Group
    from rich.text import Text

    name = app.environment_name
    shown: list[RenderableType] = [Text("Checking", "dim")]
    with app.console.live(lambda: Group(*shown)) as live:
        while True:
            outcomes = looking.once()
            if notify:
                tell_of(app, outcomes)
            at = datetime.now().astimezone()
            now = f"{at:%H:%M:%S}"
            if live:
                shown[:] = [*rendered(outcomes, name), Text(f"{now}, Ctrl-C ends it", "dim")]
            else:
                text = "\n".join(f"{now} {line}" for line in lines(outcomes, name))
                app.console.record({"at": at.isoformat(timespec="seconds"), **document(outcomes, name)}, text)
            time.sleep(INTERVAL)
