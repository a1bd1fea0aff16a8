"""Whether Microsoft's ODBC driver for SQL Server is on this machine and can be loaded."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, known
from dataops_cli.errors import DataopsError
from dataops_cli.settings.model import Engine, Runner, Settings
from dataops_cli.warehouse.sqlserver.driver import find_driver

ONLY_HERE = "`dataops source`, `sql`, `deploy` and `ci` need it here, runs and dbt take their image's"


def look(case: Case) -> Finding:
    return examine(known(case.environment).settings)


def examine(settings: Settings) -> Finding:
    """What the driver's absence means for an environment: where dbt runs in its image, it only warns."""
    if settings.warehouse.engine is not Engine.SQLSERVER:
        return Finding(Result.SKIPPED, f"the warehouse is {settings.warehouse.engine.value}")
    try:
        return Finding(Result.OK, find_driver().origin)
    except DataopsError as error:
        if settings.dbt.runner is Runner.PROCESS:
            return Finding(Result.FAIL, error.reason, error.hint)
        return Finding(Result.WARN, f"{error.reason}; {ONLY_HERE}", error.hint)
