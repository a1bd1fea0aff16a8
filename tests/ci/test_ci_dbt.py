"""`dataops ci dbt` on a small platform in a git repository: what passes, what fails and at which line, what is built."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataops_cli.ci import dbt_check
from support import ROOT, Dataops

pytestmark = pytest.mark.slow

MODELS = {
    "bronze/orders.sql": """
select SalesOrderID as order_id, CustomerID as customer_id, cast(OrderDate as date) as order_date,
    TotalDue as total_due
from {{ source('sales', 'SalesOrderHeader') }}
""",
    "silver/customers.sql": """
select customer_id, count(*) as total_orders, sum(total_due) as total_due
from {{ ref('orders') }} group by customer_id
""",
    "gold/days.sql": """
select
    order_date,
    count(*) as total_orders,
    sum(total_due) as total_due
from {{ ref('orders') }} group by order_date
""",
    "gold/best_customers.sql": "select customer_id, total_orders from {{ ref('customers') }}",
    "schema.yml": """
sources:
  - name: sales
    database: AdventureWorks2014
    schema: Sales
    tables: [{name: SalesOrderHeader}]
models:
  - name: orders
    columns:
      - name: order_id
        data_tests: [unique]
  - name: customers
    columns:
      - name: customer_id
        data_tests:
          - unique
          - not_null
  - name: days
    columns:
      - name: order_date
        data_tests: [unique]
      - name: total_orders
        data_type: bigint
      - name: total_due
  - name: best_customers
    columns:
      - name: customer_id
        data_tests:
          - unique:
              name: best_customers_are_unique
unit_tests:
  - name: customers_are_counted
    model: customers
    given:
      - input: ref('orders')
        rows: [{customer_id: 1, total_due: 2}, {customer_id: 1, total_due: 3}]
    expect:
      rows: [{customer_id: 1, total_orders: 2, total_due: 5}]
""",
}
PROJECT = """
name: small
version: "1.0.0"
profile: dataops
flags: {send_anonymous_usage_stats: false}
vars: {freshness_warn_after_days: 1, freshness_error_after_days: 1}
models:
  small:
    bronze: {+tags: [bronze], +schema: bronze, +materialized: view}
    silver: {+tags: [silver], +schema: silver, +materialized: table}
    gold: {+tags: [gold], +schema: gold, +materialized: table}
