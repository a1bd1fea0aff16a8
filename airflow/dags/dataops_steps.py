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
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dataops_events
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

DATAOPS = "/opt/dbt/venv/bin/dataops"
QUEUE, EXECUTOR, POOL = "dbt", "CeleryExecutor", "warehouse"
# The CLI's exit codes behind which is a cause that may pass: not reachable, locked, interrupted. It says the
# same of a process that a signal ended. A failed test, wrong settings and a refusal come again.
MAY_PASS = frozenset({3, 4, 130})
# Seconds for the CLI to end after SIGINT, before it is killed: Airflow kills the task itself five after its SIGTERM.
GRACE = 4
# Longer than the longest pause before another try, so that no other run comes in between.
RESERVE = "5m"
LONGEST_PAUSE = timedelta(minutes=2)


class DataopsCommand(BaseOperator):
    """Run `dataops ARGUMENTS` in dbt's container. Its last line is what the task returns.

    Tried again where the cause may pass: what the command needs is not reachable, or somebody has the lock.
    """

    def __init__(self, *, arguments: Sequence[str] = (), **options: Any) -> None:
        placed = {"queue": QUEUE, "executor": EXECUTOR, "pool": POOL}
        tried = {
            "retries": 3,
            "retry_delay": timedelta(seconds=10),
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
                f"dataops ended with exit code {code}, whose cause may pass: see the lines above."
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
        except BaseException:  # a timeout of the task, for one
            self.on_kill()
            raise

    def on_kill(self) -> None:
        """The CLI's own Ctrl-C: it cancels what runs in the warehouse, and says how far it came."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


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
        ti, run = context["ti"], context["dag_run"]
        known = bool(self.before and ti.xcom_pull(task_ids=self.before, key="late"))
        if self.late_after and run.start_date and not known:
            left = (run.start_date + self.late_after - datetime.now(UTC)).total_seconds()
            timer = threading.Timer(max(left, 0), dataops_events.late, [run])
            timer.daemon = True
            timer.start()
            try:
                return self._step(context)
            finally:
                timer.cancel()
                ti.xcom_push(key="late", value=datetime.now(UTC) >= run.start_date + self.late_after)
        ti.xcom_push(key="late", value=known)
        return self._step(context)

    def _step(self, context: Any) -> Any:
        ti, run = context["ti"], context["dag_run"]
        arguments = ["step", self.step, "--reserve", RESERVE]
        arguments += ["--asked-by", f"Airflow: {run.dag_id} {run.run_id}"]
        if ti.try_number > ti.max_tries:
            arguments.append("--last-try")
        with tempfile.TemporaryDirectory() as folder:
            out, so_far = Path(folder) / "out.json", Path(folder) / "so-far.json"
            if self.before is None:
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


def chosen(params: Any) -> list[str]:
    """The CLI's options for what was chosen when the run was triggered."""
    options = [f"--layer={layer}" for layer in params.get("layer") or ()]
    options += [f"--select={selection}" for selection in params.get("select") or ()]
    if params.get("as_of_date"):
        options.append("--vars=" + json.dumps({"as_of_date": params["as_of_date"]}))
    return options
