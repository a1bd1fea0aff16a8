"""The pipeline: sources are fresh, bronze, silver and gold are built aside and tested, then published.

`dataops run` triggers it, and so does its schedule. Every step is the CLI's own (`dataops step`), with the same plan
and the same lock in the warehouse as a run without Airflow.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import dataops_events
from airflow.sdk import DAG, Asset, Param
from dataops_steps import DataopsStep

# What other DAGs can follow: schedule=[Asset.ref(name="gold.gld_sales_summary")]. An Asset of the name alone would
# be another one, as its uri would be the name; a ref takes the one that is here.
GOLD = [
    Asset(name=f"gold.{name}", uri=f"dataops://warehouse/gold/{name}")
    for name in ("gld_customer_metrics", "gld_product_performance", "gld_sales_summary")
]
# step → how long it may take
STEPS = {
    "freshness": timedelta(minutes=15),
    "bronze": timedelta(hours=1),
    "silver": timedelta(hours=2),
    "gold": timedelta(hours=2),
    "publish": timedelta(minutes=30),
    "documentation": timedelta(minutes=30),
}
# From `airflow.late_after_minutes`. Airflow's own deadlines break `clear` and `dags test` in 3.3.2.
LATE_AFTER = timedelta(minutes=float(os.environ.get("DATAOPS_AIRFLOW__LATE_AFTER_MINUTES") or 60))

with DAG(
    dag_id=dataops_events.PIPELINE,
    description="Build, test and publish bronze, silver and gold.",
    doc_md=__doc__,
    # Cron, UTC; empty: on demand. From `airflow.schedule` in the environment's settings.
    schedule=os.environ.get("DATAOPS_AIRFLOW__SCHEDULE") or None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    on_failure_callback=dataops_events.failed,
    params={
        "layer": Param(
            [],
            type="array",
            items={"enum": ["bronze", "silver", "gold"]},
            description="Only these layers; none: all.",
        ),
        "select": Param(
            [],
            type="array",
            items={"type": "string"},
            description="Only these models, in dbt's selection syntax.",
        ),
        "as_of_date": Param(
            None, type=["null", "string"], format="date", description="Ignore orders after this day."
        ),
    },
    tags=["dataops"],
) as dag:
    before: DataopsStep | None = None
    for step, timeout in STEPS.items():
        task = DataopsStep(
            task_id=step,
            step=step,
            before=before.task_id if before else None,
            execution_timeout=timeout,
            late_after=LATE_AFTER,
            outlets=GOLD if step == "publish" else [],
            on_success_callback=dataops_events.published if step == "publish" else None,
        )
        if before:
            before >> task
        before = task
