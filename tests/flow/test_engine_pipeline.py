"""The DAG on a real Airflow, its tasks in the real worker, and what becomes of them when parts of the stack fail."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from flow.conftest import Flow, interrupt

pytestmark = pytest.mark.engine

PYTHON = "/opt/airflow/venv/bin/python"
STEPS = ["freshness", "bronze", "silver", "gold", "publish", "documentation"]
# What the real rows of AdventureWorks 2014 add up to.
ORDERS, REVENUE = 31465, "109846381.3998"
TOTALS = "select sum(total_orders) as orders, sum(net_revenue) as revenue from gold.gld_sales_summary"


def published(flow: Flow) -> str:
    generations = json.loads(flow.inside("dataops", "generations", "list", "--json"))
    return next((str(item["run_id"]) for item in generations if item["published"]), "")


# ---- the DAGs


def test_what_the_dags_are(flow: Flow) -> None:
    script = (Path(__file__).parent / "inside_dags.py").read_text(encoding="utf-8")
    dags = json.loads(flow.inside(PYTHON, "-", stdin=script).splitlines()[-1])
    assert all(dag["seconds"] < 1 for dag in dags.values())
    assert all((dag["catchup"], dag["max_active_runs"]) == (False, 1) for dag in dags.values())
    pipeline = dags["dataops_pipeline"]
    assert pipeline["schedule"] is None
    assert pipeline["params"] == ["as_of_date", "layer", "select"]
    assert list(pipeline["tasks"]) == STEPS
    for number, (name, task) in enumerate(pipeline["tasks"].items()):
        assert task["after"] == STEPS[number - 1 : number] if number else task["after"] == []
        assert (task["queue"], task["executor"], task["pool"]) == ("dbt", "CeleryExecutor", "warehouse")
        assert (task["retries"], task["backoff"], task["has_timeout"]) == (3, True, True)
        assert bool(task["outlets"]) == (name == "publish")
    assert pipeline["tasks"]["publish"]["outlets"] == [
        "gold.gld_customer_metrics",
        "gold.gld_product_performance",
        "gold.gld_sales_summary",
    ]
    cleanup = dags["dataops_cleanup"]["tasks"]
    assert {name: task["queue"] for name, task in cleanup.items()} == {
        "task_logs": "default",
        "airflow_history": "default",
        "runs_and_generations": "dbt",
    }
    assert flow.done("airflow", "import-errors") == []


# ---- the main path


def test_a_run_publishes_the_real_totals(flow: Flow) -> None:
    ran = flow.done("run")
    assert ran["state"] == "success"
    assert [task["task"] for task in ran["tasks"]] == STEPS
    notes = {task["task"]: "\n".join(task["notes"]) for task in ran["tasks"]}
    assert "brnz_sales_orders: success" in notes["bronze"]
    assert "gld_sales_summary: success" in notes["gold"]
    assert published(flow) in notes["publish"]
    (totals,) = flow.sql(TOTALS)
    assert int(totals["orders"]) == ORDERS
    assert str(totals["revenue"]).startswith(REVENUE[:-2])
    shown = json.loads(flow.inside("dataops", "runs", "show", "--json"))
    assert (shown["status"], shown["run_id"]) == ("succeeded", published(flow))
    assert shown["command"] == f"Airflow: dataops_pipeline {ran['run_id']}"


def test_a_failed_test_shows_its_rows_and_is_mended(flow: Flow) -> None:
    before, totals = published(flow), flow.sql(TOTALS)
    test = flow.folder / "dbt" / "tests" / "silver" / "nobody_spends_much.sql"
    query = "select customer_id, lifetime_value from {{ ref('slvr_customers') }} where lifetime_value > %d"
    test.write_text(query % 800_000)
    failed = flow.run("run")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "failed nobody_spends_much: Got 4 results" in failed.stdout
    assert "customer_id=29818, lifetime_value=877107.1922" in failed.stdout
    assert "AirflowFailException" in failed.stdout
    assert (published(flow), flow.sql(TOTALS)) == (before, totals)
    run_id = flow.done("airflow", "runs")[0]["run_id"]
    tries = {item["task_id"]: item["try_number"] for item in flow.done("airflow", "tasks", run_id)}
    assert tries["silver"] == 1  # what fails again is not tried again

    test.write_text(query % 900_000)
    assert flow.run("airflow", "clear", run_id).returncode == 0
    watched = flow.done("airflow", "watch", run_id)
    test.unlink()
    assert watched["state"] == "success"
    assert published(flow) != before
    assert flow.sql(TOTALS) == totals
    log = flow.run("airflow", "logs", "publish", run_id).stdout
    assert f"event=pipeline_recovered dag=dataops_pipeline run={run_id}" in log
    processor = flow.run("logs", "airflow-dag-processor", "--tail", "2000").stdout
    assert f"event=pipeline_failed dag=dataops_pipeline run={run_id}" in processor


def test_a_paused_dag_is_refused(flow: Flow) -> None:
    assert flow.run("airflow", "pause", "dataops_pipeline").returncode == 0
    try:
        refused = flow.run("run")
        assert refused.returncode == 5
        assert "--unpause" in refused.stderr
    finally:
        assert flow.run("airflow", "unpause", "dataops_pipeline").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--retry",), "--retry continues a run without Airflow"),
        (("--exclude", "gld_sales_summary"), "The DAG takes no --exclude"),
        (("--vars", "{something: 1}"), "The DAG takes no --vars"),
        (("--direct", "--no-wait"), "are for runs of Airflow"),
    ],
)
def test_options_that_do_not_go_together(flow: Flow, arguments: tuple[str, ...], said: str) -> None:
    refused = flow.run("run", *arguments)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_wrong_parameters_start_nothing(flow: Flow) -> None:
    before = flow.done("airflow", "runs")[0]["run_id"]
    refused = flow.run("airflow", "trigger", "dataops_pipeline", "--conf", 'layer=["platinum"]')
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert flow.done("airflow", "runs")[0]["run_id"] == before


# ---- faults


def test_a_worker_killed_in_mid_task(flow: Flow) -> None:
    before = published(flow)
    run_id = flow.done("run", "--no-wait")["run_id"]
    flow.until(lambda: flow.state(run_id, "silver", "dataops_pipeline") == "running")
    refused = flow.run("run", "--direct")
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "in use by" in refused.stderr
    killed = time.monotonic()
    flow.docker("kill", flow.container("dbt"))
    assert flow.run("start", "dbt").returncode == 0
    flow.until(
        lambda: any(
            item["task_id"] == "silver"
            and item["try_number"] == 2
            and item["state"] in ("running", "success")
            for item in flow.done("airflow", "tasks", run_id)
        )
    )
    assert time.monotonic() - killed < 90
    assert published(flow) == before
    assert flow.done("airflow", "watch", run_id)["state"] == "success"
    assert published(flow) != before


def test_a_scheduler_killed(flow: Flow) -> None:
    run_id = flow.done("airflow", "trigger", "slow", "--conf", "seconds=5")["run_id"]
    flow.until(lambda: flow.state(run_id, "on_dbt") == "running")
    flow.docker("kill", flow.container("airflow-scheduler"))
    assert flow.run("start", "airflow-scheduler").returncode == 0
    assert flow.done("airflow", "watch", run_id, "--dag", "slow")["state"] == "success"


def test_a_scheduler_that_hangs_is_started_again(flow: Flow) -> None:
    """Stopped, it answers nothing and ends by itself no more than one that waits for ever for a process of its own."""
    scheduler = flow.container("airflow-scheduler")

    def state(field: str) -> str:
        shown = subprocess.run(
            ["docker", "inspect", "--format", f"{{{{.State.{field}}}}}", scheduler],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return shown.stdout.strip()

    flow.until(lambda: state("Health.Status") == "healthy")
    since = state("StartedAt")
    flow.inside("sh", "-c", "kill -STOP $(cat /proc/1/task/1/children)", service="airflow-scheduler")
    flow.until(lambda: state("StartedAt") != since, seconds=180)
    assert flow.done("airflow", "trigger", "slow", "--watch")["state"] == "success"
    assert state("Health.Status") == "healthy"


@pytest.mark.parametrize("answered", ["never", "an hour ago", "now"])
def test_a_scheduler_that_begins_or_pauses_is_left_alone(flow: Flow, answered: str) -> None:
    """One that never answered, one that answered before it was started again, and one that did a moment ago."""
    seen = {
        "never": "true",
        "an hour ago": "echo $(($(date +%s) - 3600)) >/tmp/scheduler-answered",
        "now": "sleep 2; date +%s >/tmp/scheduler-answered",
    }
    check = f"""\
