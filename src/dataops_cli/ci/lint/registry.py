"""The checks there are, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.ci.lint.check import Check
from dataops_cli.ci.lint.compose import COMPOSE
from dataops_cli.ci.lint.plain_files import DOCKERFILES, SHELL, YAML
from dataops_cli.ci.lint.python import PYTHON, TYPES
from dataops_cli.ci.lint.secrets import SECRETS
from dataops_cli.ci.lint.sql import SQL, TSQL
from dataops_cli.ci.lint.workflows import ACTIONLINT, SCHEMA, ZIZMOR
from dataops_cli.errors import UsageError
from dataops_cli.settings.layers import nearest

CHECKS = (
    SQL,
    TSQL,
    PYTHON,
    TYPES,
    YAML,
    DOCKERFILES,
    SHELL,
    COMPOSE,
    ACTIONLINT,
    ZIZMOR,
    SCHEMA,
    SECRETS,
)


def chosen(names: Sequence[str]) -> list[Check]:
    """The checks of these names; all where none is named. Raises UsageError for a name that is none."""
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known:
            meant = nearest(name, list(known))
            raise UsageError(
                f"There is no check {name}",
                hint=f"Did you mean {meant}?" if meant else f"Checks: {', '.join(known)}",
            )
    return [check for check in CHECKS if not names or check.name in names]
