"""What a release changes, as a plan says it. The manifests are the platform's own, parsed once and mutated."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.dbt.session import DbtSession
from dataops_cli.deploy.changes import (
    AirflowChange,
    describe,
    locked_version,
    settings_changes,
)
from dataops_cli.deploy.model_changes import compare_models
from dataops_cli.errors import UsageError
from dataops_cli.warehouse.embedded import Candidate
from support import ROOT

Manifest = dict[str, Any]
Mutation = Callable[[Manifest], object]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of the platform's models, as dbt writes it."""
    import json
    import shutil

    folder = tmp_path_factory.mktemp("parsed")
    project = folder / "dbt"
    shutil.copytree(ROOT / "dbt", project, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    nowhere = Candidate("none", Path("nowhere")).dbt_environment()
    session = DbtSession(project, folder / "target", folder / "logs", nowhere)
    session.install_packages()
    manifest: Manifest = json.loads(session.parse().read_text(encoding="utf-8"))
    return manifest


@pytest.fixture
def before(parsed: Manifest) -> Manifest:
    return copy.deepcopy(parsed)


@pytest.fixture
def after(parsed: Manifest) -> Manifest:
    return copy.deepcopy(parsed)


def model(manifest: Manifest, name: str) -> Manifest:
    found: Manifest = manifest["nodes"][f"model.dataops.{name}"]
    return found


def edit(node: Manifest) -> None:
    node["checksum"] = {"name": "sha256", "checksum": "edited"}


def plan(before: Manifest | None, after: Manifest) -> list[str]:
    return describe(compare_models(before, after))


# The platform's own models


def test_nothing_changed(before: Manifest, after: Manifest) -> None:
    for node in after["nodes"].values():
        node["created_at"] = 0
        node["description"] = "told better"
    after["metadata"]["invocation_id"] = "another"
    assert plan(before, after) == ["No model changed."]


def test_everything_is_new(after: Manifest) -> None:
    models, tests = (
        sum(node["resource_type"] == kind for node in after["nodes"].values()) for kind in ("model", "test")
    )
    changes = compare_models(None, after)
    assert describe(changes) == [f"everything is new: {models} models, {tests} tests"]
    assert changes.added[0] == "bronze.brnz_customers"
    assert changes.added[-1] == "gold.gld_sales_summary"
    assert changes.breaking == changes.columns_added == ()


def test_a_model_and_what_reads_it(before: Manifest, after: Manifest) -> None:
    edit(model(after, "brnz_customers"))
    assert plan(before, after) == [
        "model bronze.brnz_customers changes  [its SQL]",
        "model silver.slvr_customers may get other rows  [reads brnz_customers]",
        "model gold.gld_customer_metrics may get other rows  [reads slvr_customers]",
    ]


def test_a_macro_changes_what_calls_it_through_others_too(before: Manifest, after: Manifest) -> None:
    after["macros"]["macro.dataops.default__binary_text"]["macro_sql"] += " {# changed #}"
    assert plan(before, after) == [
        "model gold.gld_customer_metrics changes  [the macro default__binary_text]",
        "model gold.gld_product_performance changes  [the macro default__binary_text]",
    ]


def test_columns_of_gold(before: Manifest, after: Manifest) -> None:
    columns = model(after, "gld_sales_summary")["columns"]
    del columns["net_revenue"]
    columns["order_year"]["data_type"] = "BigInt"
    columns["margin"] = {"name": "margin", "data_type": "decimal(19, 4)", "constraints": []}
    edit(model(after, "gld_sales_summary"))
    assert plan(before, after) == [
        "breaks readers: gold.gld_sales_summary: column net_revenue is removed",
        "breaks readers: gold.gld_sales_summary: column order_year is bigint, was int",
        "model gold.gld_sales_summary changes  [its SQL; the columns of its contract]",
        "gold.gld_sales_summary: column margin is added",
    ]


def test_how_a_column_is_written_is_no_change(before: Manifest, after: Manifest) -> None:
    columns = model(after, "gld_sales_summary")["columns"]
    for column in list(columns.values()):
        column["data_type"] = column["data_type"].upper().replace("(", " ( ").replace(",", " ,  ")
    changes = compare_models(before, after)
    assert (changes.breaking, changes.changed) == ((), ())
    columns["NET_REVENUE"] = {**columns.pop("net_revenue"), "name": "NET_REVENUE"}
    assert compare_models(before, after).breaking == ()


def test_a_model_of_gold_that_is_removed_is_said_once(before: Manifest, after: Manifest) -> None:
    del after["nodes"]["model.dataops.gld_sales_summary"]
    assert plan(before, after) == ["breaks readers: gold.gld_sales_summary is removed"]


def test_a_model_that_leaves_gold(before: Manifest, after: Manifest) -> None:
    moved = model(after, "gld_sales_summary")
    moved["tags"], moved["config"]["schema"] = ["silver"], "silver"
    assert plan(before, after) == [
        "breaks readers: gold.gld_sales_summary is removed",
        "model silver.gld_sales_summary changes  [its config schema is silver, was gold]",
    ]


def test_an_alias_is_what_readers_know(before: Manifest, after: Manifest) -> None:
    model(after, "gld_sales_summary")["config"]["alias"] = "sales"
    assert plan(before, after) == [
        "breaks readers: gold.gld_sales_summary is removed",
        "model gold.gld_sales_summary changes  [its config alias is sales, was not set]",
    ]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda config: config.update(materialized="view"), "its config materialized is view, was table"),
        (lambda config: config.update(indexes=[{"columns": ["order_date"]}]), "its config indexes"),
        (lambda config: config.update(full_refresh=True), "its config full_refresh is true, was not set"),
        (lambda config: config["contract"].update(enforced=False), "its contract is enforced no more"),
    ],
    ids=["materialized", "indexes", "full_refresh", "contract"],
)
def test_what_a_model_is_configured_with(
    before: Manifest, after: Manifest, change: Mutation, cause: str
) -> None:
    change(model(after, "gld_sales_summary")["config"])
    assert plan(before, after) == [f"model gold.gld_sales_summary changes  [{cause}]"]


