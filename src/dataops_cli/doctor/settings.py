"""Whether the settings of every environment are right."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, Lesson
from dataops_cli.settings.load import load_environments


def look(case: Case) -> Finding:
    loaded, faults = load_environments(case.project)
    learnt = {"environment": loaded.get(case.name)}
    if faults:
        remedy = "Mend them at the places named, then: dataops config validate"
        return Lesson(Result.FAIL, "\n".join(faults), remedy, learnt=learnt)
    return Lesson(Result.OK, f"valid: {', '.join(loaded)}", learnt=learnt)
