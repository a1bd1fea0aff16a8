"""SQL Server as dbt's target: the variables that the profile reads, from the settings."""

from __future__ import annotations

from dataops_cli.settings.model import Warehouse


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """The profile's variables. The password goes under dbt's prefix for secrets, which dbt's logs mask."""
    return {
        "DATAOPS_DBT_TARGET": "sqlserver",
        "DATAOPS_DBT_SQLSERVER_HOST": warehouse.server,
        "DATAOPS_DBT_SQLSERVER_PORT": str(warehouse.port),
        "DATAOPS_DBT_SQLSERVER_DATABASE": warehouse.database,
        "DATAOPS_DBT_SQLSERVER_USER": warehouse.user,
        "DATAOPS_DBT_SQLSERVER_ENCRYPT": str(warehouse.encrypt).lower(),
        "DATAOPS_DBT_SQLSERVER_TRUST_CERTIFICATE": str(warehouse.trust_server_certificate).lower(),
        "DATAOPS_DBT_SOURCE_DATABASE": warehouse.source_database,
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": warehouse.password.get_secret_value()
        if warehouse.password
        else "",
    }