def test_what_says_something_about_a_model_changes_nothing(before: Manifest, after: Manifest) -> None:
    model(after, "gld_sales_summary")["config"].update(
        meta={"owner": "x"}, tags=["gold", "x"], group="g", docs={"show": False}, access="public"
    )
    assert plan(before, after) == ["No model changed."]


def test_a_source_that_lies_elsewhere(before: Manifest, after: Manifest) -> None:
    source = after["sources"]["source.dataops.sales.SalesOrderHeader"]
    source["database"] = "of another environment"
    assert plan(before, after) == ["No model changed."]
    source["schema"] = "Archive"
    (changed,) = compare_models(before, after).changed
    assert changed.name == "bronze.brnz_sales_orders"
    assert changed.causes == ("the source sales.SalesOrderHeader lies elsewhere",)


def test_dbt_itself(before: Manifest, after: Manifest) -> None:
    before["metadata"]["dbt_version"], after["metadata"]["dbt_version"] = "1.11.1", "1.11.2"
    after["macros"]["macro.dbt.type_boolean"]["macro_sql"] = "changed"
    after["macros"]["macro.dbt_duckdb.duckdb__create_table_as"]["macro_sql"] = "changed"
    after["macros"]["macro.dataops.generate_schema_name"]["macro_sql"] = "changed"
    after["macros"]["macro.dataops.default__test_not_null"]["macro_sql"] = "changed"
    assert plan(before, after) == [
        "every model may be built otherwise  [dbt is 1.11.2, was 1.11.1; the macros of dbt_duckdb; "
        "the macro generate_schema_name, which dbt itself calls]"
    ]
    after["metadata"]["adapter_type"] = "sqlserver"
    assert "the adapter is sqlserver, was duckdb" in compare_models(before, after).every_model


