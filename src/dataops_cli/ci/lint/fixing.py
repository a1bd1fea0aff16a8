"""What the tools mend by themselves, before the checks look."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.ci.lint.check import Check, Subject
from dataops_cli.ci.lint.examination import planned
from dataops_cli.ci.lint.running import tools_end_with_it
from dataops_cli.ci.lint.tool import paths_of


def fix(subject: Subject, checks: Sequence[Check]) -> list[str]:
    """Have those of the checks that can mend their files do so. Returns the files that have changed.

    One after the other, since two checks may have the same file. Raises DataopsError where a tool is missing or fails.
    """
    plan = {check: files for check, files in planned(subject, checks).items() if check.fix and files}
    paths_of(tool for check in plan for tool in check.tools)
    changed = set[str]()
    with tools_end_with_it():
        for check, files in plan.items():
            before = {file: (subject.root / file).read_bytes() for file in files}
            if check.fix:
                check.fix(subject, files)
            changed |= {file for file in files if (subject.root / file).read_bytes() != before[file]}
    return sorted(changed)
