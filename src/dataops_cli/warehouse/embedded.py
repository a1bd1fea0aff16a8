"""The embedded warehouse: DuckDB files under `.dataops/<environment>`.

    source.duckdb                          the source, replaced whole by rename
    warehouse.duckdb -> generations/…      what consumers open: a link, switched by rename
    generations/<run>/warehouse.duckdb     what was published, read-only
    candidate/warehouse.duckdb             what a run is building, or a failed one left for a retry
    candidate/source.duckdb                the source frozen for it: a hard link

Nobody ever writes to a file that consumers can open, so a reader neither blocks a run nor sees one.
The link is the one truth about what is published; everything else is put right after it (`recover`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained, read_state, sync_folder, write_state
from dataops_cli.interrupts import interrupts_held
from dataops_cli.warehouse.embedded_calls import interruptible
from dataops_cli.warehouse.generation import Generation, not_kept
from dataops_cli.warehouse.interface import Lease, Relation
from dataops_cli.warehouse.lock import FileLease, hold, is_held
from dataops_cli.warehouse.rows import Rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SOURCE_CATALOG = "AdventureWorks2014"
FILE = "warehouse.duckdb"


@dataclass(frozen=True)
class Candidate:
    """What one run builds aside. `folder` keeps its name from run to run, so that dbt's cache stays warm."""

    run_id: str
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / FILE

    @property
    def source(self) -> Path:
        return self.folder / "source.duckdb"

    def dbt_environment(self) -> dict[str, str]:
        """The variables that dbt's profile reads."""
        return {
            "DATAOPS_DBT_TARGET": "duckdb",
            "DATAOPS_DBT_DUCKDB_PATH": str(self.path),
            "DATAOPS_DBT_DUCKDB_SOURCE_PATH": str(self.source),
            "DATAOPS_DBT_SOURCE_DATABASE": SOURCE_CATALOG,
        }

    def query(self, sql: str, limit: int) -> Rows:
        """At most `limit` rows of a query on the candidate. Raises DataopsError where DuckDB refuses."""
        import duckdb

        with _connection(self.path, self.source) as connection:
            try:
                return interruptible(connection, lambda: fetch(connection, sql, limit))
            except duckdb.Error as error:
                raise DataopsError(f"DuckDB: {str(error).splitlines()[0]}", hint="Mend the query.") from error

    def finish(self, relations: Sequence[Relation]) -> dict[str, int]:
        """Bring everything into the one file and count the rows of `relations`, by model.

        A table or view that is none of `relations` is dropped: it is what is left of a model that is no more.
        Relations that do not exist are left out.
        """
        with _connection(self.path, self.source, read_only=False) as connection:
            return interruptible(connection, lambda: self._finish(connection, relations))

    def _finish(self, connection: DuckDBPyConnection, relations: Sequence[Relation]) -> dict[str, int]:
        wanted = {(relation.schema, relation.alias): relation.model for relation in relations}
        counts = {}
        found = connection.execute(
            "select table_schema, table_name, table_type from information_schema.tables"
            " where table_catalog = ? order by all",
            [self.path.stem],
        ).fetchall()
        for schema, table, kind in found:
            quoted = f"{_identifier(schema)}.{_identifier(table)}"
            if (schema, table) in wanted:
                row = connection.execute(f"select count(*) from {quoted}").fetchone()  # noqa: S608
                counts[wanted[schema, table]] = int(row[0]) if row else 0
            else:
                connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {quoted}")
        connection.execute(f"checkpoint {_identifier(self.path.stem)}")
        return counts