def test_tests_by_name(before: Manifest, after: Manifest) -> None:
    tests = {node["name"]: key for key, node in after["nodes"].items() if node["resource_type"] == "test"}
    first, *more = sorted(tests)
    del before["nodes"][tests[first]]
    for name in more[:7]:
        del after["nodes"][tests[name]]
    edit(after["nodes"][tests[more[7]]])
    assert plan(before, after) == [
        "No model changed.",
        f"1 test is new ({first})",
        f"1 test changes ({more[7]})",
        f"7 tests are removed ({', '.join(more[:5])} and 2 more)",
    ]


# Made by hand


def node(name: str, layer: str, *parents: str, kind: str = "model", **more: Any) -> Manifest:
    return {
        "unique_id": f"{kind}.p.{name}",
        "resource_type": kind,
        "name": name,
        "alias": name,
        "schema": layer,
        "tags": [layer],
        "fqn": ["p", name],
        "original_file_path": f"models/{name}.sql",
        "checksum": {"name": "sha256", "checksum": "1"},
        "config": {"materialized": kind if kind != "model" else "table"},
        "columns": {},
        "depends_on": {"nodes": [f"model.p.{parent}" for parent in parents], "macros": []},
        **more,
    }


def manifest(*nodes: Manifest) -> Manifest:
    return {
        "metadata": {"dbt_version": "1.11.0", "adapter_type": "duckdb"},
        "nodes": {item["unique_id"]: item for item in nodes},
        "sources": {},
        "macros": {},
    }


def test_models_come_and_go() -> None:
    old = manifest(node("a", "bronze"), node("gone", "silver", "a"), node("z", "gold", "gone"))
    new = manifest(
        node("a", "bronze"),
        node("made", "silver", "a"),
        node("z", "gold", "made", checksum={}),
        node("y", "gold"),
    )
    assert plan(old, new) == [
        "model silver.made is new",
        "model gold.y is new",
        "model silver.gone is removed",
        "model gold.z changes  [its SQL]",
    ]


def test_what_a_changed_model_reaches_is_said_with_what_it_reads() -> None:
    old = manifest(
        node("a", "bronze"),
        node("b", "bronze"),
        node("e", "silver", "a", config={"materialized": "ephemeral"}),
        node("z", "gold", "e", "b"),
    )
    new = copy.deepcopy(old)
    edit(new["nodes"]["model.p.a"])
    edit(new["nodes"]["model.p.b"])
    assert plan(old, new) == [
        "model bronze.a changes  [its SQL]",
        "model bronze.b changes  [its SQL]",
        "model silver.e may get other rows  [reads a]",
        "model gold.z may get other rows  [reads b, e]",
    ]


def test_seeds_have_rows() -> None:
    old, new = manifest(node("s", "bronze", kind="seed")), manifest(node("s", "bronze", kind="seed"))
    edit(new["nodes"]["seed.p.s"])
    assert plan(old, new) == ["model bronze.s changes  [its rows]"]


def test_columns_that_nobody_declared_before_are_not_added() -> None:
    old = manifest(node("g", "gold"))
    new = manifest(node("g", "gold", columns={"a": {"name": "a", "data_type": None}}))
    assert plan(old, new) == ["No model changed."]
    typed = manifest(node("g", "gold", columns={"a": {"name": "a", "data_type": "int"}}))
    assert plan(new, typed) == plan(typed, new) == ["No model changed."]


def test_another_macro_of_the_same_sql() -> None:
    def calling(*names: str) -> Manifest:
        depends = {"nodes": [], "macros": [f"macro.p.{name}" for name in names]}
        document = manifest(node("a", "bronze", depends_on=depends))
        for name in names:
            document["macros"][f"macro.p.{name}"] = {
                "name": name,
                "package_name": "p",
                "macro_sql": name,
                "depends_on": {"macros": [f"macro.p.{name}"]},  # itself, as a recursive one does
            }
        return document

    assert plan(calling("default__x", "y"), calling("sqlserver__x", "y")) == [
        "model bronze.a changes  [the macros default__x, sqlserver__x]"
    ]
    edited = calling("sqlserver__x")
    edit(edited["nodes"]["model.p.a"])
    assert plan(calling("default__x"), edited) == ["model bronze.a changes  [its SQL]"]


