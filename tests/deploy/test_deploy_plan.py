"""What the plan of a deploy and of a rollback says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_cli.deploy.changes import AirflowChange
from dataops_cli.deploy.journal import Kind
from dataops_cli.deploy.model_changes import ChangedModel, ModelChanges
from dataops_cli.deploy.plan import Difference, Plan, require_compatible
from dataops_cli.errors import DataopsError
from dataops_cli.stack.reconcile import Action, Operation

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
