"""Runs in the image of the worker, with Airflow's Python: writes what the DAGs are, as JSON."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

import airflow.sdk

sys.path.insert(0, airflow.configuration.conf.get("core", "dags_folder"))
assert airflow.sdk.DAG
assert airflow.sdk.BaseOperator

found = {}
for name in ("dataops_pipeline", "dataops_cleanup"):
    started = time.perf_counter()
    dag = import_module(name).dag
    found[name] = {
        "seconds": time.perf_counter() - started,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "schedule": dag.schedule,
        "params": sorted(dag.params),
        "tasks": {
            task.task_id: {
                "queue": task.queue,
                "executor": task.executor,
                "pool": task.pool,
                "retries": task.retries,
                "backoff": bool(task.retry_exponential_backoff),
                "has_timeout": task.execution_timeout is not None,
                "after": sorted(task.upstream_task_ids),
                "outlets": sorted(outlet.name for outlet in task.outlets),
            }
            for task in dag.tasks
        },
    }
print("\n" + json.dumps(found))
