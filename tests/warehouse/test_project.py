"""The dbt project as it is written: what every model declares, what it reads, and that it needs nothing from outside."""

from __future__ import annotations

import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from warehouse import oracle
from warehouse.builds import DBT, ENVIRONMENTS, clean_copy, install_packages

pytestmark = pytest.mark.slow

MAY_READ = {"bronze": {"source"}, "silver": {"bronze", "silver"}, "gold": {"silver"}}

PERSONAL = {
    "brnz_customers": {
        "person_id",
        "title",
        "first_name",
        "middle_name",
        "last_name",
        "suffix",
        "full_name",
    },
    "slvr_customers": {"full_name"},
    "gld_customer_metrics": {"full_name"},
}
PERSONAL_IN_SOURCES = {"Title", "FirstName", "MiddleName", "LastName", "Suffix"}

# How the contract's types are written in the models' YAML.
YAML_TYPES = {
    "INTEGER": "int",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "DECIMAL(19,4)": "decimal(19,4)",
    "DECIMAL(29,4)": "decimal(29,4)",
    "DECIMAL(29,8)": "decimal(29,8)",
    "DECIMAL(38,6)": "decimal(38,6)",
}

Node = dict[str, Any]

CONTRACT = {
    "brnz_sales_orders": oracle.BRNZ_SALES_ORDERS,
    "brnz_customers": oracle.BRNZ_CUSTOMERS,
    "brnz_products": oracle.BRNZ_PRODUCTS,
    "slvr_sales_orders": oracle.SLVR_SALES_ORDERS,
    "slvr_customers": oracle.SLVR_CUSTOMERS,
    "slvr_products": oracle.SLVR_PRODUCTS,
    "gld_sales_summary": oracle.GLD_SALES_SUMMARY,
    "gld_customer_metrics": oracle.GLD_CUSTOMER_METRICS,
    "gld_product_performance": oracle.GLD_PRODUCT_PERFORMANCE,
}


@pytest.fixture(scope="module")
def models(duckdb_manifest: dict[str, Any]) -> dict[str, Node]:
    nodes = duckdb_manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def sources(duckdb_manifest: dict[str, Any]) -> dict[str, Node]:
    return {node["name"]: node for node in duckdb_manifest["sources"].values()}


@pytest.fixture(scope="module")
def data_tests(duckdb_manifest: dict[str, Any]) -> list[Node]:
    return [node for node in duckdb_manifest["nodes"].values() if node["resource_type"] == "test"]


def is_personal(column: Node) -> bool:
    return "pii" in column["config"]["tags"]


# --- what is declared --------------------------------------------------------------------------------------------------


def test_the_nine_models_are_the_contracts(models: dict[str, Node]) -> None:
    assert set(models) == set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_model_declares_the_contracts_columns_and_types(name: str, models: dict[str, Node]) -> None:
    declared = {column["name"]: column["data_type"] for column in models[name]["columns"].values()}
    assert list(declared) == list(CONTRACT[name])
    for column, kind in CONTRACT[name].items():
        if kind is oracle.TEXT:
            assert re.fullmatch(r"nvarchar\(\d+\)", declared[column]), column
        else:
            assert declared[column] == YAML_TYPES[kind.duckdb_type], column


@pytest.mark.parametrize("name", CONTRACT)
def test_a_model_and_its_columns_are_described(name: str, models: dict[str, Node]) -> None:
    model = models[name]
    assert model["description"]
    assert [column["name"] for column in model["columns"].values() if not column["description"]] == []


@pytest.mark.parametrize("name", CONTRACT)
def test_a_models_contract_is_enforced(name: str, models: dict[str, Node]) -> None:
    assert models[name]["config"]["contract"]["enforced"] is True


def test_flags_and_only_flags_are_named_is_or_has(models: dict[str, Node]) -> None:
    for model in models.values():
        for column in model["columns"].values():
            named = column["name"].startswith(("is_", "has_"))
            assert named == (column["data_type"] == "boolean"), f"{model['name']}.{column['name']}"


def test_columns_that_name_a_person_are_tagged(models: dict[str, Node]) -> None:
    tagged = {
        name: {column["name"] for column in model["columns"].values() if is_personal(column)}
        for name, model in models.items()
    }
    assert {name: columns for name, columns in tagged.items() if columns} == PERSONAL


def test_so_are_those_of_the_sources(sources: dict[str, Node]) -> None:
    tagged = {column["name"] for column in sources["Person"]["columns"].values() if is_personal(column)}
    assert tagged >= PERSONAL_IN_SOURCES


def test_sources_are_described(sources: dict[str, Node]) -> None:
    assert set(sources) == {table.partition(".")[2] for table in oracle.SOURCES}
    for source in sources.values():
        assert source["description"]
        assert source["source_description"]
        assert [column["name"] for column in source["columns"].values() if not column["description"]] == []


def test_the_sources_that_grow_have_a_freshness_rule(sources: dict[str, Node]) -> None:
    fresh = {
        name
        for name, source in sources.items()
        if source["loaded_at_field"] and source["freshness"]["warn_after"]["count"]
    }
    assert fresh == {"SalesOrderHeader", "SalesOrderDetail"}
    for name in fresh:
        rule = sources[name]["freshness"]
        assert rule["warn_after"]["count"] < rule["error_after"]["count"]


# --- layers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifest", ["duckdb_manifest", "tsql_manifest"])
def test_layers_are_schemas_of_exactly_these_names(manifest: str, request: pytest.FixtureRequest) -> None:
    nodes = request.getfixturevalue(manifest)["nodes"].values()
    schemas = {node["name"]: node["schema"] for node in nodes if node["resource_type"] == "model"}
    prefixes = {"brnz": "bronze", "slvr": "silver", "gld": "gold"}
    assert schemas == {name: prefixes[name.partition("_")[0]] for name in CONTRACT}


