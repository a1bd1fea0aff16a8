"""What can be the name of a DAG or of a run, and commands that name them.

Other names would lead a call to another address than the one meant.
"""

from __future__ import annotations

import re
import shlex

from dataops_cli.errors import UsageError

LONGEST = 250
# Airflow's own rule for DAGs. Which ids of runs it allows is a setting of its own; none has these in it.
_DAG = re.compile(r"[\w.-]+")
_NO_RUN = re.compile(r"[/\\\x00-\x1f\x7f]")


def require_names(dag_id: str | None = None, run_id: str | None = None) -> None:
    """Raises UsageError for a name that no DAG, or no run, can have."""
    if dag_id is not None and (not _DAG.fullmatch(dag_id) or _leads_away(dag_id)):
        raise UsageError(
            f"{dag_id!r} cannot be a DAG: a name has letters, digits, dots, dashes and underscores",
            hint="What there is: dataops airflow dags",
        )
    if run_id is not None and (not run_id or _NO_RUN.search(run_id) or _leads_away(run_id)):
        raise UsageError(
            f"{run_id!r} cannot be a run's id: it has up to {LONGEST} characters, and no slash, backslash or ..",
            hint="What there is: dataops airflow runs",
        )


def command_for(verb: str, run_id: str, dag_id: str) -> str:
    """The words behind `dataops` that do something with one run, as a shell takes them."""
    return f"airflow {verb} {shlex.quote(run_id)} --dag {dag_id}"


def _leads_away(name: str) -> bool:
    return name == "." or ".." in name or len(name) > LONGEST
