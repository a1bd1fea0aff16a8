"""The little of Airflow's REST API that the tests need to see a DAG run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

from support import until


class AirflowApi:
    """Airflow at a port of this machine, as its user `admin`. Raises HTTPError for a wrong password."""

    def __init__(self, port: int, password: str) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        token = self._call("/auth/token", {"username": "admin", "password": password})["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        return self._call(f"/api/v2{path}")

    def trigger(self, dag: str, **conf: object) -> str:
        """Starts a run; returns its id."""
        return str(
            self._call(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        )

    def state(self, dag: str, run: str, task: str) -> str:
        return str(self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")["state"])

    def log(self, dag: str, run: str, task: str, attempt: int) -> list[str]:
        """What a try of a task wrote, line by line."""
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}")
        return [line["event"] for line in found["content"]]

    def succeeds(self, dag: str, run: str, task: str, seconds: float) -> None:
        """Waits until a task has ended well, after whatever tries."""
        self.until(lambda: self.state(dag, run, task) in ("success", "failed"), seconds)
        assert self.state(dag, run, task) == "success", self.log(dag, run, task, 1)

    def until(self, met: Callable[[], bool], seconds: float) -> None:
        until(met, seconds, pause=0.5)

    def _call(self, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self._url + path, data=content, headers=self._headers), timeout=120) as response:
            return json.loads(response.read())
