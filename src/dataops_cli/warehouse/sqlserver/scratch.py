"""Where `dataops dbt` builds in SQL Server: under names of its own, beside what is published."""

from __future__ import annotations

from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.names import qualified
from dataops_cli.warehouse.sqlserver.switch import discard, leftovers

SCRATCH = "__scratch"


def refresh(server: Server, copy_of: str | None) -> str | None:
    """A view for each published relation that has no scratch one; returns the run that is published.

    Where that is no longer `copy_of`, what was built in the scratch before is dropped first.
    """
    with server.connect(Account.BUILD) as connection:
        published = state.current(connection) if state.exists(connection) else None
        existing = state.objects(connection)
        if published != copy_of:
            connection.execute_all(discard(leftovers(existing, SCRATCH)))
            existing = state.objects(connection)
        for item in state.relations(connection, published):
            if (item.schema, item.name + SCRATCH) not in existing:
                connection.execute(
                    f"CREATE VIEW {qualified(item.schema, item.name + SCRATCH)} "
                    f"AS SELECT * FROM {qualified(item.schema, item.name)}"
                )
    return published
