"""The DAG on a real Airflow, its tasks in the real worker, what becomes of them when parts of the stack fail, and what
is made known of runs: from the DAG processor that one failed, from the worker that it works again, or is late.

One module: another worker would do a second one at the same time, with a stack on the same ports.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest

from flow.conftest import DbtTest, Flow, interrupt
from notifications.receiver import HUSH, Receiver, receiving

pytestmark = pytest.mark.engine

PYTHON = "/opt/airflow/venv/bin/python"
# A task of `slow` at work, or just done, as it is shown to whoever watches.
BEGUN = r"(running|success) +on_dbt"
STEPS = ["freshness", "bronze", "silver", "gold", "publish", "documentation"]
# What the real rows of AdventureWorks 2014 add up to.
ORDERS, REVENUE = 31465, "109846381.3998"
TOTALS = "select sum(total_orders) as orders, sum(net_revenue) as revenue from gold.gld_sales_summary"


def published(flow: Flow) -> str:
    generations = json.loads(flow.inside("dataops", "generations", "list", "--json"))
    return next((str(item["run_id"]) for item in generations if item["published"]), "")


# ---- the DAGs


def the_dags(flow: Flow, **variables: str) -> dict[str, dict[str, Any]]:
    """Every file of DAGs, imported in the worker's image: the seconds that each takes, and what its DAG is."""
    script = (Path(__file__).parent / "inside_dags.py").read_text(encoding="utf-8")
    given = [f"{name}={value}" for name, value in variables.items()]
    return dict(json.loads(flow.inside("env", *given, PYTHON, "-", stdin=script).splitlines()[-1]))


def test_what_the_dags_are(flow: Flow) -> None:
    found = the_dags(flow)
    assert {*found["seconds"]} == {"beside.py", "dataops_cleanup.py", "dataops_pipeline.py"}
    assert max(found["seconds"].values()) < 1
    dags = found["dags"]
    assert {*dags} == {"dataops_cleanup", "dataops_pipeline"}
    assert all((dag["catchup"], dag["max_active_runs"]) == (False, 1) for dag in dags.values())
    assert all(dag["tells_failure"] for dag in dags.values())
    pipeline = dags["dataops_pipeline"]
    assert pipeline["schedule"] is None
    assert pipeline["params"] == ["as_of_date", "layer", "select"]
    assert list(pipeline["tasks"]) == STEPS
    for number, (name, task) in enumerate(pipeline["tasks"].items()):
        assert task["after"] == STEPS[number - 1 : number] if number else task["after"] == []
        assert (task["queue"], task["executor"], task["pool"]) == ("dbt", "CeleryExecutor", "warehouse")
        assert (task["retries"], task["backoff"], task["has_timeout"]) == (4, True, True)
        assert (task["first_pause"], task["late_after"]) == (5, 3600)
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
    # It waits for a run of the pipeline to end, longer than what may pass soon.
    pruning = cleanup["runs_and_generations"]
    assert (pruning["retries"], pruning["first_pause"], pruning["backoff"]) == (12, 300, False)
    assert flow.done("airflow", "import-errors") == []
    assert flow.metadata("select slots from slot_pool where pool = 'warehouse'") == "1"


def test_the_dags_are_as_the_settings_say(flow: Flow) -> None:
    dags = the_dags(
        flow,
        DATAOPS_AIRFLOW__SCHEDULE="0 1 * * *",
        DATAOPS_AIRFLOW__LATE_AFTER_MINUTES="90",
        DATAOPS_AIRFLOW__KEEP_LOGS_DAYS="7",
    )["dags"]
    pipeline, cleanup = dags["dataops_pipeline"], dags["dataops_cleanup"]
    assert (pipeline["schedule"], pipeline["catchup"]) == ("0 1 * * *", False)
    assert {task["late_after"] for task in pipeline["tasks"].values()} == {5400}
    assert {name: task["given"] for name, task in cleanup["tasks"].items()} == {
        "task_logs": [7],
        "airflow_history": [7],
        "runs_and_generations": [],
    }


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
    # Another DAG has followed.
    flow.until(lambda: [run["state"] for run in flow.done("airflow", "runs", "follower")] == ["success"])