@dataclass(frozen=True)
class EmbeddedWarehouse:
    """The warehouse of one environment, in `home`. Writing methods want the lock (`Lease`) to be held."""

    home: Path

    @property
    def link(self) -> Path:
        """What consumers open."""
        return self.home / FILE

    @property
    def source(self) -> Path:
        return self.home / "source.duckdb"

    # -- the lock -------------------------------------------------------------------------------

    @contextmanager
    def hold(
        self,
        command: str,
        *,
        wait: float = 0,
        on_wait: Callable[[str], None] = lambda _holder: None,
        whose: str | None = None,
    ) -> Iterator[FileLease]:
        """Hold the lock while the block runs. Raises DataopsError (exit 4) when it stays taken."""
        with hold(self.home, command, wait=wait, on_wait=on_wait, whose=whose) as lease:
            yield lease

    def is_held(self) -> bool:
        return is_held(self.home)

    # -- source ---------------------------------------------------------------------------------

    @contextmanager
    def loading(self, command: str, *, wait: float = 0) -> Iterator[Path]:
        """Where one load at a time may stage a source. Leftovers of killed loads are removed."""
        folder = self.home / "loading"
        with hold(folder, command, wait=wait):
            with explained(folder):
                for leftover in folder.iterdir():
                    if leftover.is_dir():
                        shutil.rmtree(leftover)
                    elif leftover.name not in ("lock", "lock.json"):
                        leftover.unlink()
            yield folder / "source.duckdb"

    def replace_source(self, staged: Path) -> None:
        """Switch a staged source in. Runs under way keep the source they froze."""
        with explained(self.source):
            staged.chmod(0o644)
            staged.replace(self.source)
            sync_folder(self.home)

    def require_source(self) -> None:
        if not self.source.exists():
            raise DataopsError(
                "There is no source data yet",
                hint="Load it with: dataops source load --from DIR, or make some: dataops source generate",
                exit_code=ExitCode.UNAVAILABLE,
            )

    # -- candidate ------------------------------------------------------------------------------

    def dbt_environment(self) -> dict[str, str]:
        return Candidate("", self.home / "candidate").dbt_environment()

    def published_dbt_environment(self) -> dict[str, str]:
        """A published file is never written to: dbt opens it as a reader."""
        variables = Candidate("", self.link.resolve().parent).dbt_environment()
        return variables | {
            "DATAOPS_DBT_DUCKDB_SOURCE_PATH": str(self.source),
            "DATAOPS_DBT_DUCKDB_ACCESS": "READ_ONLY",
        }

    def begin(
        self,
        run_id: str,
        *,
        from_published: bool,
        afresh: Collection[str] = (),
        continued: Collection[str] = (),
    ) -> Candidate:
        """A new candidate with the source frozen, empty or with a copy of what is published, all of it."""
        self.discard_candidate()
        candidate = Candidate(run_id, self.home / "candidate")
        with explained(candidate.folder):
            candidate.folder.mkdir(parents=True)
            self.freeze_source(candidate)
            if from_published and self.link.exists():
                shutil.copyfile(self.link, candidate.path)
        write_state(candidate.folder / "candidate.json", {"run_id": run_id})
        return candidate

    def freeze_source(self, candidate: Candidate) -> None:
        """Give the candidate the source as it is now, whatever is loaded later. Where there is none, none."""
        if not self.source.exists():
            return
        try:
            os.link(self.source, candidate.source)
        except OSError:  # a file system without hard links
            shutil.copy2(self.source, candidate.source)

    def left_aside(self) -> Candidate | None:
        """The candidate that a failed or killed run left, if it can be continued."""
        folder = self.home / "candidate"
        state = read_state(folder / "candidate.json")
        return Candidate(state["run_id"], folder) if state else None

    def adopt(self, candidate: Candidate, run_id: str) -> Candidate:
        """Continue a candidate that was left aside, as run `run_id`."""
        write_state(candidate.folder / "candidate.json", {"run_id": run_id})
        return Candidate(run_id, candidate.folder)

    def source_is_that_of(self, candidate: Candidate) -> bool:
        """Whether the source is still the one that the candidate froze."""
        if not self.source.exists() or not candidate.source.exists():
            return False
        ours, frozen = self.source.stat(), candidate.source.stat()
        return ours.st_ino == frozen.st_ino or (ours.st_mtime_ns, ours.st_size) == (
            frozen.st_mtime_ns,
            frozen.st_size,
        )

    def discard_candidate(self) -> None:
        folder = self.home / "candidate"
        with explained(folder):
            # First what makes it one that can be continued: half a candidate must not look whole.
            (folder / "candidate.json").unlink(missing_ok=True)
            if folder.exists():
                shutil.rmtree(folder)

    # -- publishing -----------------------------------------------------------------------------

    def published(self) -> Generation | None:
        """What consumers read now."""
        if not self.link.is_symlink():
            return None
        return self._generation(self.link.readlink().parent.name)

    def generations(self) -> list[Generation]:
        """All that is kept, the newest first."""
        folders = (self.home / "generations").glob("*/generation.json")
        found = [self._generation(path.parent.name) for path in folders]
        return sorted((item for item in found if item), key=lambda item: item.number, reverse=True)

    def finish(self, candidate: Candidate, relations: Sequence[Relation]) -> dict[str, int]:
        return candidate.finish(relations)

    def publish(
        self,
        candidate: Candidate,
        generation: Generation,
        lease: Lease,
        relations: Sequence[Relation] = (),
    ) -> None:
        """Make the candidate what consumers read. One rename of the link does it, or nothing is changed."""
        target = self.home / "generations" / generation.run_id
        write_state(candidate.folder / "generation.json", generation.document())
        with interrupts_held():  # between the two names nobody would find it: neither consumers nor a retry
            with explained(target):
                (candidate.folder / "candidate.json").unlink(missing_ok=True)
                candidate.source.unlink(missing_ok=True)
                candidate.path.chmod(0o444)
                target.parent.mkdir(parents=True, exist_ok=True)
                lease.check()
                candidate.folder.rename(target)
                sync_folder(target.parent)
            self._switch(generation)

    def require_generation(self, run_id: str) -> Generation:
        """The generation of that run. Raises DataopsError (exit 5) when it is not kept."""
        for generation in self.generations():
            if generation.run_id == run_id:
                return generation
        raise not_kept(run_id, self.generations())

    def publish_again(self, run_id: str, lease: Lease) -> Generation:
        """Make an earlier generation what consumers read. Raises DataopsError when it is not kept."""
        self.recover()
        generation = self.require_generation(run_id)
        lease.check()
        self._switch(generation)
        return generation

    def recover(self) -> None:
        """Put right what a kill during a publication left: the link decides what was published."""
        current = self.published()
        for generation in self.generations():
            if generation.published_at is None:
                if current and generation.run_id == current.run_id:
                    self._record(generation.published_now())
                else:
                    self.remove_generation(generation.run_id)
        for leftover in self.home.glob(".removing-*"):
            shutil.rmtree(leftover)

    def remove_generation(self, run_id: str) -> None:
        folder = self.home / "generations" / run_id
        with explained(folder):
            # Half a generation must not look like one: it loses its name first.
            doomed = self.home / f".removing-{run_id}"
            folder.rename(doomed)
            shutil.rmtree(doomed)

    def is_passing(self, message: str) -> bool:
        """DuckDB's failures come again: it is in this process, and nobody else writes to the candidate."""
        return False

    def is_out_of_space(self, message: str) -> bool:
        return "No space left" in message

    # -- reading --------------------------------------------------------------------------------

    @contextmanager
    def connect(self) -> Iterator[DuckDBPyConnection]:
        """A read-only connection to what is published, with the source attached for the bronze views."""
        if not self.link.exists():
            raise DataopsError(
                "Nothing has been published yet",
                hint="Build it with: dataops run",
                exit_code=ExitCode.UNAVAILABLE,
            )
        with _connection(self.link, self.source) as connection:
            yield connection

    def _generation(self, run_id: str) -> Generation | None:
        state = read_state(self.home / "generations" / run_id / "generation.json")
        return Generation.from_document(state) if state else None

    def _record(self, generation: Generation) -> None:
        write_state(self.home / "generations" / generation.run_id / "generation.json", generation.document())

    def _switch(self, generation: Generation) -> None:
        with explained(self.link):
            fresh = self.link.with_name(f".{FILE}.link")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path("generations") / generation.run_id / FILE)
            fresh.replace(self.link)
            sync_folder(self.home)
        self._record(generation.published_now())


