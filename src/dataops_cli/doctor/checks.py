"""The checks, in the order in which they are shown. A stage knows what those before it have learnt."""

from __future__ import annotations

from dataops_cli.doctor import clock, disk, engine, files, git, memory, odbc, ports, settings, sqlserver
from dataops_cli.doctor.finding import Check, Need

ENGINE = "engine"

STAGES: tuple[tuple[Check, ...], ...] = (
    (Check("settings", settings.look),),
    (
        Check("git", git.look),
        Check("secrets file", files.look_at_secrets),
        Check("state folder", files.look_at_state),
        Check("project disk", disk.look_at_project),
        Check("ODBC driver", odbc.look, (Need.ENVIRONMENT,)),
        Check("passwords", sqlserver.look_at_passwords, (Need.ENVIRONMENT,)),
        Check("SQL Server", sqlserver.look, (Need.ENVIRONMENT,), sqlserver.LATE),
        Check("Compose files", files.look_at_compose, (Need.STACK_WANTED,)),
        Check(ENGINE, engine.look, (Need.STACK_WANTED,), engine.LATE),
    ),
    (
        Check("engine disk", disk.look_at_engine, (Need.ENGINE,)),
        Check("memory", memory.look, (Need.STACK, Need.ENGINE)),
        Check("ports", ports.look, (Need.STACK, Need.ENGINE), engine.LATE),
        Check("clock", clock.look),
    ),
)