def test_bronze_are_views_and_the_others_tables(models: dict[str, Node]) -> None:
    for model in models.values():
        wanted = "view" if model["schema"] == "bronze" else "table"
        assert model["config"]["materialized"] == wanted, model["name"]


@pytest.mark.parametrize("name", CONTRACT)
def test_a_layer_reads_only_what_it_may(
    name: str, models: dict[str, Node], duckdb_manifest: dict[str, Any]
) -> None:
    read = {
        "source" if parent in duckdb_manifest["sources"] else duckdb_manifest["nodes"][parent]["schema"]
        for parent in models[name]["depends_on"]["nodes"]
    }
    assert read
    assert read <= MAY_READ[models[name]["schema"]]


@pytest.mark.parametrize("name", CONTRACT)
def test_a_model_names_no_relation_but_by_ref_and_source(name: str, models: dict[str, Node]) -> None:
    """A relation that is written out is not in dbt's graph: no rule about layers sees it."""
    text = models[name]["raw_code"]
    common_tables = set(re.findall(r"(\w+) as \(\n", text))
    read = re.findall(r"\b(?:from|join)\s+(\S+)", re.sub(r"--.*", "", text))
    assert [relation for relation in read if relation != "{{" and relation not in common_tables] == []


@pytest.mark.parametrize("name", CONTRACT)
def test_a_model_does_not_ask_for_its_engine_or_the_clock(name: str, models: dict[str, Node]) -> None:
    text = models[name]["raw_code"].lower()
    forbidden = ("target.", "adapter.", "current_", "getdate", "sysdatetime", "now(", "run_started_at")
    assert [word for word in forbidden if word in text] == []


def test_no_macro_asks_for_the_target_type() -> None:
    """Differences between the engines are dispatched, so that a third one only adds macros."""
    macros = [
        *DBT.glob("macros/**/*.sql"),
        *DBT.glob("packages/*/macros/**/*.sql"),
        *DBT.glob("tests/**/*.sql"),
    ]
    assert macros
    assert [path.name for path in macros if "target.type" in path.read_text()] == []


# --- data tests --------------------------------------------------------------------------------------------------------


def test_there_are_enough_data_tests_in_each_layer(data_tests: list[Node]) -> None:
    counts = Counter(tag for test in data_tests for tag in test["tags"])
    assert len(data_tests) > 120
    assert counts["bronze"] >= 21
    assert counts["silver"] >= 46
    assert counts["gold"] >= 28


def test_every_data_test_runs_in_exactly_one_layer(data_tests: list[Node]) -> None:
    layers = {"sources", "bronze", "silver", "gold"}
    assert [test["name"] for test in data_tests if len(layers & set(test["tags"])) != 1] == []


def test_a_layers_tests_read_no_later_layer(data_tests: list[Node], duckdb_manifest: dict[str, Any]) -> None:
    """They run right after their layer is built, when the next one is still the one of the run before."""
    order = ["sources", "bronze", "silver", "gold"]
    for test in data_tests:
        (layer,) = set(order) & set(test["tags"])
        for parent in test["depends_on"]["nodes"]:
            read = (
                "sources"
                if parent in duckdb_manifest["sources"]
                else duckdb_manifest["nodes"][parent]["schema"]
            )
            assert order.index(read) <= order.index(layer), test["name"]


def test_every_key_is_tested(models: dict[str, Node], data_tests: list[Node]) -> None:
    for name, model in models.items():
        (key,) = model["config"]["meta"]["key"]
        kinds = {
            test["test_metadata"]["name"]
            for test in data_tests
            if test.get("attached_node") == model["unique_id"] and test["column_name"] == key
        }
        assert "unique" in kinds, name
        assert "not_null" in kinds or model["schema"] == "bronze", name


def test_only_what_bronze_leaves_out_is_a_warning(data_tests: list[Node]) -> None:
    warnings = {test["name"] for test in data_tests if test["config"]["severity"].lower() == "warn"}
    assert warnings == {
        "source_orders_have_a_date",
        "source_order_lines_have_a_quantity",
        "source_order_lines_have_no_negative_price",
    }


# --- nothing from outside ----------------------------------------------------------------------------------------------


def test_packages_are_installed_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("there is no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    project = clean_copy(tmp_path / "dbt")
    folder = project / yaml.safe_load((project / "dbt_project.yml").read_text())["packages-install-path"]
    assert not folder.exists()
    install_packages(project, tmp_path)
    assert (folder / "dataops_tests" / "dbt_project.yml").exists()


def test_packages_are_local() -> None:
    packages = yaml.safe_load((DBT / "packages.yml").read_text())["packages"]
    assert [package for package in packages if set(package) != {"local"}] == []


@pytest.mark.parametrize(
    ("target", "manifest"), [("duckdb", "duckdb_manifest"), ("sqlserver", "tsql_manifest")]
)
def test_an_engine_needs_no_variables_of_the_other(
    target: str, manifest: str, request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(manifest)["metadata"]["adapter_type"] == target
    others = {"duckdb": "_SQLSERVER_", "sqlserver": "_DUCKDB_"}
    assert [name for name in ENVIRONMENTS[target] if others[target] in name] == []


def test_the_profile_holds_no_secret() -> None:
    profile = yaml.safe_load((DBT / "profiles.yml").read_text())
    for output in profile["dataops"]["outputs"].values():
        for name in ("user", "password"):
            assert name not in output or "env_var(" in output[name]
