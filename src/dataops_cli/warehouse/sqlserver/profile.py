"""The variables that dbt's profile reads, from the settings."""

from __future__ import annotations

from dataops_cli.settings.model import Authentication
from dataops_cli.warehouse.sqlserver.connection import SERVER_PORT, Server
from dataops_cli.warehouse.sqlserver.driver import VARIABLE, find_driver


def dbt_environment(server: Server, suffix: str, lease: int | None = None) -> dict[str, str]:
    """The profile's variables; models get `suffix` at the end of their names, and are put in place only while
    `lease` is the number of who holds the warehouse. The password goes under dbt's prefix for secrets, which
    dbt's logs mask. Raises DataopsError (exit 3) where there is no driver."""
    warehouse = server.settings.warehouse
    way = warehouse.authentication
    return {
        "DATAOPS_DBT_TARGET": "sqlserver",
        "DATAOPS_DBT_RELATION_SUFFIX": suffix,
        "DATAOPS_DBT_LEASE": "" if lease is None else str(lease),
        VARIABLE: find_driver().name,
        "DATAOPS_DBT_SQLSERVER_HOST": server.host,
        # The adapter leaves the port out where the host names an instance.
        "DATAOPS_DBT_SQLSERVER_PORT": str(server.port or SERVER_PORT),
        "DATAOPS_DBT_SQLSERVER_DATABASE": warehouse.database,
        "DATAOPS_DBT_SQLSERVER_AUTHENTICATION": "sql" if way is Authentication.WINDOWS else way.value,
        "DATAOPS_DBT_SQLSERVER_WINDOWS_LOGIN": str(way is Authentication.WINDOWS).lower(),
        "DATAOPS_DBT_SQLSERVER_USER": warehouse.user,
        "DATAOPS_DBT_SQLSERVER_TENANT": warehouse.tenant_id,
        "DATAOPS_DBT_SQLSERVER_ENCRYPT": str(warehouse.encrypt).lower(),
        "DATAOPS_DBT_SQLSERVER_TRUST_CERTIFICATE": str(warehouse.trust_server_certificate).lower(),
        "DATAOPS_DBT_SQLSERVER_LOGIN_TIMEOUT": str(warehouse.login_timeout),
        "DATAOPS_DBT_SQLSERVER_QUERY_TIMEOUT": str(warehouse.query_timeout),
        "DATAOPS_DBT_SOURCE_DATABASE": warehouse.source_database,
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": warehouse.password.get_secret_value()
        if warehouse.password
        else "",
    }