def fetch(connection: DuckDBPyConnection, sql: str, limit: int | None) -> Rows:
    """Run a query and fetch at most `limit` rows (None: all)."""
    cursor = connection.execute(sql)
    columns = tuple(column[0] for column in cursor.description or ())
    if limit is None:
        return Rows(columns, cursor.fetchall())
    rows = cursor.fetchmany(limit + 1)
    return Rows(columns, rows[:limit], more=len(rows) > limit)


@contextmanager
def _connection(path: Path, source: Path, *, read_only: bool = True) -> Iterator[DuckDBPyConnection]:
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if is_locked(error):
            raise opened_elsewhere(path, error) from error
        raise DataopsError(
            f"Cannot open {path}: {str(error).splitlines()[0]}",
            hint="Build it anew with: dataops run",
            exit_code=ExitCode.UNAVAILABLE,
        ) from error
    try:
        if source.exists():
            literal = str(source).replace("'", "''")
            attach = f"attach '{literal}' as {_identifier(SOURCE_CATALOG)} (read_only)"
            try:
                interruptible(connection, lambda: connection.execute(attach))
            except duckdb.IOException as error:
                if is_locked(error):
                    raise opened_elsewhere(source, error) from error
                raise DataopsError(
                    f"Cannot open {source}: {str(error).splitlines()[0]}",
                    hint="Load it anew: dataops source load; or make sample data: dataops source generate",
                    exit_code=ExitCode.UNAVAILABLE,
                ) from error
        yield connection
    finally:
        connection.close()


def is_locked(error: Exception) -> bool:
    """Whether DuckDB refused a file because another program has it open."""
    return "lock" in str(error).lower()


def opened_elsewhere(path: Path, error: Exception) -> DataopsError:
    """For a file that `is_locked`, as DuckDB's error says; it names the process."""
    process = re.search(r"\(PID \d+\)", str(error))
    return DataopsError(
        f"{path} is opened for writing by another program{f' {process[0]}' if process else ''}",
        hint="Close it there, or open it there read-only.",
        exit_code=ExitCode.LOCKED,
    )


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