"""

Change = Callable[..., Path]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    """A repository whose branch main has the small models."""
    folder = new_platform(tmp_path_factory.mktemp("main") / "platform")
    for part in ("dbt", "airflow", ".github"):
        shutil.rmtree(folder / part)
    for name, text in MODELS.items():
        path = folder / "dbt" / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "dbt" / "dbt_project.yml").write_text(PROJECT)
    (folder / "dbt" / "macros").mkdir()
    shutil.copy(ROOT / "dbt" / "profiles.yml", folder / "dbt")
    shutil.copy(ROOT / "dbt" / "macros" / "generate_schema_name.sql", folder / "dbt" / "macros")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "feat: small models")
    return folder


@pytest.fixture
def change(main: Path, tmp_path: Path) -> Change:
    """A clone of it, on a branch whose commit has texts replaced: file in dbt/models → (old, new)."""

    def made(edits: dict[str, tuple[str, str]]) -> Path:
        folder = tmp_path / "platform"
        git(tmp_path, "clone", "--quiet", str(main), str(folder))
        git(folder, "checkout", "--quiet", "-b", "change")
        for name, (old, new) in edits.items():
            path = folder / "dbt" / "models" / name
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        git(folder, "commit", "--quiet", "--all", "--allow-empty", "-m", "feat: change")
        return folder

    return made


@pytest.fixture(autouse=True)
def small_source(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(dbt_check, "SCALE", 0.01)
    return


def checked(
    dataops: Dataops, folder: Path, *options: object, code: int, **variables: str
) -> tuple[dict[str, Any], str]:
    """The document of a check that ends with `code`, and what it wrote besides."""
    done = dataops("ci", "dbt", "--json", *options, cwd=folder, **variables)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout), done.stderr


def places(found: dict[str, Any]) -> list[str]:
    return [f"{fault['file']}:{fault['line']} {fault['what']}" for fault in found["faults"]]


def test_a_good_change_builds_what_it_touches(change: Change, dataops_here: Dataops, tmp_path: Path) -> None:
    folder = change(
        {"gold/days.sql": ("sum(total_due) as total_due", "2 * sum(total_due) as total_due, 1 as one")}
    )
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    found, stderr = checked(dataops_here, folder, "--comment", tmp_path / "comment.md", code=0, **actions)

    assert found["base"]["is"].endswith("of origin/main: feat: small models")
    assert found["changes"]["changed"] == [{"model": "gold.days", "causes": ["its SQL"]}]
    assert found["selection"] == {
        "everything": False, "cause": "state:modified+", "models": ["gold.days"],
    }  # fmt: skip
    assert [row["model"] for row in found["models"]] == ["days"]
    assert [(item["engine"], item["statements"]) for item in found["compiled"]] == [
        ("duckdb", 9),
        ("sqlserver", 9),
    ]
    customers, days = found["data_diff"]
    assert (customers["totals"], customers["columns"]) == ({}, [])
    assert customers["rows"]["before"] == customers["rows"]["after"] > 0
    assert days["columns"] == ["column one is added"]
    assert list(days["totals"]) == ["total_due"]
    assert float(days["totals"]["total_due"]["after"]) == 2 * float(days["totals"]["total_due"]["before"])

    assert "::error" not in stderr
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    artifacts = folder / ".dataops" / "ci" / "checks" / "dbt"
    assert outputs == {
        "comment": str(tmp_path / "comment.md"), "passed": "true", "models": "1", "breaking": "false",
        "artifacts": str(artifacts),
    }  # fmt: skip
    comment = (tmp_path / "comment.md").read_text()
    head = git(folder, "rev-parse", "HEAD")
    assert (found["head"], comment.partition("\n")[0]) == (head, f"### ✅ dbt: all is well at {head[:12]}")
    assert (tmp_path / "summary.md").read_text().strip() == comment.strip()

    assert json.loads((artifacts / "check.json").read_text()) == found
    for name in ("manifest.json", "base/manifest.json", "run/run_results-gold.json", "run/dbt.log",
                 "compiled/duckdb/small/models/gold/days.sql", "compiled/sqlserver/small/models/gold/days.sql"):  # fmt: skip
        assert (artifacts / name).is_file(), name
    assert [path.name for path in (folder / ".dataops" / "ci").iterdir()] == ["checks"]
    assert git(folder, "status", "--porcelain") == ""


def test_a_changed_model_takes_what_reads_it_along_and_a_changed_test_its_model(
    change: Change, dataops_here: Dataops
) -> None:
    folder = change(
        {
            "silver/customers.sql": ("count(*) as", "count(order_id) as"),
            "schema.yml": ("name: order_date\n        data_tests: [unique]", "name: order_date\n        data_tests: [unique, not_null]"),
        }
    )  # fmt: skip
    done = dataops_here("ci", "dbt", "--plan", cwd=folder)
    assert done.returncode == 0, done.stderr
    sha = git(folder, "rev-parse", "--short=12", "HEAD~1")
    assert done.stdout == (
        f"compare with {sha} of origin/main: feat: small models\n"
        "compile every model and test for duckdb and sqlserver\n"
        "build the base on generated data, without its tests\n"
        "build and test silver.customers, gold.best_customers, gold.days  [state:modified+]\n"
        "run the tests of the code that differ\n"
        "compare rows, totals and columns of the gold tables\n"
        "not run on SQL Server: no server is named (DATAOPS_TEST_SQLSERVER)\n"
    )
    assert not (folder / ".dataops").exists()


def test_faults_are_found_at_their_lines(change: Change, dataops_here: Dataops) -> None:
    """A data test, a unit test, a gold column that goes. A model that asks the database is no fault."""
    folder = change(
        {
            "gold/days.sql": ("    count(*) as total_orders,\n", ""),
            "gold/best_customers.sql": ("select customer_id,", "select 1 as customer_id,"),
            "silver/customers.sql": ("by customer_id", "by customer_id {% if execute %}{% do run_query('select 1 as a') %}{% endif %}"),
        }
    )  # fmt: skip
    schema = folder / "dbt/models/schema.yml"
    text = schema.read_text().replace("      - name: total_orders\n        data_type: bigint\n", "")
    schema.write_text(text.replace("total_due: 5", "total_due: 6"))  # not committed yet
    found, stderr = checked(dataops_here, folder, code=1, GITHUB_ACTIONS="true")
    lines = schema.read_text().splitlines()
    test = lines.index("          - unique:") + 2
    unit = lines.index("  - name: customers_are_counted") + 1
    days = lines.index("  - name: days") + 1
    assert places(found) == [
        f"dbt/models/schema.yml:{test} test best_customers_are_unique",
        f"dbt/models/schema.yml:{unit} unit test customers_are_counted",
        f"dbt/models/schema.yml:{days} breaks who reads gold",
    ]
    assert found["breaking"] == ["gold.days: column total_orders is removed"]
    assert found["faults"][0]["rows"][0]["unique_field"] == 1
    annotations = [line.rpartition(",line=")[0] for line in stderr.splitlines() if "::error" in line]
    assert annotations == [f"::error title={name},file=dbt/models/schema.yml" for name in (
        "test best_customers_are_unique", "unit test customers_are_counted", "breaks who reads gold",
    )]  # fmt: skip
    assert [(item["engine"], item["statements"], item["asking"]) for item in found["compiled"]] == [
        ("duckdb", 8, ["customers"]),
        ("sqlserver", 8, ["customers"]),
    ]


def test_a_removed_gold_column_is_allowed_where_the_pull_request_says_so(
    change: Change, dataops_here: Dataops, tmp_path: Path
) -> None:
    # Declared nowhere, so that only the tables that were built show it.
    folder = change({"gold/best_customers.sql": (", total_orders", "")})
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {
        "number": 7, "title": "feat!: fewer columns", "body": None, "labels": [],
        "base": {"ref": "main", "sha": git(folder, "rev-parse", "HEAD~1"), "repo": {"full_name": "a/b"}},
        "head": {"sha": git(folder, "rev-parse", "HEAD"), "repo": {"full_name": "a/b"}},
    }}))  # fmt: skip
    found, _ = checked(dataops_here, folder, code=0, GITHUB_EVENT_PATH=str(event))
    assert found["base"]["is"].endswith("of origin/main: feat: small models")
    assert found["breaking"] == ["gold.best_customers: column total_orders is removed"]
    assert found["allowed_by"] == "its title has a !"


def test_wrong_sql_is_found_at_its_line_and_the_rest_is_built_without_a_base(
    change: Change, dataops_here: Dataops
) -> None:
    folder = change({"gold/days.sql": ("    count(*) as", "    count(* as")})
    git(folder, "checkout", "--quiet", "--orphan", "first")
    git(folder, "commit", "--quiet", "-m", "feat: all of it")
    for name in ("change", "main"):
        git(folder, "branch", "--quiet", "-D", name)
    git(folder, "remote", "remove", "origin")
    found, _ = checked(dataops_here, folder, code=1)
    assert places(found) == ["dbt/models/gold/days.sql:4 model days"]
    assert "syntax error" in found["faults"][0]["message"]
    assert found["notes"] == [
        {
            "text": "Everything is built: there is no branch main or master",
            "remedy": "Fetch it, or name what to compare with: --base REF",
        },
        {"text": "Not made, since not every model was built: tests of the code", "remedy": ""},
    ]
    assert found["data_diff"] is None
    assert len(found["models"]) == 4


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        ({"silver/customers.sql": ("{{ ref('orders') }}", "{{ ref('order') }}")}, "silver/customers.sql:3"),
        ({"silver/customers.sql": ("count(*)", "{% if %}")}, "silver/customers.sql:2"),
        ({"schema.yml": ("  - name: customers\n    columns:", "  - name: customers\n   columns:")}, "schema.yml:12"),
    ],
    ids=["a reference to nothing", "Jinja", "YAML"],
)  # fmt: skip
def test_what_dbt_cannot_read_is_found_at_its_line(
    edits: dict[str, tuple[str, str]], line: str, change: Change, dataops_here: Dataops
) -> None:
    found, _ = checked(dataops_here, change(edits), code=1)
    assert places(found) == [f"dbt/models/{line} parse"]
    assert found["models"] == []


def test_without_a_difference_nothing_is_built(change: Change, dataops_here: Dataops) -> None:
    done = dataops_here("ci", "dbt", "--plan", cwd=change({}))
    assert done.returncode == 0, done.stderr
    assert "build nothing: no model and no test differs\n" in done.stdout


def test_what_adds_to_its_rows_is_not_built_on_those_of_the_base(
    change: Change, dataops_here: Dataops
) -> None:
    folder = change(
        {"gold/best_customers.sql": ("select", "{{ config(materialized='incremental') }}\nselect")}
    )
    done = dataops_here("ci", "dbt", "--plan", cwd=folder)
    assert (
        "build and test bronze.orders, silver.customers, gold.best_customers, gold.days"
        "  [gold.best_customers would go on from the base's rows]\n"
    ) in done.stdout


def test_until_it_has_ended_its_comment_says_that_it_did_not_finish(
    change: Change, dataops_here: Dataops, tmp_path: Path
) -> None:
    """Of the pull request's own commit, not of what GitHub has merged it into."""
    folder, comment, event = change({}), tmp_path / "comment.md", tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "1" * 40}}}))
    broken = ("--base", "nope", "--comment", comment)
    assert dataops_here("ci", "dbt", "--plan", *broken, cwd=folder).returncode == 2
    (folder / "full").mkdir()
    (folder / "full" / "of.things").write_text("")
    refused = dataops_here("ci", "dbt", *broken, "--artifacts", "full", cwd=folder)
    assert (refused.returncode, "something else" in refused.stderr) == (2, True)
    assert not comment.exists()
    done = dataops_here("ci", "dbt", *broken, cwd=folder, GITHUB_EVENT_PATH=str(event))
    assert done.returncode == 2
    assert comment.read_text() == (
        "### ❌ dbt: did not finish at 111111111111\n\nThe job's log says how far it came.\n"
    )


def test_a_folder_with_something_else_is_not_emptied(change: Change, dataops_here: Dataops) -> None:
    folder = change({})
    done = dataops_here("ci", "dbt", "--artifacts", "dbt", cwd=folder)
    assert done.returncode == 2
    assert "dbt holds something else than an earlier check's artifacts" in done.stderr
    assert (folder / "dbt" / "dbt_project.yml").is_file()
