"""Running what is planned: step after step, as GitHub would go on after one that failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.ci.run.plan import Planned, When
from dataops_cli.ci.run.workflow import Job

STDERR = 2


@dataclass(frozen=True)
class Ran:
    """A step that was run, or was not after what came before (`code` is None)."""

    planned: Planned
    code: int | None = None
    seconds: float = 0.0

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
    broken = set[str]()
    for job in jobs:
        if broken & set(job.needs):
            broken.add(job.name)
            continue
        for planned in (item for item in steps if item.job == job.name and not item.why_not):
            wanted = When.BAD if job.name in broken else When.GOOD
            if planned.when not in (wanted, When.ALWAYS):
                ran.append(Ran(planned))
                continue
            begin(planned)
            ran.append(_call(planned, top, aside=aside))
            if ran[-1].failed:
                broken.add(job.name)
    return ran


def _call(planned: Planned, top: Path, *, aside: bool) -> Ran:
    """One command after another, until one fails."""
    begun, code = time.monotonic(), 0
    for words in planned.commands:
        code = subprocess.run(
            [sys.executable, "-m", "dataops_cli", *words],
            cwd=top / planned.folder,
            env={**os.environ, **planned.variables},
            stdout=STDERR if aside else None,
            check=False,
        ).returncode
        if code:
            break
    return Ran(planned, code, time.monotonic() - begun)


def exit_code(ran: Sequence[Ran]) -> int:
    """That of the first step that failed."""
    return next((item.code for item in ran if item.failed and item.code), 0)
