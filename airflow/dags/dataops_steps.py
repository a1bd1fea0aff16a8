"""Commands of the CLI as tasks on dbt's queue, such as a step of a run of the pipeline.

The task starts the CLI, which has a virtual environment of its own; its lines are the task's log. What the next step
needs goes from task to task as the XCom `run`; what people want to see, models and tests, is the `return_value`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dataops_events
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout

DATAOPS = "/opt/dbt/venv/bin/dataops"
QUEUE, EXECUTOR, POOL = "dbt", "CeleryExecutor", "warehouse"
# The CLI's exit codes behind which is a cause that may pass: not reachable, locked, interrupted. It says the
# same of a process that a signal ended. A failed test, wrong settings and a refusal come again.
MAY_PASS = frozenset({3, 4, 130})
# Seconds for the CLI to end after SIGINT, before it is killed: Airflow kills the task itself five after its SIGTERM.
# After a timeout nobody does.
GRACE, GRACE_AFTER_TIMEOUT = 4, 30
# Longer than the longest pause before another try, so that no other run comes in between.
RESERVE = "5m"
LONGEST_PAUSE = timedelta(minutes=2)


class DataopsCommand(BaseOperator):
    """Run `dataops ARGUMENTS` in dbt's container. Its last line is what the task returns.

    Tried again where the cause may pass: what the command needs is not reachable, or somebody has the lock. What takes
    longer than its `execution_timeout` is ended, and not tried again: it would take as long once more.
    """

    def __init__(self, *, arguments: Sequence[str] = (), **options: Any) -> None:
        placed = {"queue": QUEUE, "executor": EXECUTOR, "pool": POOL}
        tried = {
            # Airflow waits up to twice as long. A task whose worker was killed begins anew within a minute.
            "retries": 4,
            "retry_delay": timedelta(seconds=5),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": LONGEST_PAUSE,
        }
        super().__init__(**{**placed, **tried, **options})
        self.arguments = list(arguments)
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> Any:
        self.require(self.run(self.arguments))

    def require(self, code: int) -> None:
        """Raises what ends the try, or the task, for an exit code that is not 0."""
        if code in MAY_PASS or code < 0:
            raise AirflowException(
                f"dataops ended with exit code {code}, for a cause that may pass: see the lines above."
            )
        if code:
            raise AirflowFailException(f"dataops ended with exit code {code}: see the lines above.")

    def run(self, arguments: Sequence[str]) -> int:
        """Run a command of the CLI with its lines in the task's log; returns its exit code."""
        # Airflow's own variables are nothing to the CLI and to dbt; a task's token least of all.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        self._process = subprocess.Popen(
            [DATAOPS, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            for line in self._process.stdout or ():
                self.log.info("%s", line.rstrip())
            return self._process.wait()
        except AirflowTaskTimeout as error:
            # It goes on to be read: what it says of how far it came, and so that it never waits for a reader.
            killer = threading.Timer(GRACE_AFTER_TIMEOUT, self._signal, [signal.SIGKILL])
            killer.start()
            self._signal(signal.SIGINT)
            for line in self._process.stdout or ():
                self.log.info("%s", line.rstrip())
            self._process.wait()
            killer.cancel()
            raise AirflowFailException(
                f"dataops was ended: it took longer than {self.execution_timeout}, the task's limit."
            ) from error
        except BaseException:
            self.on_kill()
            raise

    def on_kill(self) -> None:
        """The CLI's own Ctrl-C: it cancels what runs in the warehouse, and says how far it came."""
        if self._process is None:
            return
        self._signal(signal.SIGINT)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)


class DataopsStep(DataopsCommand):
    """Do one step of a run: freshness, bronze, silver, gold, publish or documentation.

    `before` is the task of the step before; the first step takes its choice from the DAG's parameters.
    A run that has not ended `late_after` its start is called late, once.
    """

    def __init__(
        self, *, step: str, before: str | None = None, late_after: timedelta | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.step = step
        self.before = before
        self.late_after = late_after

    def execute(self, context: Any) -> Any:
        with self._told_when_late(context):
            return self._step(context)

    @contextmanager
    def _told_when_late(self, context: Any) -> Iterator[None]:
        """That the run is late is kept for other tries in the task's state, and for the step after it as the XCom
        `late`: as the start of the run, which a run that is cleared has anew."""
        ti, run, kept = context["ti"], context["dag_run"], context["task_state_store"]
        if not (self.late_after and run.start_date):
            yield
            return
        start = run.start_date.isoformat()

        def tell() -> None:
            with self._no_reason_to_fail():
                kept.set("late", start)
            dataops_events.late(run)

        left = (run.start_date + self.late_after - datetime.now(UTC)).total_seconds()
        timer = threading.Timer(max(left, 0), tell)
        with self._no_reason_to_fail():
            if self.before and ti.xcom_pull(task_ids=self.before, key="late") == start:
                kept.set("late", start)
            elif kept.get("late") != start:
                timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if timer.ident:
                timer.join()  # it may be telling
            with self._no_reason_to_fail():
                ti.xcom_push(key="late", value=kept.get("late"))

    @contextmanager
    def _no_reason_to_fail(self) -> Iterator[None]:
        """What is only kept for the next step to know does not end this one, nor take the place of what did."""
        try:
            yield
        except Exception:
            self.log.warning("Whether the run is late could not be kept.", exc_info=True)

    def _step(self, context: Any) -> Any:
        ti, run = context["ti"], context["dag_run"]
        arguments = ["step", self.step, "--reserve", RESERVE]
        arguments += ["--asked-by", _asked_by(run)]
        if ti.try_number > ti.max_tries:
            arguments.append("--last-try")
        with tempfile.TemporaryDirectory() as folder:
            out, so_far = Path(folder) / "out.json", Path(folder) / "so-far.json"
            if self.before is None:
                self._let_go_for_the_run_before(ti, run)
                arguments += chosen(context["params"])
            else:
                handed_on = ti.xcom_pull(task_ids=self.before, key="run")
                if handed_on is None:
                    raise AirflowFailException(
                        f"The task {self.before} has handed nothing on: clear it, too."
                    )
                so_far.write_text(json.dumps({"run": handed_on}), encoding="utf-8")
                arguments += ["--so-far", str(so_far)]
            code = self.run([*arguments, "--out", str(out)])
            done = (
                json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"run": None, "result": None}
            )
        if code == 0:
            ti.xcom_push(key="run", value=done["run"])
        elif done["result"]:  # so that whoever watches sees the rows that made a test fail
            ti.xcom_push(key="return_value", value=done["result"])
        self.require(code)
        return done["result"]

    def _let_go_for_the_run_before(self, ti: Any, run: Any) -> None:
        """Of a run that was stopped no step follows, for which the lock would be kept. Runs that were stopped before
        they began have none."""
        date = run.logical_date
        while date and (one := ti.get_previous_ti(logical_date=date)):
            if ti.get_dagrun_state(one.dag_id, one.run_id) != "failed":
                return
            if one.try_number:
                self.run(["step", "abandon", "--asked-by", _asked_by(one), "--out", os.devnull])
                return
            date = one.logical_date


def _asked_by(run: Any) -> str:
    return f"Airflow: {run.dag_id} {run.run_id}"


def chosen(params: Any) -> list[str]:
    """The CLI's options for what was chosen when the run was triggered."""
    options = [f"--layer={layer}" for layer in params.get("layer") or ()]
    options += [f"--select={selection}" for selection in params.get("select") or ()]
    if params.get("as_of_date"):
        options.append("--vars=" + json.dumps({"as_of_date": params["as_of_date"]}))
    return options