printf '#!/bin/sh\\nexit 1\\n' >/tmp/answers && chmod +x /tmp/answers && PATH=/tmp:$PATH
sleep 300 &
{seen[answered]}
scheduler-answers || kill -0 $! && echo "left alone"
"""
    image = ["--entrypoint", "sh", "dataops-airflow:flow"]
    ran = subprocess.run(
        ["docker", "run", "--rm", *image, "-c", check], capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "left alone", ran.stderr


def test_a_webserver_killed_and_back(flow: Flow) -> None:
    run_id = flow.done("airflow", "trigger", "slow", "--conf", "seconds=5")["run_id"]
    flow.until(lambda: flow.state(run_id, "on_dbt") == "running")
    watching = flow.begin("airflow", "watch", run_id, "--dag", "slow")
    time.sleep(3)
    flow.docker("kill", flow.container("airflow-webserver"))
    time.sleep(3)
    assert flow.run("start", "airflow-webserver").returncode == 0
    output, _ = watching.communicate(timeout=180)
    assert watching.returncode == 0, output
    assert "Airflow answers again" in output


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_database_restarted(flow: Flow, service: str) -> None:
    run_id = flow.done("airflow", "trigger", "slow", "--conf", "seconds=5")["run_id"]
    flow.until(lambda: flow.state(run_id, "on_dbt") == "running")
    flow.docker("restart", "--time", "0", flow.container(service))
    assert flow.done("airflow", "watch", run_id, "--dag", "slow")["state"] == "success"


def test_a_watcher_killed_and_another(flow: Flow) -> None:
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=5", "--watch")
    flow.until(lambda: flow.done("airflow", "runs", "slow")[0]["state"] == "running")
    watching.kill()
    watching.communicate()
    again = flow.done("airflow", "watch", "--dag", "slow")
    assert again["state"] == "success"


def test_ctrl_c_detaches(flow: Flow) -> None:
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=5", "--watch")
    flow.until(lambda: flow.done("airflow", "runs", "slow")[0]["state"] == "running")
    time.sleep(2)
    output = interrupt(watching)
    assert watching.returncode == 130
    assert "goes on" in output
    assert flow.done("airflow", "watch", "--dag", "slow")["state"] == "success"


def test_the_network_cut_and_back(flow: Flow) -> None:
    with Forwarder(41080) as way:
        watching = flow.begin(
            "airflow", "trigger", "slow", "--conf", "seconds=8", "--watch",
            DATAOPS_AIRFLOW__URL=f"http://127.0.0.1:{way.port}",
        )  # fmt: skip
        flow.until(lambda: flow.done("airflow", "runs", "slow")[0]["state"] == "running")
        time.sleep(2)
        way.cut()
        time.sleep(6)
        way.mend()
        output, _ = watching.communicate(timeout=180)
    assert watching.returncode == 0, output
    assert "Airflow answers again" in output


class Forwarder:
    """A way to a port of this machine, which can be cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: list[socket.socket] = []
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        self._open = False
        for end in self._pairs:
            end.close()
        self._pairs.clear()

    def mend(self) -> None:
        self._open = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.close()
    except OSError:
        return


