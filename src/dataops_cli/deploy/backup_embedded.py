"""A DuckDB warehouse in the stack's dbt container: the CLI there takes and publishes snapshots, the state keeps them.

The files go into the state, not beside the warehouse: there a process of the stack could change them, and one volume
that is lost would take the warehouse and its backups with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dataops_cli.deploy.backup import Backup, WarehouseCopy, who
from dataops_cli.deploy.backup_files import Files
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.processes import CALLER
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine as WarehouseEngine
from dataops_cli.stack.dbt_container import ROOT, DbtContainer, dbt_container
from dataops_cli.stack.environment import for_a_command
from dataops_cli.stack.frames import STDOUT, frames


@dataclass(frozen=True)
class EmbeddedKeeper:
    """The warehouse of an environment's dbt container."""

    project: Project
    environment: Environment
    files: Files

    @cached_property
    def _dbt(self) -> DbtContainer:
        return dbt_container(self.files.engine, self.project, self.environment)

    def back_up(self, identity: str, before: Collection[Backup]) -> WarehouseCopy | None:
        """Raises DataopsError (exit 3) where the container does not run."""
        self._report("taking a snapshot of the warehouse")
        self._empty()
        try:
            taken = self._ask("snapshot", "take", identity)
            if taken["generation"] is None:
                return None
            stored = tuple(
                self.files.store(
                    self._dbt.container.id,
                    f"{self._home}/{identity}/{file['name']}",
                    identity,
                    file["sha256"],
                )
                for file in taken["files"]
            )
        finally:
            with suppress(DataopsError):  # the next one removes it
                self._empty()
        return WarehouseCopy(WarehouseEngine.DUCKDB.value, stored, taken["generation"])

    def prepare(self, backup: Backup, copy: WarehouseCopy) -> None:
        """Bring the files into the container. Raises DataopsError (exit 5) where they are not what they were."""
        self._empty()
        self._do(["mkdir", "-p", f"{self._home}/{backup.id}"])
        owner = int(self._do(["id", "-u"]))
        for file in copy.files:
            self.files.bring(
                file, self._dbt.container.id, self._home, f"{backup.id}/{file.name}", owner=owner
            )

    def restore(self, backup: Backup, copy: WarehouseCopy) -> None:
        self._report("publishing what was backed up")
        try:
            self._ask("snapshot", "publish", backup.id, "--generation", json.dumps(copy.generation))
        except DataopsError as error:
            if error.exit_code != ExitCode.LOCKED:
                raise
            raise DataopsError(
                error.reason, hint="Wait until it has ended: dataops runs", exit_code=ExitCode.LOCKED
            ) from error
        finally:
            with suppress(DataopsError):
                self._empty()

    def plan_back_up(self) -> list[str]:
        return [
            f"hold what is published, and its source, in {self._dbt.container.name}",
            "copy both into the state, and read them back",
        ]

    def plan_restore(self, copy: WarehouseCopy) -> list[str]:
        names = ", ".join(file.name for file in copy.files)
        return [
            f"copy {names} into {self._dbt.container.name}, and compare them with what was backed up",
            "replace the source, and publish the warehouse as a new generation",
        ]

    @property
    def _home(self) -> str:
        return f"{ROOT}/.dataops/{self.environment.name}/snapshots"

    def _report(self, text: str) -> None:
        self.files.report(self._dbt.container.name, text)

    def _empty(self) -> None:
        """One backup at a time: what is there was left by one that was killed."""
        self._do(["rm", "-rf", self._home])

    def _do(self, command: Sequence[str]) -> str:
        code, output = self.files.engine.exec(self._dbt.container.id, list(command))
        said = output.decode(errors="replace").strip()
        if code:
            raise DataopsError(
                f"{command[0]} failed in {self._dbt.container.name}: {said}",
                hint="Mend what it names, then run the command again.",
            )
        return said

    def _ask(self, *arguments: str) -> dict[str, Any]:
        """What the CLI in the container answers. Raises DataopsError with its reason, hint and exit code."""
        variables = {**for_a_command(self.environment), CALLER: who()}
        code, said, complaints = self._talk(["dataops", "--json", "--quiet", *arguments], variables)
        try:
            answer = dict(json.loads(said))
        except ValueError:
            answer = {}
        if code == 0 and answer:
            return answer
        if error := answer.get("error"):
            raise DataopsError(
                error["reason"],
                hint=error["hint"],
                exit_code=error["exit_code"],
                details=tuple(error["details"]),
            )
        last = (complaints.strip() or said.strip() or f"exit code {code}").splitlines()[-1]
        older = self._dbt.other_version
        raise DataopsError(
            f"`dataops {arguments[0]} {arguments[1]}` failed in {self._dbt.container.name}: {last}",
            hint="Its image has another version of dataops; bring it up to date: dataops up dbt"
            if older
            else "See what it wrote: dataops logs dbt",
        )

    def _talk(self, command: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
        engine, streams = self.files.engine, {True: bytearray(), False: bytearray()}
        identity = engine.make_exec(
            self._dbt.container.id,
            command,
            tty=False,
            stdin=False,
            user="",
            workdir=None,
            environment=variables,
        )
        connection = engine.start_exec(identity, tty=False)
        try:
            for stream, piece in frames(connection.pieces()):
                streams[stream == STDOUT] += piece
        finally:
            connection.close()
        code = engine.inspect_exec(identity)["ExitCode"]
        out, err = (streams[kind].decode(errors="replace") for kind in (True, False))
        return (1 if code is None else int(code)), out, err
