"""All checks, side by side: what each looks at, what it found, how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed, wait
from dataclasses import dataclass
from functools import partial

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.running import tools_end_with_it
from dataops_cli.ci.lint.tool import paths_of
from dataops_cli.ci.paths import matching
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.threads import in_thread

TIDYING = 3.0  # seconds that the checks have to end, once their tools have been ended


@dataclass(frozen=True)
class Looked:
    """What came of a check. With no files it was skipped; `error` is why it could not be done."""

    check: Check
    files: int
    seconds: float
    findings: tuple[Finding, ...] = ()
    error: DataopsError | None = None

    @property
    def clean(self) -> bool:
        return not self.findings and self.error is None


def planned(subject: Subject, checks: Sequence[Check]) -> dict[Check, list[str]]:
    """The files that each check would look at."""
    prefix = subject.repository.prefix
    left_out = set(matching((prefix + name for name in subject.files), subject.config.lint.skip))
    return {
        check: [name for name in check.files(subject) if prefix + name not in left_out] for check in checks
    }


def examine(
    subject: Subject, checks: Sequence[Check], report: Callable[[Looked], None] = lambda _looked: None
) -> list[Looked]:
    """Make the checks; `report` is told of each when it is done. They are returned in the order given.

    Raises DataopsError (exit 3) before any is begun where tools are missing.
    """
    plan = planned(subject, checks)
    paths_of(tool for check, files in plan.items() if files for tool in check.tools)
    futures = dict[Future[Looked], Check]()
    done: dict[Check, Looked] = {}
    try:
        with tools_end_with_it():
            for check, files in plan.items():
                futures[in_thread(partial(_looked, subject, check, files), f"lint {check.name}")] = check
            for future in as_completed(futures):
                looked = future.result()
                done[futures[future]] = looked
                report(looked)
    except BaseException:
        wait(futures, TIDYING)  # they remove their temporary folders
        raise
    return [done[check] for check in checks]


def exit_code(looked: Sequence[Looked]) -> ExitCode:
    """That of a check that could not be done; else 1 where anything was found."""
    errors = [item.error for item in looked if item.error]
    if errors:
        return ExitCode(errors[0].exit_code)
    return ExitCode.DONE if all(item.clean for item in looked) else ExitCode.FAILED


def _looked(subject: Subject, check: Check, files: Sequence[str]) -> Looked:
    if not files:
        return Looked(check, 0, 0.0)
    begun = time.monotonic()
    findings, error = list[Finding](), None
    try:
        findings = sorted(
            check.look(subject, files), key=lambda item: (item.file, item.line or 0, item.column or 0)
        )
    except DataopsError as raised:
        error = raised
    except OSError as raised:
        error = DataopsError(f"{raised.filename}: {raised.strerror}", hint="See whether it can be read.")
    except (ValueError, LookupError) as raised:
        error = DataopsError(
            f"{', '.join(check.tools)} printed what is not understood ({type(raised).__name__}: {raised})",
            hint="Install the versions that are tested: pip install 'dataops-cli[ci]'",
        )
    return Looked(check, len(files), time.monotonic() - begun, tuple(findings), error)