def test_a_model_in_no_layer() -> None:
    with pytest.raises(UsageError, match="the model a is in no layer"):
        compare_models(None, manifest(node("a", "attic")))


# Settings


def test_settings_that_differ() -> None:
    before = {"dbt.threads": "4", "runs.keep": "30", "airflow.url": "x"}
    after = {"dbt.threads": "8", "runs.keep": "30", "airflow.schedule": "@daily"}
    changes = settings_changes(before, after)
    assert changes == [
        ("airflow.schedule", None, "@daily"),
        ("airflow.url", "x", None),
        ("dbt.threads", "4", "8"),
    ]
    same = compare_models(manifest(), manifest())
    assert describe(same, changes, AirflowChange("3.3.1", "3.3.2")) == [
        "No model changed.",
        "setting airflow.schedule is @daily, was not set",
        "setting airflow.url is set no more, was x",
        "setting dbt.threads is 8, was 4",
        "Airflow goes from 3.3.1 to 3.3.2  [its metadata database is backed up before its schema is migrated, and put back where the deployment fails]",
    ]


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_settings_after_their_changes(before: dict[str, str], after: dict[str, str]) -> None:
    became = dict(before)
    for key, was, now in settings_changes(before, after):
        assert was == before.get(key)
        assert was != now
        became.pop(key, None)
        if now is not None:
            became[key] = now
    assert became == after


# Locked versions


def test_the_platforms_own_airflow() -> None:
    text = (ROOT / "airflow" / "requirements.txt").read_text()
    version = locked_version(text, "apache-airflow")
    assert version is not None
    assert f"apache-airflow=={version} " in text
    assert locked_version(text, "airflow") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("apache-airflow==3.3.2", "3.3.2"),
        ("Apache_Airflow==3.3.2 \\\n    --hash=sha256:0", "3.3.2"),
        ("apache.airflow[celery, redis] == 3.3.2 ; python_version >= '3'\r\n", "3.3.2"),
        ("apache-airflow \\\r\n  ==3.3.2 # why", "3.3.2"),
        ("a==1\napache-airflow==3.3.2rc1+local", "3.3.2rc1+local"),
        ("# apache-airflow==1", None),
        ("apache-airflow-core==3.3.2\napache-airflow>=3", None),
        ("apache-airflow==3.3.*", None),
        ("apache-airflow @ https://example.org/a.whl", None),
        ("", None),
    ],
)
def test_a_locked_version(text: str, version: str | None) -> None:
    assert locked_version(text, "apache-airflow") == version


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?", fullmatch=True)


@given(st.dictionaries(NAMES, VERSIONS, max_size=5), NAMES, VERSIONS)
def test_a_locked_version_among_others(others: dict[str, str], name: str, version: str) -> None:
    def normal(text: str) -> str:
        return "-".join(part for part in text.replace("_", "-").replace(".", "-").split("-") if part)

    lines = [
        f"{other}=={pin} \\\n    --hash=sha256:0\n    # via x"
        for other, pin in others.items()
        if normal(other) != normal(name)
    ]
    assert locked_version("\n".join(lines), name) is None
    assert (
        locked_version("\n".join([*lines, f"{name}=={version} \\\n    --hash=sha256:1"]), name.upper())
        == version
    )


@given(st.text(), st.text())
def test_no_text_is_too_odd(requirements: str, package: str) -> None:
    locked_version(requirements, package)


def test_airflow_goes_on_and_back() -> None:
    assert AirflowChange("3.3.9", "3.3.10").describe().startswith("Airflow goes from 3.3.9 to 3.3.10  [")
    assert AirflowChange("3.3.10", "3.3.9").describe() == (
        "Airflow goes back from 3.3.10 to 3.3.9"
        "  [its metadata database is backed up, and 3.3.10 brings it back to the schema of 3.3.9]"
    )
