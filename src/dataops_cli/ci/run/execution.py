"""Running what is planned: job after job and step after step, as GitHub would go on after one that failed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from dataops_cli.ci.run.plan import Planned, When, when
from dataops_cli.ci.run.workflow import Job
from dataops_cli.console import visible
from dataops_cli.errors import ExitCode
from dataops_cli.processes import call

STDERR = 2


class Trouble(Enum):
    """What has come to a job, or to one that it needs, through others too."""

    FAILED = auto()
    LEFT_OUT = auto()


@dataclass(frozen=True)
class Ran:
    """A step that was run, or was not after what came before (`code` is None), or could not be, because of `fault`."""

    planned: Planned
    code: int | None = None
    seconds: float = 0.0
    fault: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.code) and not self.planned.may_fail


def run(
    jobs: Sequence[Job],
    steps: Sequence[Planned],
    top: Path,
    begin: Callable[[Planned], None],
    *,
    aside: bool = False,
) -> list[Ran]:
    """Run the steps that can be run here; what they write goes where ours does, or `aside`: all of it to stderr.

    `begin` is told of each.
    """
    ran = list[Ran]()
    of_jobs = dict[str, set[Trouble]]()
    for job in jobs:
        before = of_jobs[job.name] = set[Trouble]().union(*(of_jobs[need] for need in job.needs))
        here = [item for item in steps if item.job == job.name and not item.why_not]
        if here and not _runs(when(job.condition), before):
            before.add(Trouble.LEFT_OUT)
            ran += map(Ran, here)
            continue
        within = set[Trouble]()
        for planned in here:
            if not _runs(planned.when, within):
                ran.append(Ran(planned))
                continue
            begin(planned)
            ran.append(_call(planned, top, aside=aside))
            if ran[-1].failed:
                within.add(Trouble.FAILED)
        before |= within
    return ran


def _runs(wanted: When, troubles: Collection[Trouble]) -> bool:
    if wanted is When.GOOD:
        return not troubles
    return wanted is When.ALWAYS or Trouble.FAILED in troubles


def _call(planned: Planned, top: Path, *, aside: bool) -> Ran:
    """One command after another, until one fails."""
    if not (top / planned.folder).is_dir():
        return Ran(planned, ExitCode.USAGE, fault=f"there is no folder {visible(planned.folder)}")
    begun, code = time.monotonic(), 0
    for words in planned.commands:
        code = call(
            [sys.executable, "-m", "dataops_cli", *words],
            cwd=top / planned.folder,
            env={**os.environ, **planned.variables},
            stdout=STDERR if aside else None,
        ).returncode
        if code:
            break
    return Ran(planned, code, time.monotonic() - begun)


def exit_code(ran: Sequence[Ran]) -> int:
    """That of the first step that failed."""
    return next((item.code for item in ran if item.failed and item.code), 0)