# ---- cleaning up


def test_the_cleanup(flow: Flow) -> None:
    old = "/opt/airflow/logs/dag_id=gone/run_id=x/attempt=1.log"
    flow.inside("sh", "-c", f"mkdir -p $(dirname {old}); echo x > {old}; touch -d '40 days ago' {old}")
    ran = flow.done("airflow", "trigger", "dataops_cleanup", "--watch")
    assert ran["state"] == "success", ran
    gone = subprocess.run(
        ["docker", "exec", flow.container("dbt"), "test", "-e", old], capture_output=True, check=False
    )
    assert gone.returncode == 1
    assert flow.sql(TOTALS)


def test_the_dag_in_one_process(flow: Flow) -> None:
    """`airflow dags test` is `dag.test()`: a machine of its own, with the worker's image and nothing else."""
    commands = [
        "dataops source generate --scale 0.02 --quiet",
        "airflow db migrate",
        'airflow pools set warehouse 1 "one at a time"',
        "airflow dags test dataops_pipeline",
        "dataops generations list --json",
    ]
    variables = {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor,CeleryExecutor",
        "DATAOPS_ENV": "alone",
        "DATAOPS_SETTINGS_FROM": "variables",
        "DATAOPS_FRESHNESS__WARN_AFTER_DAYS": "36500",
        "DATAOPS_FRESHNESS__ERROR_AFTER_DAYS": "36500",
    }
    given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    ran = subprocess.run(
        ["docker", "run", "--rm", *given, "dataops-dbt:flow", "sh", "-ec", "\n".join(commands)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (generation,) = json.loads(ran.stdout[ran.stdout.rindex("\n[") :])
    assert generation["published"]
