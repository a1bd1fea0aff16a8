"""What the plan of a deploy and of a rollback says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import converge, plan
from dataops_cli.deploy.changes import AirflowChange
from dataops_cli.deploy.deployment import Request
from dataops_cli.deploy.journal import Journal, Kind, Outcome
from dataops_cli.deploy.model_changes import ChangedModel, ModelChanges
from dataops_cli.deploy.plan import Difference, Plan, require_compatible
from dataops_cli.deploy.release import Release
from dataops_cli.errors import DataopsError
from dataops_cli.settings.model import Settings
from dataops_cli.stack import labels
from dataops_cli.stack.config_hash import config_hash
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.observe import Container, Observation
from dataops_cli.stack.reconcile import Action, Operation
from deploy.test_journal import Memory, deployed

NOTHING = ModelChanges(
    first=False,
    added=(),
    removed=(),
    changed=(),
    downstream=(),
    every_model=(),
    tests_added=(),
    tests_removed=(),
    tests_changed=(),
    columns_added=(),
    breaking=(),
)
CHANGES = replace(
    NOTHING,
    changed=(ChangedModel("silver.slvr_products", ("its SQL",)),),
    downstream=(ChangedModel("gold.gld_product_performance", ("silver.slvr_products",)),),
)
PLAN = Plan(
    Kind.DEPLOY,
    "prod",
    "bbbbbbbbbbbb",
    "Better products",
    "aaaaaaaaaaaa",
    Difference(
        ["commit bbbbbbbbbbbb Better products (Ada)"],
        CHANGES,
        [("dbt.threads", "4", "8")],
        AirflowChange("3.3.1", "3.3.2"),
    ),
    [Operation(Action.BUILD, "dataops-dbt:bbbbbbbbbbbb", "the image is missing")],
    [Operation(Action.RECREATE, "prod-dataops-dbt", "its image is new")],
    ("build all models aside with the new code, and test them there", "publish them at once"),
)


def test_a_deploy() -> None:
    assert PLAN.lines() == [
        "deploy bbbbbbbbbbbb (Better products) on prod, from aaaaaaaaaaaa",
        "commit bbbbbbbbbbbb Better products (Ada)",
        "model silver.slvr_products changes  [its SQL]",
        "model gold.gld_product_performance may get other rows  [silver.slvr_products]",
        "setting dbt.threads is 8, was 4",
        "Airflow goes from 3.3.1 to 3.3.2  [its metadata database is backed up before its schema is migrated, and put "
        "back where the deployment fails]",
        "build dataops-dbt:bbbbbbbbbbbb: the image is missing",
        "wait for the pipeline's run, and pause the pipeline",
        "recreate prod-dataops-dbt: its image is new",
        "build all models aside with the new code, and test them there",
        "publish them at once",
        "check the health; whatever fails is put back",
    ]


def test_what_comes_before_the_change() -> None:
    more = replace(
        PLAN, first=["put right first: deploy 3"], hooks=["run the hook pre-deploy"], backup=["back up"]
    )
    lines = more.lines()
    assert lines[1] == "put right first: deploy 3"
    pause = lines.index("wait for the pipeline's run, and pause the pipeline")
    assert (lines[pause - 1], lines[pause + 1]) == ("run the hook pre-deploy", "back up")


def test_what_is_the_same_is_no_change() -> None:
    same = replace(
        PLAN, previous=PLAN.release, difference=Difference([], NOTHING, [], None), images=(), containers=()
    )
    assert same.lines()[1:4] == [
        "No model changed.",
        "wait for the pipeline's run, and pause the pipeline",
        "No container changes.",
    ]


def test_what_is_not_known_is_said() -> None:
    lines = Difference([], None, [("dbt.threads", None, "8")], None).lines()
    assert lines == [
        "Which models changed is not known: a manifest is not kept.",
        "setting dbt.threads is 8, was not set",
    ]


def test_what_breaks_readers_is_refused() -> None:
    line = "gold.gld_sales_summary: column net_revenue is removed"
    breaking = replace(PLAN, difference=Difference([], replace(CHANGES, breaking=(line,)), [], None))
    with pytest.raises(DataopsError, match="net_revenue is removed") as caught:
        require_compatible(breaking)
    assert caught.value.exit_code == 5
    assert breaking.lines()[1] == f"breaks readers: {line}"
    require_compatible(PLAN)


@pytest.mark.parametrize(
    ("running", "before", "said"),
    [
        ("3.3.1", None, ["Airflow goes from 3.3.1 to 3.3.2"]),  # the first deploy over what `up` has made
        ("3.3.1", "3.3.2", ["Airflow goes from 3.3.1 to 3.3.2"]),  # the database has the schema of what runs
        (None, "3.3.1", ["Airflow goes from 3.3.1 to 3.3.2"]),
        ("3.3.2", "3.3.1", []),
        (None, None, []),
    ],
)
def test_the_plan_goes_by_the_airflow_that_runs(
    monkeypatch: pytest.MonkeyPatch, running: str | None, before: str | None, said: list[str]
) -> None:
    monkeypatch.setattr(plan, "airflow_version", lambda _engine, _project: running)
    monkeypatch.setattr(plan, "_parsed", lambda _workspace: {})
    for name in ("planned_images", "planned_containers", "_first", "_hooks"):
        monkeypatch.setattr(plan, name, lambda *_, **__: [])
    journal = Journal(Memory())  # type: ignore[arg-type]
    releases = {}
    if before:
        deployed(journal, "a", Outcome.SUCCEEDED)
        releases["a"] = Release("a", "same", "", "", "", airflow=before)
    site: Any = SimpleNamespace(
        name="prod",
        engine=None,
        project="p",
        journal=journal,
        releases=SimpleNamespace(all=lambda: releases, manifest=lambda _name: None),
        environment=SimpleNamespace(settings=Settings()),
    )
    checkout: Any = SimpleNamespace(
        workspace=None, release=lambda _images: Release("b", "same", "", "", "", airflow="3.3.2")
    )
    lines = plan.plan_deploy(site, checkout, Request()).lines()
    assert [line.partition("  [")[0] for line in lines if line.startswith("Airflow")] == said


SERVICE: Service = {"image": "dbt:1", "restart": "no"}


def made(service: str, secrets: str) -> Container:
    its_labels = {labels.CONFIG_HASH: config_hash(SERVICE), labels.SECRETS: secrets}
    state: Any = ("running", "", None, "dbt:1", "id")
    nowhere = frozenset[str]()
    return Container("c", f"p-{service}-1", service, 1, *state, its_labels, nowhere, nowhere, (), "Up")


@pytest.mark.parametrize(("missing", "lines"), [(["a"], []), ([], ["recreate p-dbt-1: a secret changed"])])
def test_a_secret_without_a_value_makes_no_container_anew(
    monkeypatch: pytest.MonkeyPatch, missing: list[str], lines: list[str]
) -> None:
    stack = Stack("p", Path(), (), {"dbt": SERVICE, "plain": SERVICE})
    there = Observation((made("dbt", "fingerprint"), made("plain", "")), {}, {}, {"dbt:1": "id"})
    monkeypatch.setattr(converge, "observe", lambda _engine, _stack: there)
    monkeypatch.setattr(converge, "missing_secrets", lambda _environment, _stack: missing)
    monkeypatch.setattr(
        converge,
        "with_secrets",
        lambda _stack, _environment: SimpleNamespace(fingerprints=lambda: {"dbt": "another"}),
    )
    workspace: Any = SimpleNamespace(stack=stack, environment=None, inputs={})
    nothing: Any = None
    assert [str(item) for item in converge.planned_containers(nothing, workspace)] == lines
