"""A platform with small models of its own, so that a run takes seconds; and one with AdventureWorks' nine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support import ROOT, Dataops

MODELS = {
    "bronze/orders.sql": """
        select SalesOrderID as order_id, CustomerID as customer_id, cast(OrderDate as date) as order_date,
            TotalDue as total_due
        from {{ source('sales', 'SalesOrderHeader') }}
    """,
    "bronze/people.sql": """
        select BusinessEntityID as person_id, FirstName as first_name, LastName as last_name
        from {{ source('people', 'Person') }}
    """,
    "silver/customers.sql": """
        select customer_id, count(*) as total_orders, sum(total_due) as total_due
        from {{ ref('orders') }} group by customer_id
    """,
    "gold/days.sql": """
        select order_date, count(*) as total_orders from {{ ref('orders') }} group by order_date
    """,
    "gold/best_customers.sql": "select customer_id, total_due from {{ ref('customers') }} where total_due > 1000",
}

SCHEMA = """
sources:
  - name: sales
    database: AdventureWorks2014
    schema: Sales
    tables:
      - name: SalesOrderHeader
        loaded_at_field: OrderDate
        config:
          freshness:
            warn_after: {count: "{{ var('freshness_warn_after_days', 1) | as_number }}", period: day}
            error_after: {count: "{{ var('freshness_error_after_days', 2) | as_number }}", period: day}
  - name: people
    database: AdventureWorks2014
    schema: Person
    tables:
      - name: Person
models:
  - name: orders
    config: {meta: {key: [order_id], as_of_date: order_date}}
    columns:
      - name: order_id
        data_tests: [unique, not_null]
      - name: order_date
  - name: people
    config: {meta: {key: [person_id]}}
    columns:
      - name: person_id
        data_tests: [unique]
      - name: first_name
        config: {tags: [pii]}
        data_tests:
          - accepted_values:
              name: people_first_names_are_known
              config: {enabled: "{{ var('strict_names', false) }}"}
              arguments: {values: [Nobody]}
      - name: last_name
        config: {tags: [pii]}
  - name: customers
    config: {meta: {key: [customer_id]}}
    columns:
      - name: customer_id
        data_tests: [unique]
      - name: total_orders
        data_tests:
          - accepted_values:
              name: customers_have_some_orders
              arguments: {values: [0], quote: false}
              config:
                enabled: "{{ var('strict_orders', false) }}"
  - name: days
    config: {meta: {key: [order_date]}}
    columns:
      - name: order_date
        data_tests: [unique]
  - name: best_customers
    columns:
      - name: customer_id
        data_tests:
          - relationships: {arguments: {to: ref('customers'), field: customer_id}}
"""

PROJECT = """
name: small
version: "1.0.0"
profile: dataops
flags: {send_anonymous_usage_stats: false}
vars: {as_of_date: null, strict_names: false, strict_orders: false}
models:
  small:
    bronze: {+tags: [bronze], +schema: bronze, +materialized: view}
    silver: {+tags: [silver], +schema: silver, +materialized: table}
    gold: {+tags: [gold], +schema: gold, +materialized: table}
"""


def small_platform(folder: Path, dataops: Dataops, *, scale: float = 0.01) -> Path:
    """A platform in `folder` whose models are the small ones, with a generated source."""
    assert dataops("init", folder, cwd=folder.parent).returncode == 0
    shutil.rmtree(folder / "dbt")
    for name, sql in MODELS.items():
        path = folder / "dbt" / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sql)
    (folder / "dbt" / "models" / "sources").mkdir()
    (folder / "dbt" / "models" / "schema.yml").write_text(SCHEMA)
    (folder / "dbt" / "dbt_project.yml").write_text(PROJECT)
    (folder / "dbt" / "macros").mkdir()
    shutil.copy(ROOT / "dbt" / "profiles.yml", folder / "dbt")
    shutil.copy(ROOT / "dbt" / "macros" / "generate_schema_name.sql", folder / "dbt" / "macros")
    done = dataops("source", "generate", "--scale", scale, "--seed", 7, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, dataops_here: Dataops) -> Path:
    """A small platform, published once. The tests of a module share it and leave it publishable."""
    folder = small_platform(tmp_path_factory.mktemp("small") / "platform", dataops_here)
    done = dataops_here("run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder
