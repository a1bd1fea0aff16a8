"""The stack's running PostgreSQL, and its owner's password in it."""

from __future__ import annotations

from dataclasses import dataclass

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.scram import scram_verifier

SERVICE = "postgres"
# Over the server's own socket, where it asks for no password. The shell writes the statement into psql's
# input: it is in no command line, and what it holds is a verifier, with which nobody can log in.
PSQL = [
    "sh",
    "-c",
    'printf %s "$STATEMENT" | psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 '
    '--set=VERBOSITY=terse --username="${POSTGRES_USER:-postgres}" --dbname=postgres',
]


@dataclass(frozen=True)
class Database:
    engine: Engine
    container: str

    def change_password(self, password: str) -> None:
        """Raises DataopsError with the server's own words where it does not take the password."""
        statement = f"ALTER ROLE CURRENT_USER PASSWORD '{scram_verifier(password)}'"
        code, output = self.engine.exec(self.container, PSQL, {"STATEMENT": statement})
        if code:
            said = output.decode(errors="replace").strip()
            raise DataopsError(
                f"The database did not take the new password: {said or f'psql ended with code {code}'}",
                hint="The secrets file is as it was. Mend what is named, then run the command again.",
            )


def running_database(engine: Engine, project: str) -> Database | None:
    for container in observe_containers(engine, project):
        if container.service == SERVICE and container.state == "running" and not container.one_off:
            return Database(engine, container.id)
    return None
