"""`dataops report` on the real AdventureWorks: its figures are those of queries that are written differently."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support import Dataops

pytestmark = pytest.mark.slow

# On silver, which the report does not read.
INDEPENDENT = """
with lines as (select * from silver.slvr_sales_orders),
    last as (select max(order_date) as day from lines)
select
    (select sum(line_total) from lines where year(order_date) = (select year(day) from last)),
    (select sum(line_total) from lines, last where order_date between date '2013-01-01' and date '2013-06-30'),
    (select sum(line_total) from lines, last where order_date > day - interval 365 day),
    (select count(distinct sales_order_id) from lines, last where order_date > day - interval 365 day),
    (select count(*) from silver.slvr_customers where days_since_last_order <= 90),
    (select count(*) from silver.slvr_customers where total_orders > 0)
"""


def silver(platform: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(
        duckdb.connect(str(platform / ".dataops" / "local" / "warehouse.duckdb"), read_only=True)
    ) as found:
        return found.execute(sql).fetchall()


def written(platform: Path) -> str:
    html = (platform / ".dataops" / "local" / "report.html").read_text(encoding="utf-8")
    return plain(html)


def plain(html: str) -> str:
    text = html.replace("<wbr>", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).replace("\u202f", " ")


@pytest.fixture(scope="module")
def made(published: Path, dataops_here: Dataops) -> dict[str, Any]:
    done = dataops_here("report", "--json", cwd=published)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_key_figures_are_those_of_silver(published: Path, made: dict[str, Any]) -> None:
    ((year, prior, recent, orders, active, buyers),) = silver(published, INDEPENDENT)

    assert made["path"] == str(published / ".dataops" / "local" / "report.html")
    assert made["data_to"] == "2014-06-30"
    # Each day is rounded to four places.
    for name, value in (
        ("revenue_year_to_date", year),
        ("revenue_year_to_date_prior", prior),
        ("revenue_12_months", recent),
    ):
        assert abs(Decimal(made[name]) - value) < Decimal("0.01")
    assert (made["orders_12_months"], made["active_customers"], made["customers"]) == (orders, active, buyers)
    assert (orders, active, buyers) == (23202, 5111, 19119)


def test_the_page_says_the_same(published: Path, made: dict[str, Any]) -> None:
    text = written(published)

    assert "20.06 M of revenue in 2014 up to 30 June, 7.4 % more than in the same days of 2013" in text
    for day, revenue in silver(
        published,
        "select order_date, sum(line_total) from silver.slvr_sales_orders"
        " where order_date > date '2014-06-20' group by order_date",
    ):
        assert f"{day.day} {day:%b %Y} {revenue:,.0f} " in text
    for name, revenue in silver(
        published,
        "select product_name, total_revenue from silver.slvr_products order by 2 desc nulls last limit 10",
    ):
        assert f"{name} {revenue / 10**6:.2f} M" in text
    for segment, customers in silver(
        published, "select rfm_segment, count(*) from silver.slvr_customers where total_orders > 0 group by 1"
    ):
        assert f"{segment.replace('_', ' ').capitalize()} {customers:,} " in text
    for year, online in silver(
        published,
        "select order_year, sum(line_total) from silver.slvr_sales_orders where sales_channel = 'online' group by 1",
    ):
        assert re.search(rf"{year}[\w ]* {online:,.0f} ", text)


def test_the_page_tells_of_the_run_and_its_lineage(published: Path, made: dict[str, Any]) -> None:
    text = written(published)

    assert "152 of 152 passed" in text
    assert f"run {made['run_id']}" in text
    assert "9 models, made from 7 tables of the source." in text
    assert "slvr_customers silver brnz_customers, brnz_sales_orders, slvr_sales_orders 19,820" in text
    assert "Not looked at" not in text


def test_customers_have_no_names_unless_they_are_asked_for(
    published: Path, made: dict[str, Any], dataops_here: Dataops, tmp_path: Path
) -> None:
    (name,) = silver(
        published,
        "select full_name from gold.gld_customer_metrics where churn_risk in ('at_risk', 'churned')"
        " order by lifetime_value desc limit 1",
    )[0]
    assert name not in written(published)

    done = dataops_here("report", "--names", "--out", tmp_path / "new" / "r.html", cwd=published)

    assert done.returncode == 0, done.stderr
    assert name in plain((tmp_path / "new" / "r.html").read_text(encoding="utf-8"))


def test_the_container_is_asked_for_all_or_for_the_platform(published: Path, dataops_here: Dataops) -> None:
    """Where dbt runs in a container, this is what runs in it."""
    everything = dataops_here("report", "--json", "--collect", "all", cwd=published)
    platform = dataops_here("report", "--json", "--collect", "platform", cwd=published)

    assert set(json.loads(everything.stdout)) == {"environment", "engine", "collected_at", "platform", "gold"}
    assert set(json.loads(platform.stdout)) == {"environment", "engine", "collected_at", "platform"}


def test_nothing_published_is_said_with_the_way_out(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops_here: Dataops
) -> None:
    folder = new_platform(tmp_path / "platform")

    done = dataops_here("report", cwd=folder)

    assert done.returncode == 3
    assert "Nothing has been published yet" in done.stderr
    assert "dataops run" in done.stderr
    assert not (folder / ".dataops" / "local" / "report.html").exists()


def test_a_report_that_cannot_be_written_is_said(
    published: Path, dataops_here: Dataops, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    done = dataops_here("report", "--out", tmp_path / "file" / "r.html", cwd=published)

    assert done.returncode == 3
    assert "Cannot use" in done.stderr
