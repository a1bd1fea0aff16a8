"""Facts that were made up: a production that runs well, one in trouble, and one whose engine is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from dataops_cli.airflow.model import Dag, DagRun
from dataops_cli.deploy.journal import Beginning, Deployment, Kind, Outcome, StepRecord
from dataops_cli.deploy.release import Release
from dataops_cli.docker_api import Engine
from dataops_cli.facts.data import Data, Result, Run
from dataops_cli.facts.model import Deployments, Facts, Lacking, Lock, Pipeline
from dataops_cli.health.installation import Installation, Wanted
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Dbt, Runner, Settings, Warehouse
from dataops_cli.settings.model import Engine as Warehouses
from dataops_cli.settings.services import Airflow, Stack
from dataops_cli.stack.lock_holder import BY_HAND, Holder
from dataops_cli.stack.model import Stack as Project
from dataops_cli.stack.observe import Container
from dataops_cli.warehouse.generation import Generation

NOW = datetime(2026, 11, 29, 7, 30, tzinfo=UTC)
RELEASE = "1a2b3c4d5e6f"
# Of a git that takes anything: quotes, a line break, a terminal's escape.
SUBJECT = 'Add "margins"\nto gold \\ \x1b[31mred'


def production(schedule: str | None = "0 1 * * *") -> Environment:
    settings = Settings(
        description="Production",
        warehouse=Warehouse(engine=Warehouses.SQLSERVER),
        dbt=Dbt(runner=Runner.AIRFLOW),
        airflow=Airflow(schedule=schedule),
        stack=Stack(enabled=True, port_offset=20000),
    )
    return Environment("prod", settings, {})


def local() -> Environment:
    return Environment("local", Settings(description="Embedded: DuckDB, no Docker"), {})


def container(
    service: str, state: str = "running", health: str = "healthy", code: int | None = None
) -> Container:
    name = f"prod-{service}"
    return Container(
        *(name, name, service, 1, state, health, code, f"{service}:{RELEASE}", "sha256:1", {}),
        *(frozenset(), frozenset(), (), ""),
    )


SERVICES = (
    "airflow-dag-processor",
    "airflow-scheduler",
    "airflow-webserver",
    "cloudbeaver",
    "dbt",
    "postgres",
)


def installation(*others: Container) -> Installation:
    """Six services that run, and one that has done its work; `others` are in their services' place."""
    check = {"healthcheck": {"test": ["CMD", "true"]}, "restart": "unless-stopped"}
    services: dict[str, Any] = {name: dict(check, image=f"{name}:{RELEASE}") for name in SERVICES}
    services["cloudbeaver"]["ports"] = [{"host_ip": "127.0.0.1", "published": "28978", "target": 8978}]
    services["airflow-init"] = {"image": f"airflow-init:{RELEASE}"}
    there = {name: container(name) for name in SERVICES}
    there["airflow-init"] = container("airflow-init", "exited", "", 0)
    there |= {item.service: item for item in others}
    stack = Project("dataops-prod", Path("/srv"), (), services)
    # Nothing asks the engine: these are the answers.
    return Installation(cast(Engine, None), Wanted(stack, RELEASE), [there[name] for name in sorted(there)])


def deployment(
    number: int, outcome: Outcome | None, release: str = RELEASE, kind: Kind = Kind.DEPLOY
) -> Deployment:
    beginning = Beginning(
        *(number, kind, release, "0f0f0f0f0f0f", "20261127T010000-0041", False, True),
        who="ada",
        where="laptop:/srv/platform",
        at="2026-11-28T22:08:00+00:00",
    )
    steps = [StepRecord("images", True, 41.5), StepRecord("publish", outcome is Outcome.SUCCEEDED, 52.6)]
    return Deployment(beginning, steps, outcome, "2026-11-28T22:09:34+00:00" if outcome else "")


RELEASED = Release(RELEASE, RELEASE + "0" * 28, SUBJECT, "2026-11-28T22:00:00+00:00", "ada")