def test_a_failed_test_shows_its_rows_and_is_mended(flow: Flow, dbt_test: DbtTest) -> None:
    before, totals = published(flow), flow.sql(TOTALS)
    query = "select customer_id, lifetime_value from {{ ref('slvr_customers') }} where lifetime_value > %d"
    dbt_test("silver/nobody_spends_much", query % 800_000)
    failed = flow.run("run")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "failed nobody_spends_much: 4 rows break it" in failed.stdout
    assert "customer_id=29818, lifetime_value=877107.1922" in failed.stdout
    assert "AirflowFailException" in failed.stdout
    (compiled,) = set(re.findall(r"compiled SQL: (\S+nobody_spends_much\.sql)", failed.stdout))
    assert "> 800000" in (flow.folder / compiled).read_text()
    assert (published(flow), flow.sql(TOTALS)) == (before, totals)
    run_id = flow.done("airflow", "runs")[0]["run_id"]
    tries = {item["task_id"]: item["try_number"] for item in flow.done("airflow", "tasks", run_id)}
    assert tries["silver"] == 1  # what fails again is not tried again

    dbt_test("silver/nobody_spends_much", query % 900_000)
    assert flow.run("airflow", "clear", run_id).returncode == 0
    watched = flow.done("airflow", "watch", run_id)
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
        (("--plan", "--exclude", "gld_sales_summary"), "The DAG takes no --exclude"),
        (("--plan", "--no-wait", "--timeout", "5m"), "--timeout and --follow-logs are for watching a run"),
        (("--vars", "{as_of_date: someday}"), "as_of_date"),
    ],
)
def test_options_that_do_not_go_together(flow: Flow, arguments: tuple[str, ...], said: str) -> None:
    refused = flow.run("run", *arguments)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_a_plan_takes_the_options_of_the_run(flow: Flow) -> None:
    words = ("run", "--plan", "--layer", "gold")
    planned = flow.run(*words, "--unpause", "--timeout", "5m", "--follow-logs")
    assert (planned.returncode, planned.stdout) == (0, flow.run(*words).stdout), planned.stderr
    assert "gld_sales_summary" in planned.stdout


def test_wrong_parameters_start_nothing(flow: Flow) -> None:
    before = flow.done("airflow", "runs")[0]["run_id"]
    refused = flow.run("airflow", "trigger", "dataops_pipeline", "--conf", 'layer=["platinum"]')
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert flow.done("airflow", "runs")[0]["run_id"] == before


# ---- faults


def test_a_worker_killed_in_mid_task(flow: Flow) -> None:
    before = published(flow)
    run_id = flow.done("run", "--no-wait")["run_id"]
    flow.until(lambda: flow.state(run_id, "bronze", "dataops_pipeline") == "running")
    begun = "start_date = start_date - interval '60 minutes'"
    flow.metadata(f"update dag_run set {begun} where run_id = '{run_id}' returning run_id")
    flow.until(lambda: flow.state(run_id, "silver", "dataops_pipeline") == "running")
    refused = flow.run("run", "--direct")
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "in use by" in refused.stderr
    flow.docker("kill", flow.container("dbt"))
    killed = time.time()
    assert flow.run("start", "dbt").returncode == 0

    def second_try() -> float | None:
        """When it began, once it has."""
        tries = {
            item["try_number"]: item
            for item in flow.done("airflow", "tasks", run_id)
            if item["task_id"] == "silver"
        }
        begun = tries[2]["started_at"] if 2 in tries and tries[2]["state"] in ("running", "success") else None
        return datetime.fromisoformat(begun).timestamp() if begun else None

    flow.until(lambda: second_try() is not None)
    # Noticed within 33 s, then a pause of 10 s at most; by Airflow's own settings it is noticed after 300 s.
    assert (second_try() or inf) - killed < 60
    assert published(flow) == before
    assert flow.done("airflow", "watch", run_id)["state"] == "success"
    assert published(flow) != before
    # That it was late was told by the first try, and by nothing after it.
    tries = [("silver", 1), ("silver", 2), ("gold", 1), ("publish", 1)]
    logs = {
        (task, number): flow.run("airflow", "logs", task, run_id, "--try", str(number)).stdout
        for task, number in tries
    }
    assert [each for each, log in logs.items() if "event=pipeline_late" in log] == [("silver", 1)]


