"""What a real Airflow makes known of runs: from its DAG processor that one failed, from its worker that it works
again, or is late."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flow.conftest import Flow
from notifications.receiver import HUSH, Receiver, receiving

pytestmark = pytest.mark.engine


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


@pytest.fixture
def failing_test(flow: Flow) -> Iterator[Path]:
    path = flow.folder / "dbt" / "tests" / "silver" / "nobody_is_a_customer.sql"
    path.write_text("select customer_id from {{ ref('slvr_customers') }}")
    yield path
    path.unlink(missing_ok=True)


def test_a_failed_run_its_recovery_and_a_late_one_are_told_once_each(
    flow: Flow, receiver: Receiver, failing_test: Path
) -> None:
    assert flow.run("run").returncode == 1
    flow.until(lambda: len(receiver.received) > 0, 120)
    run_id = flow.done("airflow", "runs")[0]["run_id"]
    assert receiver.titles() == ["flow: the pipeline failed"]
    text = receiver.received[0]["message"]
    assert f"\nRun: {run_id}\n" in text
    assert f"\nAirflow: http://127.0.0.1:41080/dags/dataops_pipeline/runs/{run_id}\n" in text
    assert "What to do: See which task failed: dataops airflow show --env flow." in text
    processor = flow.run("logs", "airflow-dag-processor", "--tail", "2000").stdout
    assert f"event=pipeline_failed dag=dataops_pipeline run={run_id}" in processor
    assert "was not sent" not in processor

    failing_test.unlink()
    assert flow.run("airflow", "clear", run_id).returncode == 0
    assert flow.done("airflow", "watch", run_id)["state"] == "success"
    flow.until(lambda: len(receiver.received) > 1)

    # A run that goes well is no news, but one that takes an hour is: once, while it goes on.
    slow = flow.done("run", "--no-wait")["run_id"]
    flow.until(lambda: flow.state(slow, "freshness", "dataops_pipeline") == "running")
    begun = "start_date = now() - interval '60 minutes' + interval '10 seconds'"
    flow.metadata(f"update dag_run set {begun} where run_id = '{slow}' returning run_id")
    assert flow.done("airflow", "watch", slow)["state"] == "success"
    told = ["flow: the pipeline failed", "flow: the pipeline works again", "flow: the pipeline is late"]
    flow.until(lambda: len(receiver.received) > 2)
    assert receiver.titles() == told
    text = receiver.received[2]["message"]
    assert f"\nRun: {slow}\n" in text
    assert "it takes longer than airflow.late_after_minutes" in text
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