def generation(built: datetime) -> Generation:
    rows = {"slvr_customers": 19820, "gld_sales_summary": 1124}
    stamp = built.isoformat(timespec="seconds")
    return Generation("20261129T010004-0042", 42, RELEASE, "2014-06-30", rows, stamp, stamp)


def dag(paused: bool = False) -> Dag:
    next_run = NOW.replace(day=30, hour=1, minute=0)
    return Dag("dataops_pipeline", paused, "0 1 * * *", True, next_run, 1, False, None, (), (), "p.py")


def dag_run(day: int, state: str) -> DagRun:
    begun = NOW.replace(day=day, hour=1, minute=0)
    run_id = f"scheduled__2026-11-{day}T01:00:00+00:00"
    ended = None if state == "running" else begun + timedelta(seconds=94)
    return DagRun(
        *("dataops_pipeline", run_id, state, "scheduled", begun, begun, begun, ended, None, {}, None)
    )


def run(number: int, status: str, **more: Any) -> Run:
    begun = datetime(2026, 11, 29, 1, 0, 4, tzinfo=UTC)
    over = status != "running"
    return Run(
        **{
            "run_id": f"20261129T010004-{number:04d}",
            "status": status,
            "started_at": begun.isoformat(),
            "finished_at": (begun + timedelta(seconds=90)).isoformat() if over else None,
            "seconds": 90.0 if over else None,
            "release": RELEASE,
            "as_of_date": "2014-06-30",
            "failures": 0,
            "reason": "",
            "steps": {"silver": 30.25, "gold": 12.5} if over else {},
            **more,
        }
    )


RESULTS = (
    Result("model", "slvr_customers", "silver", "slvr_customers", "success", True, 1.5, None),
    Result("model", "gld_sales_summary", "gold", "gld_sales_summary", "error", False, 0.5, None),
    Result("test", "keys_are_unique", "silver", "slvr_customers", "pass", True, 0.25, 0),
    Result("test", "names_are_known", "silver", "slvr_customers", "fail", False, 0.5, 3),
    Result("test", "orders_are_there", "source", "sales.SalesOrderHeader", "warn", True, 0.125, 1),
)


def well() -> Facts:
    return Facts(
        production(),
        NOW,
        Data(
            generation(NOW.replace(hour=1, minute=0)), [run(42, "succeeded"), run(41, "failed")], "r", RESULTS
        ),
        engine="the local engine",
        stack=installation(),
        deployments=Deployments([deployment(12, Outcome.SUCCEEDED)], RELEASED),
        lock=Lock(None),
        pipeline=Pipeline(dag(), [dag_run(29, "success"), dag_run(28, "failed")]),
    )


def in_trouble() -> Facts:
    """Its database has stopped, a deploy was cut off, the pipeline is paused, the data are old, somebody locked it."""
    facts = {
        "command": "dataops lock acquire -m audit",
        "user": "bob",
        "host": "desk",
        "pid": "7",
        BY_HAND: "true",
    }
    facts |= {"since": "2026-11-29T07:00:00+00:00", "reason": "audit"}
    return replace(
        well(),
        stack=installation(container("postgres", "exited", "", 0), container("dbt", "running", "unhealthy")),
        deployments=Deployments(
            [deployment(13, None, "abcabcabcabc"), deployment(12, Outcome.SUCCEEDED)], RELEASED
        ),
        lock=Lock(Holder("lock", facts, "created")),
        pipeline=Pipeline(dag(paused=True), [dag_run(28, "failed")]),
        data=Data(generation(NOW.replace(day=25)), [run(42, "failed", failures=2)]),
    )


def away() -> Facts:
    """The engine is away, and Airflow with it."""
    lacking = Lacking("the engine is not reachable")
    return Facts(
        production(),
        NOW,
        lacking,
        engine=Lacking("No Docker engine at tcp://127.0.0.1:1", "Start it: sudo systemctl start docker"),
        stack=lacking,
        deployments=lacking,
        lock=lacking,
        pipeline=Lacking("Airflow at http://127.0.0.1:28080 cannot be reached"),
    )


def embedded(*runs: Run, published: Generation | None = None) -> Facts:
    return Facts(local(), NOW, Data(published, runs), release=RELEASE)
