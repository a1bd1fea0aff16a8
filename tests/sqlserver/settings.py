"""Settings for tests, as an environment on SQL Server has them."""

from __future__ import annotations

from typing import Any

from dataops_cli.settings.model import Settings


def settings(**warehouse: Any) -> Settings:
    secrets = {"sqlserver_sa_password": "Admin-1", "postgres_password": "x"}
    passwords = {"password": "Build-1", "reader_password": "Reader-1"}  # kingfisher:ignore
    chosen = {"engine": "sqlserver", **passwords, **warehouse}
    return Settings.model_validate({"warehouse": chosen, "secrets": secrets})
