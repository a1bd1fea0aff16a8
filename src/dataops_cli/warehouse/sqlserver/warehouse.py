"""The warehouse in SQL Server: what is published, what is built aside, and the switch from one to the other.

    silver.slvr_x                what consumers read
    silver.slvr_x__candidate     what a run is building, or a failed one left for a retry
    silver.slvr_x__<run>         what an earlier run built, kept for a generation
    dataops.*                    the state (see `state`)

A run holds one session from its first step to its last, which holds the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.warehouse.generation import Generation, not_kept
from dataops_cli.warehouse.interface import Lease, Relation
from dataops_cli.warehouse.lock import hold
from dataops_cli.warehouse.rows import Rows
from dataops_cli.warehouse.sqlserver import lease as leases
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import (
    LOCK_TIMEOUT,
    LOG_FULL,
    LOST,
    OUT_OF_SPACE,
    TRANSIENT,
    SqlServerError,
    retried,
)
from dataops_cli.warehouse.sqlserver.lease import SqlServerLease
from dataops_cli.warehouse.sqlserver.moment import GIVE_WAY, in_a_moment
from dataops_cli.warehouse.sqlserver.names import literal, qualified
from dataops_cli.warehouse.sqlserver.profile import dbt_environment
from dataops_cli.warehouse.sqlserver.space import require_space
from dataops_cli.warehouse.sqlserver.state import Placed
from dataops_cli.warehouse.sqlserver.switch import (
    CANDIDATE,
    READERS,
    SCRATCH_SCHEMA,
    archived_name,
    candidate_name,
    discard,
    leftovers,
    published_definition,
    switch,
)


@dataclass(frozen=True)
class SqlServerCandidate:
    """What one run builds aside."""

    run_id: str
    server: Server
    lease: int | None = None

    def dbt_environment(self) -> dict[str, str]:
        return dbt_environment(self.server, CANDIDATE, self.lease)

    def query(self, sql: str, limit: int) -> Rows:
        """At most `limit` rows of a query on the candidate."""
        with (
            self.server.connect(Account.BUILD) as connection,
            connection.cursor(sql) as cursor,
        ):
            columns = tuple(column[0] for column in cursor.description or ())
            found = [tuple(row) for row in cursor.fetchmany(limit + 1)]
        return Rows(columns, found[:limit], more=len(found) > limit)


@dataclass
class SqlServerWarehouse:
    """The warehouse of one environment. Writing methods want `hold`."""

    server: Server
    home: Path
    """The environment's state folder here, which holds dbt's caches."""
    _lease: SqlServerLease | None = field(default=None, init=False)

    # -- the lock -------------------------------------------------------------------------------

    @contextmanager
    def hold(
        self,
        command: str,
        *,
        wait: float = 0,
        on_wait: Callable[[str], None] = lambda _holder: None,
        whose: str | None = None,
    ) -> Iterator[SqlServerLease]:
        """Hold the warehouse's lock while the block runs, and that of the folder with it.
        Raises DataopsError (exit 4) when either stays taken."""
        with (
            hold(self.home, command, wait=wait, on_wait=on_wait),
            self.server.connect(Account.BUILD) as connection,
        ):
            _require_schemas(connection, self.server)
            self._lease = leases.acquire(connection, command, wait=wait, on_wait=on_wait, whose=whose)
            try:
                yield self._lease
            finally:
                self._lease = None

    def is_held(self) -> bool:
        with self._connection() as connection:
            return leases.is_held(connection)

    # -- source ---------------------------------------------------------------------------------

    def require_source(self) -> None:
        database = self.server.settings.warehouse.source_database
        with self._connection() as connection:
            found = connection.value(
                f"SELECT OBJECT_ID({literal(qualified(database, 'Sales', 'SalesOrderHeader'))}, N'U')"
            )
        if found is None:
            raise DataopsError(
                f"There is no source data in the database {database}, or {self.server.user(Account.BUILD)} "
                "may not read it",
                hint="Put it there with dataops source restore (or load, generate), then: dataops source grants",
                exit_code=ExitCode.UNAVAILABLE,
            )

    def source_is_that_of(self, _candidate: SqlServerCandidate) -> bool:
        """Bronze are views on the live source: a candidate reads it as it is, and is not adopted by another one."""
        return True

    # -- candidate ------------------------------------------------------------------------------

    def dbt_environment(self) -> dict[str, str]:
        return dbt_environment(self.server, CANDIDATE, self._number)

    def published_dbt_environment(self) -> dict[str, str]:
        return dbt_environment(self.server, suffix="")

    def begin(
        self, run_id: str, *, from_published: bool, afresh: Collection[str], continued: Collection[str]
    ) -> SqlServerCandidate:
        """A new candidate, empty or beginning with what is published.

        `afresh` are the models that the run builds from nothing; those in `continued` keep their rows, so they
        begin as a copy. Every other published relation is looked through to: a view, which costs nothing.
        """
        with self._connection() as connection:
            self._discard(connection)
            published = state.relations(connection, state.current(connection))
            warehouse = self.server.settings.warehouse
            tables = [(item.schema, item.name) for item in published if item.model in (*afresh, *continued)]
            require_space(connection, warehouse.database, warehouse.source_database, tables)
            for item in published:
                if not from_published or item.model in afresh:
                    continue
                aside = qualified(item.schema, candidate_name(item.name))
                if item.model in continued:
                    connection.execute(f"SELECT * INTO {aside} FROM {qualified(item.schema, item.name)}")
                else:
                    connection.execute(
                        f"CREATE VIEW {aside} AS SELECT * FROM {qualified(item.schema, item.name)}"
                    )
            state.set_candidate(connection, run_id, self._source(connection))
        return SqlServerCandidate(run_id, self.server, self._number)

    def left_aside(self) -> SqlServerCandidate | None:
        """The candidate that a failed or killed run left, if it can be continued."""
        with self._connection() as connection:
            run_id = state.candidate(connection) if state.exists(connection) else None
        return SqlServerCandidate(run_id, self.server) if run_id else None

    def adopt(self, _candidate: SqlServerCandidate, run_id: str) -> SqlServerCandidate:
        """Continue a candidate that was left aside, as run `run_id`.

        Raises DataopsError (exit 5) where what it holds was built from a source that has been replaced since.
        """
        with self._connection() as connection:
            source = self._source(connection)
            if state.candidate_source(connection) != source:
                raise DataopsError(
                    "The failed run cannot be continued: the source was loaded anew since",
                    hint="Start over with: dataops run",
                    exit_code=ExitCode.REFUSED,
                )
            state.set_candidate(connection, run_id, source)
        return SqlServerCandidate(run_id, self.server, self._number)

    def finish(self, _candidate: SqlServerCandidate, relations: Sequence[Relation]) -> dict[str, int]:
        """Count the rows of the candidate's relations, by model. Those that do not exist are left out."""
        counts = {}
        with self._connection() as connection:
            existing = state.objects(connection)
            before = {
                item.model: item.rows for item in state.relations(connection, state.current(connection))
            }
            for relation in relations:
                if not relation.rebuilt and relation.model in before:
                    counts[relation.model] = before[relation.model]
                elif relation.rebuilt and (relation.schema, relation.alias) in existing:
                    aside = qualified(relation.schema, relation.alias)
                    counts[relation.model] = int(connection.value(f"SELECT COUNT_BIG(*) FROM {aside}"))
        return counts

    # -- publishing -----------------------------------------------------------------------------

    def published(self) -> Generation | None:
        """What consumers read now; also asked when an interrupt has cut the run's own session short."""
        with self._connection(reads=True) as connection:
            if not state.exists(connection):
                return None
            current = state.current(connection)
            return next((item for item in state.generations(connection) if item.run_id == current), None)

    def generations(self) -> list[Generation]:
        """All that is kept, the newest first."""
        with self._connection() as connection:
            return state.generations(connection) if state.exists(connection) else []

    def publish(
        self,
        candidate: SqlServerCandidate,
        generation: Generation,
        lease: Lease,
        relations: Sequence[Relation],
    ) -> None:
        """Make the candidate what consumers read: one transaction does it, or nothing is changed.

        Raises DataopsError (exit 4) when readers leave it no moment within warehouse.publish_timeout.
        """

        def switch_in(connection: Connection) -> None:
            current = state.current(connection)
            before = state.relations(connection, current)
            wanted = _placed(relations, generation, before)
            connection.execute_all(self._statements(connection, before, wanted, generation.run_id))
            state.add(connection, generation, wanted)
            state.make_current(connection, generation)
            state.forget_candidate(connection)

        self._in_a_moment(generation.run_id, switch_in, lease, again="dataops run --retry")

    def require_generation(self, run_id: str) -> Generation:
        """The generation of that run. Raises DataopsError (exit 5) when it is not kept."""
        kept = self.generations()
        found = next((item for item in kept if item.run_id == run_id), None)
        if found is None:
            raise not_kept(run_id, kept)
        return found

    def publish_again(self, run_id: str, lease: Lease) -> Generation:
        """Make an earlier generation what consumers read. Raises DataopsError when it is not kept."""
        generation = self.require_generation(run_id)

        def switch_back(connection: Connection) -> None:
            before = state.relations(connection, state.current(connection))
            wanted = state.relations(connection, run_id)
            connection.execute_all(self._statements(connection, before, wanted, None))
            state.make_current(connection, generation)

        self._in_a_moment(run_id, switch_back, lease, again=f"dataops generations publish {run_id}")
        return generation

    def recover(self) -> None:
        """Nothing: a switch is one transaction, so a kill leaves nothing half done."""

    def remove_generation(self, run_id: str) -> None:
        with self._connection() as connection, connection.transaction():
            doomed = {
                (item.schema, archived_name(item.name, item.built_by)): False
                for item in state.only_of(connection, run_id)
            }
            connection.execute_all(discard(doomed))
            state.forget(connection, run_id)

    def is_passing(self, message: str) -> bool:
        """Whether what dbt says of a failed model or test is a failure that may not come again, such as a deadlock."""
        return any(f"({number})" in message for number in TRANSIENT) or any(
            f"'{state}'" in message or f"[{state}]" in message for state in LOST
        )

    def is_out_of_space(self, message: str) -> bool:
        return any(f"({number})" in message for number in (*OUT_OF_SPACE, LOG_FULL))

    # -------------------------------------------------------------------------------------------

    @contextmanager
    def _connection(self, *, reads: bool = False) -> Iterator[Connection]:
        """The session that holds the lock, or one for the block. What only `reads` needs no lock."""
        if self._lease is not None and not (reads and self._lease.connection.cut_short):
            yield self._lease.connection
        else:
            with self.server.connect(Account.BUILD) as connection:
                yield connection

    @property
    def _number(self) -> int | None:
        return self._lease.number if self._lease else None

    def _source(self, connection: Connection) -> str:
        """What tells one source from another: a load makes its tables anew, a restore its database."""
        database = self.server.settings.warehouse.source_database
        orders = literal(qualified(database, "Sales", "SalesOrderHeader"))
        made, table = connection.rows(
            f"SELECT (SELECT create_date FROM sys.databases WHERE name = ?), OBJECT_ID({orders}, N'U')",
            database,
        )[0]
        return f"{made} {table}"

    def _discard(self, connection: Connection) -> None:
        """Drop what an earlier run left aside; first what makes it one that can be continued."""
        state.forget_candidate(connection)
        existing = state.objects(connection)
        left = leftovers(existing) | {
            key: is_view
            for key, is_view in existing.items()
            if key[0].lower() == SCRATCH_SCHEMA and key[1].startswith("testview_")
        }
        connection.execute_all(discard(left))

    def _statements(
        self, connection: Connection, before: Sequence[Placed], wanted: Sequence[Placed], fresh: str | None
    ) -> list[str]:
        with_readers = bool(connection.value("SELECT 1 FROM sys.database_principals WHERE name = ?", READERS))
        return switch(before, wanted, state.objects(connection), fresh=fresh, with_readers=with_readers)

    def _in_a_moment(
        self, run_id: str, change: Callable[[Connection], None], lease: Lease, *, again: str
    ) -> None:
        """Run `change` in one transaction, between readers' queries. `run_id` is what it publishes, `again` the
        command that tries it once more."""
        try:
            in_a_moment(lambda: self._change(change, lease), self.server.settings.warehouse.publish_timeout)
        except SqlServerError as error:
            if error.number == LOCK_TIMEOUT:
                raise DataopsError(
                    "Other sessions left no moment in which to publish; what is published is as it was",
                    hint=f"Continue when they have ended: {again}. To try longer, raise "
                    "warehouse.publish_timeout",
                    exit_code=ExitCode.LOCKED,
                ) from error
            if not self._is_published(run_id):
                raise
            # The answer to COMMIT was lost, or late, and not its work.

    def _change(self, change: Callable[[Connection], None], lease: Lease) -> None:
        with self._connection() as connection, connection.transaction(lock_timeout=GIVE_WAY):
            lease.check()
            change(connection)

    def _is_published(self, run_id: str) -> bool:
        def look() -> bool:
            with self.server.connect(Account.BUILD) as connection:
                return state.current(connection) == run_id

        return retried(look)