def test_a_task_that_takes_too_long_is_ended_and_not_tried_again(flow: Flow, dbt_test: DbtTest) -> None:
    customers = ", ".join(f"{{{{ ref('brnz_customers') }}}} as {name}" for name in "abc")
    condition = "hash(a.customer_id, b.customer_id, c.customer_id) % 7 = 3"
    query = f"select count(*) as n from {customers} where {condition} having count(*) = 0"
    dbt_test("bronze/never_ends", query)
    failed = flow.run("airflow", "trigger", "too_long", "--watch")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "dataops was ended: it took longer than 0:00:30, the task's limit." in failed.stdout
    (only,) = flow.done("airflow", "tasks", "--dag", "too_long")
    assert (only["try_number"], only["state"]) == (1, "failed")
    # The CLI, whose process dbt works in, has ended, written that down, and left the lock to whoever comes.
    look = "for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline 2>/dev/null && echo; done; true"
    assert "dataops run" not in flow.inside("sh", "-c", look)
    assert json.loads(flow.inside("dataops", "runs", "show", "--json"))["status"] == "interrupted"
    flow.inside("dataops", "prune")


def test_a_task_whose_place_in_the_queue_was_lost_is_queued_anew(flow: Flow) -> None:
    """As when a worker is killed that has just taken it. The ten minutes until that is seen are put back."""

    def redis(command: str) -> str:
        cli = f'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli {command}'
        return flow.inside("sh", "-c", cli, service="redis").strip()

    flow.docker("pause", flow.container("dbt"))
    try:
        run_id = flow.done("airflow", "trigger", "slow")["run_id"]
        flow.until(lambda: redis("llen dbt") == "1")
        redis("del dbt")
    finally:
        flow.docker("unpause", flow.container("dbt"))
    mine = f"task_id = 'on_dbt' and run_id = '{run_id}'"
    assert flow.metadata(f"select state from task_instance where {mine}") == "queued"
    ago = "queued_dttm = queued_dttm - interval '10 minutes'"
    flow.metadata(f"update task_instance set {ago} where {mine}")
    watched = flow.done("airflow", "watch", run_id, "--dag", "slow", "--timeout", "4m")
    assert watched["state"] == "success"
    assert {task["try_number"] for task in flow.done("airflow", "tasks", run_id, "--dag", "slow")} == {1}


def test_a_scheduler_killed(flow: Flow) -> None:
    run_id = flow.done("airflow", "trigger", "slow", "--conf", "seconds=5")["run_id"]
    flow.until(lambda: flow.begun(run_id, "on_dbt"))
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
    flow.until(lambda: state("StartedAt") != since, seconds=400)
    assert flow.done("airflow", "trigger", "slow", "--watch")["state"] == "success"
    flow.until(lambda: state("Health.Status") == "healthy")


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
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=10", "--watch")
    flow.watched(watching, BEGUN)
    flow.docker("kill", flow.container("airflow-webserver"))
    flow.watched(watching, "this goes on asking")
    assert flow.run("start", "airflow-webserver").returncode == 0
    output, _ = watching.communicate(timeout=300)
    assert watching.returncode == 0, output
    assert "Airflow answers again" in output


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_database_restarted(flow: Flow, service: str) -> None:
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=10", "--watch")
    flow.watched(watching, BEGUN)
    flow.docker("restart", "--time", "0", flow.container(service))
    output, _ = watching.communicate(timeout=600)
    assert watching.returncode == 0, output


def test_a_watcher_killed_and_another(flow: Flow) -> None:
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=5", "--watch")
    flow.watched(watching, BEGUN)
    watching.kill()
    watching.communicate()
    again = flow.done("airflow", "watch", "--dag", "slow")
    assert again["state"] == "success"


def test_ctrl_c_detaches(flow: Flow) -> None:
    watching = flow.begin("airflow", "trigger", "slow", "--conf", "seconds=5", "--watch")
    flow.watched(watching, BEGUN)
    output = interrupt(watching)
    assert watching.returncode == 130
    assert "goes on" in output
    assert flow.done("airflow", "watch", "--dag", "slow")["state"] == "success"


