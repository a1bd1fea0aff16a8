"""The checks of the data on a T-SQL server, with the nine models and generated rows.

Runs unchanged on a SQL Server (see tests/sqlserver/conftest.py) and, without one, on the stand-in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli.checks import Finding
from health.data_looking import DATA, look, results
from sqlserver.conftest import (  # noqa: F401 (fixtures)
    ADDRESS,
    ENVIRONMENT,
    TsqlPlatform,
    new_tsql_platform,
    tsql_address,
)

pytestmark = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]


@pytest.fixture(scope="module")
def platform(
    new_tsql_platform: Callable[[Path], TsqlPlatform],  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> TsqlPlatform:
    """A platform with its nine models published, without their tests."""
    found = new_tsql_platform(tmp_path_factory.mktemp("health") / "platform")
    found.done("source", "generate", "--scale", "0.02")
    found.done("run")
    return found


def looked(platform: TsqlPlatform, *names: str, **variables: str) -> dict[str, Finding]:
    return look(platform.folder, *(names or DATA), env=ENVIRONMENT, **(platform.secrets | variables))


def test_a_healthy_platform(platform: TsqlPlatform) -> None:
    found = looked(platform)
    assert results(found) == {}
    assert found["relations"].found == "3 views and 6 tables"
    assert found["keys"].found == "6 keys whole and unique"
    assert "in both" in found["totals"].found


def test_dbt_reaches_the_server(platform: TsqlPlatform) -> None:
    found = looked(platform, "dbt", "dbt-versions")
    assert results(found) == {}
    assert " with sqlserver 1." in found["dbt"].found
    found = looked(platform, "dbt", DATAOPS_WAREHOUSE__PASSWORD="Wrong-password-1")  # noqa: S106
    assert results(found) == {"dbt": "fail"}
    assert "Login failed" in found["dbt"].found
    assert "Wrong" not in found["dbt"].found + found["dbt"].remedy


def test_a_login_that_reads_is_not_needed_and_one_that_builds_is(platform: TsqlPlatform) -> None:
    """As in dbt's container, which knows the building login alone."""
    assert results(looked(platform, "rows", "keys", DATAOPS_WAREHOUSE__READER_PASSWORD="")) == {}
    found = looked(platform, "rows", DATAOPS_WAREHOUSE__READER_PASSWORD="Wrong-password-1")  # noqa: S106
    assert results(found) == {"rows": "fail"}
    assert "refused the login" in found["rows"].found
    assert "Wrong" not in found["rows"].found + found["rows"].remedy


def test_what_is_published_was_changed_by_hand(platform: TsqlPlatform) -> None:
    table = "gold.gld_customer_metrics"
    platform.execute("EXEC sp_rename N'gold.gld_customer_metrics', N'aside'")
    found = looked(platform)
    assert results(found) == {"relations": "fail"}
    assert found["relations"].found == f"{table} is missing"

    platform.execute("CREATE VIEW gold.gld_customer_metrics AS SELECT * FROM gold.aside")
    found = looked(platform, "relations")
    assert found["relations"].found == f"{table} is a view, not a table"
    platform.execute("DROP VIEW gold.gld_customer_metrics")
    platform.execute("EXEC sp_rename N'gold.aside', N'gld_customer_metrics'")
    assert results(looked(platform)) == {}

    ((key, name),) = platform.rows("SELECT MIN(product_id), MAX(product_id) FROM silver.slvr_products")
    platform.execute(f"DELETE FROM silver.slvr_products WHERE product_id = {name}")
    found = looked(platform)
    assert results(found) == {"rows": "fail"}
    assert found["rows"].found.startswith("silver.slvr_products has ")

    ((day,),) = platform.rows("SELECT CAST(MIN(order_date) AS varchar(10)) FROM gold.gld_sales_summary")
    change = "UPDATE gold.gld_sales_summary SET net_revenue = net_revenue {} 1 WHERE order_date = '{}'"
    platform.execute(change.format("+", day))
    found = looked(platform, "totals")
    assert results(found) == {"totals": "fail"}
    assert found["totals"].found.startswith(f"{day}: ")
    platform.execute(change.format("-", day))
    assert results(looked(platform, "totals")) == {}
    assert key != name


def test_keys(platform: TsqlPlatform) -> None:
    """A table without its index and its contract, as somebody copied it by hand."""
    platform.execute("EXEC sp_rename N'silver.slvr_customers', N'kept'")
    platform.execute("SELECT * INTO silver.slvr_customers FROM silver.kept")
    platform.execute("INSERT INTO silver.slvr_customers SELECT * FROM silver.kept WHERE customer_id % 2 = 0")
    found = looked(platform, "relations")
    assert found["relations"].found == "silver.slvr_customers cannot be read by the login that reads"
    platform.execute("GRANT SELECT ON silver.slvr_customers TO dataops_readers")
    found = looked(platform, "keys", "relations")
    assert found["relations"].result == "ok"
    assert found["keys"].result == "fail"
    assert "of customer_id in more than one row" in found["keys"].found
    platform.execute("DROP TABLE silver.slvr_customers")
    platform.execute("EXEC sp_rename N'silver.kept', N'slvr_customers'")
    assert results(looked(platform, "keys", "relations")) == {}
