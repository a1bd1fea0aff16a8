"""Airflow's metadata database, dumped and restored inside the stack's PostgreSQL container.

A restore fills a database beside the one in use; two renames in one transaction put it in its place. A kill at any
moment leaves the one or the other, whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from dataops_cli.airflow import PIPELINE
from dataops_cli.deploy.backup import StoredFile, new_id
from dataops_cli.deploy.backup_files import Files, Report
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.observe import Container, observe_containers
from dataops_cli.stack.run_command import not_running, running_container

SERVICE = "postgres"
USER = DATABASE = "airflow"
# What a restore fills, and what the database in use is called once it has been replaced.
ASIDE, BEFORE = "airflow_restored", "airflow_before_"
NAME = "metadata.dump"
TEMPORARY, FOLDER = "/tmp", "dataops-backup"  # noqa: S108 (in the container, of root, mode 700)
# The password is asked for where pg_hba.conf wants one, and is in no command line.
AS_OWNER = [
    "sh",
    "-c",
    'umask 077; PGPASSWORD="$(cat /run/secrets/postgres_password 2>/dev/null)" exec "$@"',
    "sh",
]
LOGIN = [f"--username={USER}", "--no-password"]
# The shell writes the statements into psql's input: they are in no command line.
PSQL = [
    "sh",
    "-c",
    'printf %s "$STATEMENTS" | psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 '
    '--set=VERBOSITY=terse "$@"',
    "sh",
    *LOGIN,
]


@dataclass(frozen=True)
class MetadataDatabase:
    """The running PostgreSQL of a stack."""

    engine: Engine
    container: Container
    report: Report

    @property
    def version(self) -> str:
        return self._sql("select current_setting('server_version')", DATABASE).partition(" ")[0]

    def back_up(self, files: Files, identity: str) -> StoredFile:
        """Dump the database, check the dump, and store it. Raises DataopsError."""
        with self._folder() as folder:
            path = f"{folder}/{NAME}"
            self.report(NAME, "dumping the metadata database")
            self._run(
                # A migration that is under way is not waited for without end.
                ["pg_dump", *LOGIN, "--format=custom", "--lock-wait-timeout=60s", f"--file={path}", DATABASE],
                "pg_dump could not dump the metadata database",
            )
            self._check(path)
            sha256 = self._run(["sha256sum", path], "The dump cannot be read").split()[0]
            return files.store(self.container.id, path, identity, sha256)

    def fill_aside(self, files: Files, dump: StoredFile) -> None:
        """Restore a dump into a database of its own, beside the one in use. Raises DataopsError."""
        with self._folder() as folder:
            files.bring(dump, self.container.id, TEMPORARY, f"{FOLDER}/{NAME}", owner=0)
            path = f"{folder}/{NAME}"
            self._check(path)
            self.report(NAME, "restoring it aside")
            self.drop_aside()  # what a restore that was cut off left
            self._sql(f"CREATE DATABASE {ASIDE} TEMPLATE template0")
            self._run(
                ["pg_restore", *LOGIN, "--exit-on-error", "--no-owner", f"--dbname={ASIDE}", path],
                "pg_restore could not restore the metadata database",
            )
            self._sql("ANALYZE", ASIDE)

    def resume_aside(self) -> None:
        """Let the pipeline's DAG run again, in the database aside. Raises DataopsError."""
        self._sql(f"update dag set is_paused = false where dag_id = '{PIPELINE}'", ASIDE)  # noqa: S608

    def is_paused(self) -> bool | None:
        """Whether the pipeline's DAG is paused, as the database in use has it; None where it has no such DAG."""
        with suppress(DataopsError):  # it is not Airflow's yet
            found = self._sql(f"select is_paused from dag where dag_id = '{PIPELINE}'", DATABASE)  # noqa: S608
            return found == "t" if found else None
        return None

    def swap(self) -> str:
        """Put the database aside in place of the one in use; returns the name under which that one is kept.

        Those that earlier restores kept are dropped. Raises DataopsError where somebody keeps using the database;
        then nothing is changed.
        """
        kept = BEFORE + new_id()
        self._rename({DATABASE: kept, ASIDE: DATABASE})
        for other in self._kept():
            if other != kept:
                self._sql(f'DROP DATABASE IF EXISTS "{other}" WITH (FORCE)')
        return kept

    def swap_back(self, kept: str) -> None:
        """Undo a swap, and drop what had been restored."""
        self._rename({DATABASE: ASIDE, kept: DATABASE})
        self.drop_aside()

    def drop_aside(self) -> None:
        self._sql(f"DROP DATABASE IF EXISTS {ASIDE} WITH (FORCE)")

    def _kept(self) -> list[str]:
        names = self._sql("select datname from pg_database").split()
        return [name for name in names if name.startswith(BEFORE)]

    def _rename(self, names: dict[str, str]) -> None:
        """All or nothing. Names are constants and what `new_id` made."""
        quoted = ", ".join(f"'{name}'" for name in names)
        sessions = f"pg_stat_activity where datname in ({quoted}) and pid <> pg_backend_pid()"
        renames = "".join(f'ALTER DATABASE "{old}" RENAME TO "{new}"; ' for old, new in names.items())
        self._sql(f"select pg_terminate_backend(pid) from {sessions}; BEGIN; {renames}COMMIT")  # noqa: S608

    @contextmanager
    def _folder(self) -> Iterator[str]:
        """A folder in the container, empty, and gone afterwards. One that a kill left is made anew."""
        folder = f"{TEMPORARY}/{FOLDER}"
        self._run(["rm", "-rf", folder], "The folder of an earlier backup cannot be removed")
        self._run(["mkdir", "-m", "700", folder], "There is no place for the dump")
        try:
            yield folder
        finally:
            with suppress(DataopsError):  # the next one removes it
                self._run(["rm", "-rf", folder], "")

    def _check(self, path: str) -> None:
        """Read a dump from beginning to end. Raises DataopsError where it is none."""
        self._run(["pg_restore", "--list", path], "The dump cannot be read")
        self._run(["pg_restore", "--file=/dev/null", path], "The dump is damaged")

    def _sql(self, statements: str, database: str = "postgres") -> str:
        return self._run(
            [*PSQL, f"--dbname={database}"], "PostgreSQL refused", {"STATEMENTS": statements}
        ).strip()

    def _run(self, command: Sequence[str], what: str, variables: dict[str, str] | None = None) -> str:
        code, output = self.engine.exec(self.container.id, [*AS_OWNER, *command], variables)
        said = output.decode(errors="replace")
        if code:
            raise _failed(what, said.strip() or f"exit code {code}")
        return said


def metadata_database(engine: Engine, project: str, report: Report) -> MetadataDatabase:
    """Raises DataopsError (exit 3) where it does not run."""
    container = running_container(observe_containers(engine, project), SERVICE, None)
    if container is None:
        raise not_running(SERVICE, [SERVICE], f"Start it: dataops up {SERVICE}")
    return MetadataDatabase(engine, container, report)


def _failed(what: str, said: str) -> DataopsError:
    lines = tuple(said.splitlines())
    if "No space left on device" in said:
        hint = "Free some space on the engine's disk, then run the command again: docker system df"
        code = ExitCode.UNAVAILABLE
    else:
        hint = f"Mend what is named, then run the command again. What PostgreSQL says: dataops logs {SERVICE}"
        code = ExitCode.FAILED
    return DataopsError(f"{what}: {lines[-1]}", hint=hint, exit_code=code, details=lines[-6:-1])