def test_the_network_cut_and_back(flow: Flow) -> None:
    with Forwarder(23080) as way:
        watching = flow.begin(
            "airflow", "trigger", "slow", "--conf", "seconds=8", "--watch",
            DATAOPS_AIRFLOW__URL=f"http://127.0.0.1:{way.port}",
        )  # fmt: skip
        flow.watched(watching, BEGUN)
        way.cut()
        flow.watched(watching, "this goes on asking")
        way.mend()
        output, _ = watching.communicate(timeout=300)
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
            with suppress(OSError):  # it has ended
                end.shutdown(socket.SHUT_RDWR)
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
            if not self._open:  # meanwhile
                self.cut()
                continue
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


# Copies of what is published, as of runs long ago: more than are kept.
OLD_GENERATIONS = """
import json, shutil
from pathlib import Path
folder = Path("/opt/dataops/.dataops/flow/generations")
(newest, *_) = folder.iterdir()
for number in range(1, 7):
    old = folder / f"20200101T000000-{number:04}"
    shutil.copytree(newest, old)
    facts = json.loads((old / "generation.json").read_text()) | {"run_id": old.name, "number": -number}
    (old / "generation.json").write_text(json.dumps(facts))
"""


REFUSE = """
create function refuse() returns trigger language plpgsql as
$$ begin raise exception 'not allowed' using errcode = 'insufficient_privilege'; end $$;
create trigger refuse before delete on log for each statement execute function refuse()
"""


def test_a_table_that_cannot_be_cleaned_fails_the_cleanup(flow: Flow) -> None:
    flow.metadata("update log set dttm = now() - interval '40 days' where id = (select min(id) from log)")
    flow.metadata(REFUSE)
    try:
        run_id = flow.done("airflow", "trigger", "dataops_cleanup")["run_id"]
        flow.until(lambda: flow.state(run_id, "airflow_history", "dataops_cleanup") == "up_for_retry")
    finally:
        flow.metadata("drop function refuse() cascade")
        flow.done("airflow", "stop", "last", "--dag", "dataops_cleanup")


def test_the_cleanup(flow: Flow) -> None:
    log = "/opt/airflow/logs/dag_id=gone/run_id=x/attempt=1.log"
    flow.inside("sh", "-c", f"mkdir -p $(dirname {log}); echo x > {log}; touch -d '40 days ago' {log}")
    old, young = (flow.done("airflow", "trigger", "slow", "--watch")["run_id"] for _ in range(2))
    flow.metadata(f"update dag_run set start_date = now() - interval '40 days' where run_id = '{old}'")
    flow.inside("python", "-", stdin=OLD_GENERATIONS)

    def generations() -> list[str]:
        kept = json.loads(flow.inside("dataops", "generations", "list", "--json"))
        return [str(item["run_id"]) for item in kept]

    before = generations()
    ran = flow.done("airflow", "trigger", "dataops_cleanup", "--watch")
    assert ran["state"] == "success", ran
    gone = subprocess.run(
        ["docker", "exec", flow.container("dbt"), "test", "-e", log], capture_output=True, check=False
    )
    assert gone.returncode == 1
    left = f"select run_id from dag_run where run_id in ('{old}', '{young}')"
    assert flow.metadata(left) == young
    assert flow.metadata(f"select count(*) from task_instance where run_id = '{old}'") == "0"
    assert generations() == before[:5]
    assert len(before) > 5
    assert flow.sql(TOTALS)


