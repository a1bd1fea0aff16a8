"""A warehouse in SQL Server: the server backs it up on its own disk, and the backup's document says where."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dataops_cli.deploy.backup import Backup, ServerFile, WarehouseCopy
from dataops_cli.deploy.backup_files import Report
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine as WarehouseEngine
from dataops_cli.stack.environment import require_stack
from dataops_cli.warehouse.sqlserver import backup as server_backup
from dataops_cli.warehouse.sqlserver import backup_statements, restore_statements
from dataops_cli.warehouse.sqlserver.connection import Server


@dataclass(frozen=True)
class ServerKeeper:
    """The warehouse in the SQL Server of an environment."""

    environment: Environment
    report: Report

    def back_up(self, identity: str, before: Collection[Backup]) -> WarehouseCopy | None:
        """Files of `before` are left alone; any other one of this stack is written over."""
        taken = [
            item.warehouse.on_server.path for item in before if item.warehouse and item.warehouse.on_server
        ]
        made = server_backup.back_up(self._server, identity, self._stem, taken, self._step)
        if made is None:
            return None
        on_server = ServerFile(self._server.place, self._database, made.path, made.bytes, made.compressed)
        return WarehouseCopy(WarehouseEngine.SQLSERVER.value, on_server=on_server)

    def prepare(self, backup: Backup, copy: WarehouseCopy) -> None:
        file = self._file(copy)
        if file.database != self._database:
            raise DataopsError(
                f"The backup {backup.id} is of the database {file.database}, and warehouse.database is "
                f"{self._database} now",
                hint=f"Restore the rest alone: dataops backup restore {backup.id} --only metadata",
                exit_code=ExitCode.REFUSED,
            )
        server_backup.check(self._server, file.path, backup.id, self._step)

    def restore(self, backup: Backup, copy: WarehouseCopy) -> None:
        server_backup.restore(self._server, self._file(copy).path, self._step)

    def plan_back_up(self) -> list[str]:
        path = backup_statements.file_path("<backup folder>", self._stem, ())
        return [
            backup_statements.backup(self._database, path, "<id>", compressed=False),
            backup_statements.verify(path),
        ]

    def plan_restore(self, copy: WarehouseCopy) -> list[str]:
        path = self._file(copy).path
        return [
            backup_statements.header(path),
            backup_statements.verify(path),
            restore_statements.alone(self._database),
            backup_statements.restore(self._database, path),
            restore_statements.for_all(self._database),
        ]

    @property
    def _server(self) -> Server:
        return Server(self.environment.settings, lambda why: self.report("SQL Server", why))

    @property
    def _database(self) -> str:
        return self.environment.settings.warehouse.database

    @property
    def _stem(self) -> str:
        return f"{require_stack(self.environment)}-{self._database}"

    def _step(self, text: str) -> None:
        self.report("SQL Server", text)

    @staticmethod
    def _file(copy: WarehouseCopy) -> ServerFile:
        assert copy.on_server is not None  # noqa: S101 (of a copy in SQL Server)
        return copy.on_server
