"""The warehouse that an environment's settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataops_cli.settings.model import Engine, Settings
from dataops_cli.warehouse.interface import Warehouse


def open_warehouse(
    settings: Settings, home: Path, on_retry: Callable[[str], None] = lambda _why: None
) -> Warehouse[Any]:
    """`home` is the environment's state folder, where an embedded warehouse lies, and dbt's caches."""
    if settings.warehouse.engine is Engine.DUCKDB:
        from dataops_cli.warehouse.embedded import EmbeddedWarehouse

        return EmbeddedWarehouse(home)
    from dataops_cli.warehouse.sqlserver.connection import Server
    from dataops_cli.warehouse.sqlserver.warehouse import SqlServerWarehouse

    return SqlServerWarehouse(Server(settings, on_retry), home)