def test_the_dag_in_one_process(flow: Flow) -> None:
    """`airflow dags test` is `dag.test()`: a machine of its own, with the worker's image and nothing else."""
    commands = [
        "dataops source generate --scale 0.02 --quiet",
        "airflow db migrate",
        'airflow pools set warehouse 1 "one at a time"',
        "airflow dags test dataops_pipeline",
        "airflow dags test dataops_cleanup",
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
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (generation,) = json.loads(ran.stdout[ran.stdout.rindex("\n[") :])
    assert generation["published"]


# ---- what is made known of runs


@pytest.fixture(scope="module")
def receiver(flow: Flow) -> Iterator[Receiver]:
    """A server that the stack's containers reach, and are told of; afterwards they know of none."""
    gateway = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    asked = ["docker", "inspect", "--format", gateway, flow.container("dbt")]
    host = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    secrets = flow.folder / "environments" / "flow.secrets.env"
    before = secrets.read_text()
    with receiving(host) as found:
        url = found.url(host=host)
        secrets.write_text(f"{before}DATAOPS_SECRETS__NOTIFICATION_URLS='ops={url}'\n")
        up(flow)
        yield found
    secrets.write_text(before)
    up(flow)


def up(flow: Flow) -> None:
    ended = flow.run("up")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert HUSH not in ended.stdout + ended.stderr


def test_a_failed_run_its_recovery_and_a_late_one_are_told_once_each(
    flow: Flow, receiver: Receiver, dbt_test: DbtTest
) -> None:
    failing_test = dbt_test(
        "silver/nobody_is_a_customer", "select customer_id from {{ ref('slvr_customers') }}"
    )
    assert flow.run("run").returncode == 1
    flow.until(lambda: len(receiver.received) > 0)
    run_id = flow.done("airflow", "runs")[0]["run_id"]
    assert receiver.titles() == ["flow: the pipeline failed"]
    text = receiver.received[0]["message"]
    assert f"\nRun: {run_id}\n" in text
    assert f"\nAirflow: http://127.0.0.1:23080/dags/dataops_pipeline/runs/{run_id}\n" in text
    named = f"{run_id} --dag dataops_pipeline"
    assert f"What to do: See which task failed: dataops airflow show --env flow {named} · " in text
    assert f"dataops airflow clear --env flow {named}" in text
    processor = flow.run("logs", "airflow-dag-processor", "--tail", "2000").stdout
    assert f"event=pipeline_failed dag=dataops_pipeline run={run_id}" in processor
    assert "was not sent" not in processor

    failing_test.unlink()
    assert flow.run("airflow", "clear", run_id).returncode == 0
    assert flow.done("airflow", "watch", run_id)["state"] == "success"
    flow.until(lambda: len(receiver.received) > 1)

    # That people stopped one is no news, and so it is none that the next one publishes.
    stopped = flow.done("run", "--no-wait")["run_id"]
    flow.until(lambda: flow.begun(stopped, "freshness", "dataops_pipeline"))
    assert flow.run("airflow", "stop", stopped).returncode == 0

    # A run that goes well is no news, but one that takes an hour is: once, while it goes on.
    slow = flow.done("run", "--no-wait")["run_id"]
    flow.until(lambda: flow.begun(slow, "freshness", "dataops_pipeline"))
    begun = "start_date = now() - interval '60 minutes' + interval '10 seconds'"
    flow.metadata(f"update dag_run set {begun} where run_id = '{slow}' returning run_id")
    assert flow.done("airflow", "watch", slow)["state"] == "success"
    told = ["flow: the pipeline failed", "flow: the pipeline works again", "flow: the pipeline is late"]
    flow.until(lambda: len(receiver.received) > 2)
    assert receiver.titles() == told
    text = receiver.received[2]["message"]
    assert f"\nRun: {slow}\n" in text
    assert "it takes longer than airflow.late_after_minutes" in text

    # Cleared, it begins anew and may be late again; and as it had not failed, it does not work again. All of it: one of
    # its tasks begins when it is seen to be late.
    again = flow.run("airflow", "clear", slow, "--task", "freshness", "--downstream")
    assert again.returncode == 0, again.stderr
    # Its start is new once it is running again.
    begun = "start_date = start_date - interval '60 minutes'"
    cleared = f"run_id = '{slow}' and state = 'running' and clear_number = 1"
    flow.until(lambda: bool(flow.metadata(f"update dag_run set {begun} where {cleared} returning run_id")))
    assert flow.done("airflow", "watch", slow)["state"] == "success"
    flow.until(lambda: len(receiver.received) > 3)
    assert receiver.titles() == [*told, told[-1]]
    logs = flow.run("logs", "--tail", "5000").stdout + flow.run("airflow", "logs", "publish", run_id).stdout
    assert "event=pipeline_recovered" in logs
    assert HUSH not in logs


def test_the_urls_are_where_they_are_needed_and_nowhere_else(flow: Flow, receiver: Receiver) -> None:
    holding = {
        service
        for service in ("dbt", "airflow-dag-processor", "airflow-scheduler", "airflow-webserver", "redis")
        if "notification_urls" in flow.inside("ls", "/run/secrets", service=service)
    }
    assert holding == {"dbt", "airflow-dag-processor"}
    names = subprocess.run(["docker", "ps", "--all", "--quiet"], check=True, capture_output=True, text=True)
    inspected = subprocess.run(
        ["docker", "inspect", *names.stdout.split()], check=False, capture_output=True, text=True
    )
    assert HUSH not in inspected.stdout
