"""One finding of several."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result

SEVERITY = (Result.SKIPPED, Result.OK, Result.WARN, Result.FAIL)


def combined(findings: Sequence[Finding], fine: str = "") -> Finding:
    """The worst of them, with what is wrong with the others too, each remedy once.

    Where nothing is wrong it is `fine`, or what they all found.
    """
    worst = max(findings, key=lambda item: SEVERITY.index(item.result), default=Finding(Result.OK, fine))
    wrong = [item for item in findings if item.result in (Result.WARN, Result.FAIL)]
    found = "\n".join(item.found for item in wrong or findings)
    if not wrong and fine:
        found = fine
    lines = dict.fromkeys(line for item in wrong for line in item.remedy.splitlines())
    return Finding(worst.result, found, "\n".join(lines), worst.value, worst.threshold)
