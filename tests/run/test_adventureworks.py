"""The main job on real data: load AdventureWorks, run, and read what the contract promises, to the cent."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support import Dataops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, dataops_here: Dataops, new_platform: Any, adventureworks: Path
) -> Path:
    """The platform as it is scaffolded, in a folder with an awkward name, with the real data published."""
    folder = new_platform(tmp_path_factory.mktemp("real") / 'it\'s a "platform" {x}')
    loaded = dataops_here("source", "load", "--from", adventureworks, "--json", cwd=folder)
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout)["totals"] == {
        "orders": 31465,
        "lines": 121317,
        "units": 274914,
        "line_total": "109846381.399888",
        "subtotal": "109846381.4039",
        "total_due": "123216786.1159",
        "online_orders": 27659,
        "reseller_orders": 3806,
    }
    done = dataops_here("run", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {row["model"]: row["rows"] for row in document["models"]} == {
        "brnz_customers": 19820,
        "brnz_products": 504,
        "brnz_sales_orders": 121317,
        "slvr_customers": 19820,
        "slvr_products": 504,
        "slvr_sales_orders": 121317,
        "gld_customer_metrics": 19820,
        "gld_product_performance": 504,
        "gld_sales_summary": 1124,
    }
    assert document["tests"]["run"] == document["tests"]["passed"] > 120
    assert document["as_of_date"] == "2014-06-30"
    return folder


def one(dataops_here: Dataops, platform: Path, query: str) -> dict[str, Any]:
    done = dataops_here("sql", query, "--json", cwd=platform)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    return dict(row)


def test_bronze_reads_the_live_source(dataops_here: Dataops, platform: Path) -> None:
    query = "select count(*) as lines, sum(line_total) as total from bronze.brnz_sales_orders"
    assert one(dataops_here, platform, query) == {"lines": 121317, "total": "109846381.399888"}


def test_gold_has_the_totals_of_the_source(dataops_here: Dataops, platform: Path) -> None:
    days = one(
        dataops_here,
        platform,
        "select sum(total_orders) as orders, sum(total_line_items) as lines, sum(total_quantity) as units,"
        " sum(online_orders) as online, sum(reseller_orders) as reseller, sum(net_revenue) as revenue"
        " from gold.gld_sales_summary",
    )
    assert {**days, "revenue": None} == {
        "orders": 31465,
        "lines": 121317,
        "units": 274914,
        "online": 27659,
        "reseller": 3806,
        "revenue": None,
    }
    # Each day is rounded to four places once, so 1,124 days may differ by half of the last place each.
    assert abs(Decimal(days["revenue"]) - Decimal("109846381.399888")) <= 1124 * Decimal("0.00005")


def test_the_year_to_date_of_each_last_day_is_the_years_revenue(
    dataops_here: Dataops, platform: Path
) -> None:
    shown = dataops_here(
        "sql",
        "with years as (select order_year, sum(line_total) as revenue from silver.slvr_sales_orders group by 1),"
        " last as (select order_year, max(order_date) as day from gold.gld_sales_summary group by 1)"
        " select round(years.revenue, 4) - gold.revenue_ytd as difference from years join last using (order_year)"
        " join gold.gld_sales_summary as gold on gold.order_date = last.day",
        "--json",
        cwd=platform,
    )
    assert [Decimal(row["difference"]) for row in json.loads(shown.stdout)] == [0, 0, 0, 0]


def test_sql_prints_a_table_csv_and_json(dataops_here: Dataops, platform: Path) -> None:
    query = "select product_id, product_name, 'a \"b\", c' as text, null as nothing from gold.gld_product_performance"
    query += " order by revenue_rank limit 1"
    table = dataops_here("sql", query, cwd=platform).stdout
    assert table.splitlines()[0].split() == ["product_id", "product_name", "text", "nothing"]
    assert "NULL" in table
    rows = list(csv.DictReader(io.StringIO(dataops_here("sql", query, "--csv", cwd=platform).stdout)))
    (document,) = json.loads(dataops_here("sql", query, "--json", cwd=platform).stdout)
    assert rows[0]["text"] == document["text"] == 'a "b", c'
    assert document["nothing"] is None


def test_sql_says_that_there_is_more(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("sql", "select * from range(5) as t(n)", "--limit", 2, "--csv", cwd=platform)
    assert done.stdout == "n\n0\n1\n"
    assert "the first 2 are shown" in done.stderr
    everything = dataops_here("sql", "select * from range(500) as t(n)", "--limit", 0, "--csv", cwd=platform)
    assert len(everything.stdout.splitlines()) == 501


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [
        ("select nonsense", 1, 'Binder Error: Referenced column "nonsense" was not found'),
        ("selec 1", 1, "Parser Error"),
        ("delete from gold.gld_sales_summary", 1, "Cannot execute statement of type"),
        ("drop table gold.gld_sales_summary", 1, "Cannot execute statement of type"),
        ("copy (select 1) to 'copied.csv'", 1, "file system operations are disabled"),
        ("  ", 2, "There is no statement to run"),
    ],
)
def test_sql_errors(dataops_here: Dataops, platform: Path, query: str, code: int, reason: str) -> None:
    done = dataops_here("sql", query, cwd=platform)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_sql_as_json_is_strict(dataops_here: Dataops, platform: Path) -> None:
    query = "select 'nan'::double as f, 'ab'::blob as b, '8ba7b810-9dad-41d1-80b4-00c04fd430c8'::uuid as u"
    assert one(dataops_here, platform, query) == {
        "f": None,
        "b": "0x6162",
        "u": "8ba7b810-9dad-41d1-80b4-00c04fd430c8",
    }
    twice = dataops_here("sql", "select 1 as a, 2 as a", "--json", cwd=platform)
    assert json.loads(twice.stdout)["error"]["reason"] == "Two columns are named a"
    several = dataops_here("sql", "select 1; select 2", "--json", cwd=platform)
    assert several.returncode == 2
    assert dataops_here("sql", "select 1 as a; select 2 as b", "--csv", cwd=platform).stdout == "a\n1\nb\n2\n"


def test_all_rows_are_for_files_not_for_tables(dataops_here: Dataops, platform: Path) -> None:
    refused = dataops_here("sql", "select 1", "--limit", 0, cwd=platform)
    assert refused.returncode == 2
    assert "A table has at most 10,000 rows" in refused.stderr
    query = "select sales_order_detail_id from silver.slvr_sales_orders"
    everything = dataops_here("sql", query, "--limit", 0, "--csv", cwd=platform)
    assert len(everything.stdout.splitlines()) == 121_317 + 1
    assert everything.stderr == ""


def test_sql_reads_a_pipe(platform: Path) -> None:
    import subprocess
    import sys

    from support import clean_environment

    done = subprocess.run(
        [sys.executable, "-m", "dataops_cli", "sql", "--csv"],
        input="select 6 * 7 as answer;\n",
        cwd=platform,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "answer\n42\n"


def test_dbt_works_on_a_copy(dataops: Dataops, platform: Path) -> None:
    link = platform / ".dataops/local/warehouse.duckdb"
    before = link.readlink(), link.stat().st_mtime_ns
    listed = dataops("dbt", "ls", "--resource-type", "model", "--quiet", cwd=platform)
    assert listed.returncode == 0
    assert "dataops.gold.gld_sales_summary" in listed.stdout
    built = dataops("dbt", "run", "--select", "gld_sales_summary", cwd=platform)
    assert built.returncode == 0, built.stdout
    assert (link.readlink(), link.stat().st_mtime_ns) == before
    wrong = dataops("dbt", "run", "--nonsense", cwd=platform)
    assert wrong.returncode == 2
    assert "error: dbt: No such option '--nonsense'." in wrong.stderr


def test_dbt_gets_the_environments_variables_under_those_given(dataops_here: Dataops, platform: Path) -> None:
    assert dataops_here("dbt", "source", "freshness", cwd=platform).returncode == 0
    stale = "{freshness_warn_after_days: 1, freshness_error_after_days: 2}"
    done = dataops_here("dbt", "source", "freshness", "--vars", stale, cwd=platform)
    assert done.returncode == 1
    assert "ERROR STALE" in done.stdout


def test_an_as_of_date_in_the_past(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("run", "--vars", "{as_of_date: 2013-06-30}", "--json", cwd=platform)
    assert done.returncode == 0
    assert one(dataops_here, platform, "select max(order_date) as last from gold.gld_sales_summary") == {
        "last": "2013-06-30"
    }