def _placed(relations: Sequence[Relation], generation: Generation, before: Sequence[Placed]) -> list[Placed]:
    """The candidate's relations under their published names; what was not rebuilt is as it was before."""
    known = {item.model: item for item in before}
    placed = []
    for relation in relations:
        if relation.model not in generation.rows:
            continue
        if not relation.rebuilt:
            if relation.model in known:
                placed.append(known[relation.model])
            continue
        placed.append(
            Placed(
                model=relation.model,
                schema=relation.schema,
                name=relation.alias.removesuffix(CANDIDATE),
                is_view=relation.is_view,
                built_by=generation.run_id,
                rows=generation.rows[relation.model],
                definition=published_definition(relation.definition or "") if relation.is_view else None,
            )
        )
    return placed


def _require_schemas(connection: Connection, server: Server) -> None:
    """Raises DataopsError (exit 3) where the warehouse has not been set up."""
    found = {str(name).lower() for (name,) in connection.rows("SELECT name FROM sys.schemas")}
    missing = [name for name in (*LAYERS, state.SCHEMA, SCRATCH_SCHEMA) if name not in found]
    if missing:
        raise DataopsError(
            f"The database {server.settings.warehouse.database} has no schema {missing[0]}",
            hint="Set it up once: dataops source grants",
            exit_code=ExitCode.UNAVAILABLE,
        )
