"""Hints name commands for the environment in use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli.cli.advice import for_environment
from support import Dataops


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("Build it: dataops run", "Build it: dataops run --env dev"),
        (
            "Start over: dataops run --retry. To try longer",
            "Start over: dataops run --env dev --retry. To try longer",
        ),
        ("dataops source grants, or so", "dataops source grants --env dev, or so"),
        ("dataops secrets set warehouse.password", "dataops secrets set --env dev warehouse.password"),
        ("dataops config explain KEY", "dataops config explain --env dev KEY"),
        ("dataops ps, dataops logs sqlserver", "dataops ps --env dev, dataops logs sqlserver --env dev"),
        ("dataops dbt ls --resource-type model", "dataops dbt --env dev ls --resource-type model"),
        ("dataops exec sqlserver -- rm -rf /x", "dataops exec --env dev sqlserver -- rm -rf /x"),
        ("dataops source load --from DIR", "dataops source load --env dev --from DIR"),
        ('dataops sql "select 1"', 'dataops sql --env dev "select 1"'),
        ("dataops source grants --env prod", "dataops source grants --env prod"),
        ("dataops down --env prod --volumes", "dataops down --env prod --volumes"),
        ("This is a fault in dataops: report it", "This is a fault in dataops: report it"),
        ("dataops has no table", "dataops has no table"),
        ("dataops airflow watch fix+1 --dag d", "dataops airflow watch --env dev fix+1 --dag d"),
        ("dataops airflow watch a@b", "dataops airflow watch --env dev a@b"),
    ],
)
def test_a_command_gets_the_environment(text: str, completed: str) -> None:
    assert for_environment(text, "dev") == completed
    assert for_environment(completed, "dev") == completed


def test_an_error_names_the_environment(
    dataops: Dataops, new_platform: Callable[[Path], Path], tmp_path: Path
) -> None:
    platform = new_platform(tmp_path / "platform")
    shown = dataops("source", "grants", "--env", "dev", cwd=platform)
    assert "→ Set it: dataops secrets set --env dev secrets.sqlserver_sa_password" in shown.stderr
    document = dataops("source", "grants", "--env", "dev", "--json", cwd=platform).stdout
    assert "dataops secrets set --env dev" in json.loads(document)["error"]["hint"]
