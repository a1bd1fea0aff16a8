"""Whether the settings of every environment are right."""

from __future__ import annotations

from dataops_cli.doctor.finding import Case, Finding, Result
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import Environment, load_environment


def look(case: Case) -> Finding:
    names = case.project.environment_names()
    loaded: dict[str, Environment] = {}
    faults: dict[str, None] = {}  # one of base.toml is each environment's
    for name in names:
        try:
            loaded[name] = load_environment(case.project, name)
        except DataopsError as error:
            meant = f" ({error.hint})" if error.hint.startswith("Did you mean") else ""
            faults |= dict.fromkeys(error.details or (error.reason + meant,))
    learnt = {"environment": loaded.get(case.name)}
    if faults:
        remedy = "Mend them at the places named, then: dataops config validate"
        return Finding(Result.FAIL, "\n".join(faults), remedy, learnt)
    return Finding(Result.OK, f"valid: {', '.join(names)}", learnt=learnt)
