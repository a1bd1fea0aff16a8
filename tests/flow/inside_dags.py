"""Runs in the image of the worker, with Airflow's Python: writes what the DAGs are, as JSON."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path

import airflow.sdk

folder = Path(airflow.configuration.conf.get("core", "dags_folder"))
sys.path.insert(0, str(folder))
assert airflow.sdk.DAG
assert airflow.sdk.BaseOperator

ignored = (folder / ".airflowignore").read_text(encoding="utf-8").splitlines()
seconds, found = {}, {}
for path in sorted(folder.glob("*.py")):
    if path.name in ignored:
        continue
    started = time.process_time()
    module = import_module(path.stem)
    seconds[path.name] = time.process_time() - started
    if not hasattr(module, "dag"):
        continue
    dag = module.dag
    found[dag.dag_id] = {
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "schedule": dag.schedule,
        "tells_failure": dag.has_on_failure_callback,
        "params": sorted(dag.params),
        "tasks": {
            task.task_id: {
                "queue": task.queue,
                "executor": task.executor,
                "pool": task.pool,
                "retries": task.retries,
                "first_pause": task.retry_delay.total_seconds(),
                "backoff": bool(task.retry_exponential_backoff),
                "has_timeout": task.execution_timeout is not None,
                "late_after": late.total_seconds() if (late := getattr(task, "late_after", None)) else None,
                "given": list(getattr(task, "op_args", ())),
                "after": sorted(task.upstream_task_ids),
                "outlets": sorted(outlet.name for outlet in task.outlets),
            }
            for task in dag.tasks
        },
    }
print("\n" + json.dumps({"seconds": seconds, "dags": found}))
