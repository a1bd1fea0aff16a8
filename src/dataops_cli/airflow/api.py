"""What the CLI asks of Airflow, in its own terms. Every method raises Fault where it cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from dataops_cli.airflow import faults
from dataops_cli.airflow.client import Client
from dataops_cli.airflow.faults import Conflict, Fault, Missing, NotAirflow
from dataops_cli.airflow.logs import LogLine, lines_of
from dataops_cli.airflow.model import (
    BACKFILL,
    Dag,
    DagImportError,
    DagRun,
    Health,
    TaskInstance,
    User,
    moment,
)
from dataops_cli.airflow.names import command_for, require_names
from dataops_cli.airflow.place import Place
from dataops_cli.errors import ExitCode
from dataops_cli.settings.layers import nearest

T = TypeVar("T")

PAGE = 100
# One look while watching: that Airflow is away is to be told before long.
LOOK_SECONDS = 10.0


class Airflow:
    """One Airflow. `on_retry` hears of calls that are repeated."""

    def __init__(
        self, place: Place, *, patient: bool = True, on_retry: Callable[[str], None] = lambda _why: None
    ) -> None:
        self.place = place
        self._on_retry = on_retry
        self._client = Client(place, patient=patient, on_retry=on_retry)
        # By DAG, for the order of its tasks, which is asked for once.
        self._next: dict[str, dict[str, Sequence[str]]] = {}

    def impatient(self) -> Airflow:
        """The same Airflow, for one who asks again anyway: a call is not repeated, and takes ten seconds at most."""
        timeout = min(self.place.timeout, LOOK_SECONDS)
        return Airflow(replace(self.place, timeout=timeout), patient=False, on_retry=self._on_retry)

    def dags(self) -> list[Dag]:
        return self._all("get_dags", "dags", Dag.from_json, order_by=["dag_id"])

    def dag(self, dag_id: str) -> Dag:
        """Raises Missing, with the nearest name, for a DAG that is not there."""
        try:
            return self._read(Dag.from_json, self._client.call("get_dag", dag_id=dag_id))
        except Missing:
            names = [dag.dag_id for dag in self.dags()]
            meant = nearest(dag_id, names)
            raise Missing(
                f"Airflow has no DAG {dag_id}",
                hint=(f"Did you mean {meant}?" if meant else f"It has: {', '.join(names[:10]) or 'none'}.")
                + " One whose file has a fault is missing: dataops airflow import-errors",
                exit_code=ExitCode.USAGE,
            ) from None

    def params(self, dag_id: str) -> dict[str, Mapping[str, Any]]:
        """The parameters that a DAG declares, with the JSON schema of each."""
        with self._dag_named(dag_id):
            document = self._client.call("get_dag_details", dag_id=dag_id)
        return self._read(
            lambda found: {
                name: dict(param.get("schema") or {}) for name, param in (found.get("params") or {}).items()
            },
            document,
        )

    def set_paused(self, dag_id: str, paused: bool) -> Dag:
        with self._dag_named(dag_id):
            document = self._client.call("patch_dag", dag_id=dag_id, dag_patch_body={"is_paused": paused})
            return self._read(Dag.from_json, document)

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> DagRun:
        """Ask for a run. It is asked for again where the answer was lost. Raises Conflict for a run that was there
        before."""
        require_names(run_id=run_id)
        # By its logical date Airflow tells which run was before which, and we, whether a run of this id is this one.
        now = datetime.now(UTC)
        body = {"dag_run_id": run_id, "logical_date": now.isoformat(), "conf": dict(conf)}
        with self._dag_named(dag_id):
            try:
                document = self._client.call("trigger_dag_run", dag_id=dag_id, trigger_dag_run_post_body=body)
            except Conflict:
                there = self.run(dag_id, run_id)
                if there.logical_date == now:
                    return there
                raise _there_already(dag_id, run_id) from None
            return self._read(DagRun.from_json, document)

    def require_new(self, dag_id: str, run_id: str) -> None:
        """Raises what `trigger` would for a run that is there, or that there cannot be."""
        with suppress(Missing):
            self._client.call("get_dag_run", dag_id=dag_id, dag_run_id=run_id)
            raise _there_already(dag_id, run_id)

    def runs(
        self, dag_id: str, *, limit: int, states: Sequence[str] = (), types: Sequence[str] = ()
    ) -> list[DagRun]:
        """The newest first: those of a backfill stand where their dates are."""
        with self._dag_named(dag_id):
            return self._all(
                "get_dag_runs",
                "dag_runs",
                DagRun.from_json,
                limit=limit,
                dag_id=dag_id,
                order_by=["-run_after", "-id"],
                state=list(states) or None,
                run_type=list(types) or None,
            )

    def runs_of_schedule(self, dag_id: str, begin: datetime, end: datetime) -> list[DagRun]:
        """The runs that the schedule or a backfill made for dates from `begin` to `end`."""
        with self._dag_named(dag_id):
            return self._all(
                "get_dag_runs",
                "dag_runs",
                DagRun.from_json,
                dag_id=dag_id,
                run_type=["scheduled", BACKFILL],
                logical_date_gte=begin,
                logical_date_lte=end,
                order_by=["logical_date"],
            )

    def newest_run(self, dag_id: str) -> DagRun:
        """Raises Missing where the DAG has never run."""
        if runs := self.runs(dag_id, limit=1):
            return runs[0]
        raise Missing(
            f"DAG {dag_id} has never run",
            hint=f"Start a run: dataops airflow trigger {dag_id}",
            exit_code=ExitCode.USAGE,
        )

    def run(self, dag_id: str, run_id: str) -> DagRun:
        with self._run_named(dag_id, run_id):
            document = self._client.call("get_dag_run", dag_id=dag_id, dag_run_id=run_id)
            return self._read(DagRun.from_json, document)

    def stop(self, dag_id: str, run_id: str) -> DagRun:
        """End a run: what runs of it is killed, the rest is skipped, and it has failed. One that has ended must not
        be: it would have failed, too."""
        with self._run_named(dag_id, run_id):
            document = self._client.call(
                "patch_dag_run", dag_id=dag_id, dag_run_id=run_id, dag_run_patch_body={"state": "failed"}
            )
            return self._read(DagRun.from_json, document)

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """The tasks of a run, each in its latest try, and after those that it waits for."""
        with self._run_named(dag_id, run_id):
            found = self._all(
                "get_task_instances",
                "task_instances",
                TaskInstance.from_json,
                dag_id=dag_id,
                dag_run_id=run_id,
            )
        depth = self._depths(dag_id)
        return sorted(
            found, key=lambda task: (depth.get(task.task_id, len(depth)), task.task_id, task.map_index)
        )

    def tries(self, dag_id: str, run_id: str, task: TaskInstance) -> list[TaskInstance]:
        """Every try of a task, the first one first."""
        mapped = task.map_index >= 0
        operation = "get_mapped_task_instance_tries" if mapped else "get_task_instance_tries"
        index = {"map_index": task.map_index} if mapped else {}
        document = self._client.call(
            operation, dag_id=dag_id, dag_run_id=run_id, task_id=task.task_id, **index
        )
        return self._items(TaskInstance.from_json, document, "task_instances")

    def log(
        self, dag_id: str, run_id: str, task: TaskInstance, try_number: int | None = None
    ) -> list[LogLine]:
        """What a try of a task wrote, by default the latest; nothing for one that has not begun."""
        wanted = task.try_number if try_number is None else try_number
        if wanted < 1:
            return []
        lines: list[LogLine] = []
        token: str | None = None
        while True:
            document = self._client.call(
                "get_log",
                dag_id=dag_id,
                dag_run_id=run_id,
                task_id=task.task_id,
                try_number=wanted,
                map_index=task.map_index,
                full_content=True,
                token=token,
                accept="application/json",
            )
            lines += self._read(lambda found: lines_of(found["content"]), document)
            before, token = token, document.get("continuation_token")
            if not token or token == before or not document["content"]:
                return lines

    def returned(self, dag_id: str, run_id: str, task: TaskInstance) -> Any:
        """What the task returned (its XCom `return_value`); None where it returned nothing."""
        try:
            document = self._client.call(
                "get_xcom_entry",
                dag_id=dag_id,
                dag_run_id=run_id,
                task_id=task.task_id,
                map_index=task.map_index,
                xcom_key="return_value",
            )
        except Missing:
            return None
        return document.get("value")

    def clear(
        self, dag_id: str, run_id: str, tasks: Sequence[TaskInstance], *, downstream: bool, plan: bool
    ) -> list[TaskInstance]:
        """Let tasks of a run be done again, and with `downstream` all that come after them. Returns them all;
        `plan` does only that."""
        body = {
            "dry_run": plan,
            "dag_run_id": run_id,
            "only_failed": False,
            "include_downstream": downstream,
            "reset_dag_runs": True,
            "task_ids": [
                task.task_id if task.map_index < 0 else [task.task_id, task.map_index] for task in tasks
            ],
        }
        with self._run_named(dag_id, run_id):
            document = self._client.call(
                "post_clear_task_instances", dag_id=dag_id, clear_task_instances_body=body
            )
        return self._items(TaskInstance.from_json, document, "task_instances")

    def plan_backfill(self, body: Mapping[str, Any]) -> list[datetime]:
        """The logical dates of the runs that a backfill would make."""
        document = self._client.call("create_backfill_dry_run", backfill_post_body=dict(body))
        dates = self._items(
            lambda item: moment(item.get("logical_date") or item.get("partition_date")), document, "backfills"
        )
        return [date for date in dates if date]

    def backfill(self, body: Mapping[str, Any]) -> int:
        """Make a backfill; returns its number. Raises Conflict (exit 4) while another one of the DAG goes on."""
        try:
            document = self._client.call("create_backfill", backfill_post_body=dict(body))
        except Conflict as fault:
            raise Conflict(
                fault.reason,
                hint=f"Wait until it has ended: dataops airflow runs {body['dag_id']} --type backfill",
                exit_code=ExitCode.LOCKED,
            ) from None
        return self._read(lambda found: int(found["id"]), document)

    def import_errors(self) -> list[DagImportError]:
        return self._all("get_import_errors", "import_errors", DagImportError.from_json)

    def health(self) -> list[Health]:
        return self._read(Health.all_from_json, self._client.call("get_health"))

    def version(self) -> str:
        return self._read(lambda found: str(found["version"]), self._client.call("get_version"))

    def users(self) -> list[User]:
        """Raises Fault (exit 3) where Airflow's users are not kept by its FAB auth manager."""
        users: list[User] = []
        while True:
            try:
                document = self._client.get(f"/auth/fab/v1/users?limit={PAGE}&offset={len(users)}")
            except (Missing, NotAirflow):
                self.version()  # a stranger is told as one
                raise Fault(
                    f"The Airflow at {self.place.url} does not keep its users itself: its auth manager is not FAB's",
                    hint="List them where its auth manager keeps them ([core] auth_manager in Airflow's configuration).",
                    exit_code=ExitCode.UNAVAILABLE,
                ) from None
            page = self._items(User.from_json, document, "users")
            users += page
            if not page or len(users) >= document.get("total_entries", 0):
                return users

    def later_tasks(self, dag_id: str, task_id: str) -> set[str]:
        """The tasks of a DAG that come after one, however far; none for a DAG or a task that has gone since."""
        after, found, left = self._next_tasks(dag_id), set[str](), [task_id]
        while left:
            new = set(after.get(left.pop(), ())) - found
            found |= new
            left += new
        return found

    def _next_tasks(self, dag_id: str) -> dict[str, Sequence[str]]:
        """By each task of a DAG, those that wait for it; nothing for a DAG that has gone since."""
        if dag_id not in self._next:
            try:
                document = self._client.call("get_tasks", dag_id=dag_id)
            except Missing:
                document = {"tasks": []}
            self._next[dag_id] = dict(
                self._items(
                    lambda task: (task["task_id"], task["downstream_task_ids"] or ()), document, "tasks"
                )
            )
        return self._next[dag_id]

    def _depths(self, dag_id: str) -> dict[str, int]:
        """How many tasks come before each one of a DAG."""
        downstream = self._next_tasks(dag_id)
        depth = dict.fromkeys(downstream, 0)
        for _ in downstream:  # no path is longer
            for task, after in downstream.items():
                for later in after:
                    depth[later] = max(depth.get(later, 0), depth[task] + 1)
        return depth

    def _all(
        self,
        operation: str,
        key: str,
        read: Callable[[Mapping[str, Any]], T],
        *,
        limit: int | None = None,
        **arguments: Any,
    ) -> list[T]:
        """The items of every page, or the first `limit` of them."""
        found: list[T] = []
        while limit is None or len(found) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            document = self._client.call(operation, limit=size, offset=len(found), **arguments)
            page = self._items(read, document, key)
            found += page
            if not page or len(found) >= document.get("total_entries", 0):
                break
        return found

    def _items(self, read: Callable[[Any], T], document: Any, key: str) -> list[T]:
        return self._read(lambda found: [read(item) for item in found[key]], document)

    def _read(self, read: Callable[[Any], T], document: Any) -> T:
        """An answer as ours. Raises Fault where it is none of Airflow 3's."""
        try:
            return read(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise faults.not_airflow(self.place, f"its answers have another form ({error!r})") from error

    @contextmanager
    def _dag_named(self, dag_id: str) -> Iterator[None]:
        """What is missing is the DAG, unless it is there."""
        try:
            yield
        except Missing:
            self.dag(dag_id)
            raise

    @contextmanager
    def _run_named(self, dag_id: str, run_id: str) -> Iterator[None]:
        """What is missing is the run, or its DAG."""
        try:
            yield
        except Missing:
            self.dag(dag_id)
            raise Missing(
                f"DAG {dag_id} has no run {run_id}",
                hint=f"Its runs: dataops airflow runs {dag_id} (a run of another DAG: --dag)",
                exit_code=ExitCode.USAGE,
            ) from None


def _there_already(dag_id: str, run_id: str) -> Conflict:
    return Conflict(
        f"DAG {dag_id} has a run {run_id} already",
        hint=f"Give it another --run-id, or look at that one: dataops {command_for('show', run_id, dag_id)}",
        exit_code=ExitCode.USAGE,
    )
