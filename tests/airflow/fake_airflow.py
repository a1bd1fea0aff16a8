"""A small server that answers as Airflow 3.3 does, with faults on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dataops_cli.airflow.place import Place

PASSWORD = "right"  # noqa: S105

# What happens to a request in place of its answer.
Fault = Callable[["Handler"], None]


class FakeAirflow:
    """Begins empty. `faults` happen to the next calls of the API, in order, `faults_of` to those whose paths end so, and `sign_in_faults` to those before them; `calls` is what was asked."""

    def __init__(self) -> None:
        self.dags: dict[str, dict[str, Any]] = {}
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        # The tasks of a run at each look at the run; the last one stays. A look also sets the run's state.
        self.frames: deque[tuple[str, list[dict[str, Any]]]] = deque()
        self.logs: dict[tuple[str, int], list[Any]] = {}
        self.returned: dict[str, Any] = {}
        # What every DAG declares, as Airflow answers it.
        self.params: dict[str, dict[str, Any]] = {}
        self.users: list[dict[str, Any]] | None = None
        self.import_errors: list[dict[str, Any]] = []
        self.health: dict[str, Any] = {"metadatabase": {"status": "healthy"}}
        self.faults: deque[Fault] = deque()
        self.faults_of: dict[str, list[Fault]] = {}
        self.sign_in_faults: deque[Fault] = deque()
        self.calls: list[tuple[str, str, Any]] = []
        self.tokens: set[str] = set()
        self.sign_ins = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def place(self, **changed: Any) -> Place:
        return Place(**{"url": self.url, "user": "admin", "password": PASSWORD, "timeout": 60.0} | changed)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method: str, ending: str) -> list[Any]:
        """The bodies of the requests whose paths end so."""
        return [body for verb, path, body in self.calls if verb == method and path.endswith(ending)]

    def add_dag(self, dag_id: str, *, paused: bool = False, **facts: Any) -> None:
        self.dags[dag_id] = {
            "dag_id": dag_id,
            "is_paused": paused,
            "timetable_summary": None,
            "timetable_periodic": True,
            "max_active_runs": 16,
            "has_import_errors": False,
            "relative_fileloc": f"{dag_id}.py",
            "downstream": {"bronze": ["silver"], "silver": ["gold"], "gold": []},
        } | facts

    def add_run(self, dag_id: str, run_id: str, state: str = "running", **facts: Any) -> None:
        self.runs[dag_id, run_id] = {
            "dag_id": dag_id,
            "dag_run_id": run_id,
            "state": state,
            "run_type": "manual",
            "queued_at": "2026-01-31T01:00:00Z",
            "start_date": "2026-01-31T01:00:01Z",
            "end_date": "2026-01-31T01:00:09.5Z" if state in ("success", "failed") else None,
            "triggering_user_name": "admin",
            "conf": {},
        } | facts


def task(task_id: str, state: str | None, try_number: int = 1, **facts: Any) -> dict[str, Any]:
    """A task instance as Airflow answers it. One that has ended took 1.5 s."""
    begun = state not in (None, "upstream_failed", "skipped", "scheduled", "queued")
    return {
        "task_id": task_id,
        "map_index": -1,
        "state": state,
        "try_number": try_number if begun else 0,
        "max_tries": 0,
        "start_date": "2026-01-31T01:00:02Z" if begun else None,
        "end_date": "2026-01-31T01:00:03.5Z" if begun and state != "running" else None,
        "operator_name": "@task",
        "pool": "default_pool",
        "queue": "default",
        "hostname": "worker",
    } | facts


def answer(status: int, body: str = "", kind: str = "application/json", **headers: str) -> Fault:
    """A fault: this answer in place of the right one."""
    return lambda handler: handler.reply(status, body.encode(), kind, headers)


def hang_up(handler: Handler) -> None:
    """A fault: the connection ends without an answer."""
    handler.close_connection = True


def hang_up_afterwards(handler: Handler) -> None:
    """A fault: the call is done, and the answer is lost."""
    handler.answer_rightly(silent=True)
    handler.close_connection = True


def slow(seconds: float) -> Fault:
    """A fault: the right answer, late."""

    def wait(handler: Handler) -> None:
        time.sleep(seconds)
        handler.answer_rightly()

    return wait


def trickle(handler: Handler) -> None:
    """A fault: an answer that takes a minute."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


class Handler(BaseHTTPRequestHandler):
    fake: FakeAirflow
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def reply(self, status: int, body: bytes, kind: str = "application/json", headers: Any = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length) or b"null")
        self.fake.calls.append((self.command, unquote(urlsplit(self.path).path), self.body))
        faults = self.fake.sign_in_faults if self.path == "/auth/token" else self.fake.faults
        path = urlsplit(self.path).path
        own = next(
            (found for end, found in self.fake.faults_of.items() if found and path.endswith(end)), None
        )
        if own:
            own.pop(0)(self)
        elif faults and self.path.startswith(("/api/v2", "/auth/token")):
            faults.popleft()(self)
        else:
            self.answer_rightly()

    do_POST = do_PATCH = do_GET

    def answer_rightly(self, *, silent: bool = False) -> None:
        status, document = self._answer()
        if not silent:
            self.reply(status, json.dumps(document).encode())

    def _answer(self) -> tuple[int, Any]:
        fake, path = self.fake, unquote(urlsplit(self.path).path)
        if path == "/auth/token":
            fake.sign_ins += 1
            if self.body != {"username": "admin", "password": PASSWORD}:
                return 401, {"detail": "Invalid credentials"}
            token = f"token-{fake.sign_ins}"
            fake.tokens = {token}
            return 201, {"access_token": token}
        if path == "/api/v2/monitor/health":
            return 200, self.fake.health
        if path == "/api/v2/version":
            return 200, {"version": "3.3.2"}
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in fake.tokens:
            return 401, {"detail": "Not authenticated"}
        if path == "/auth/fab/v1/users":
            if fake.users is None:
                return 404, {"error": "API route not found"}
            return 200, self._page(fake.users, "users")
        for pattern, method in ROUTES:
            if match := re.fullmatch(f"/api/v2/{pattern}", path):
                return method(self, *match.groups())
        return 404, {"error": "API route not found"}

    def _page(self, items: list[Any], key: str) -> dict[str, Any]:
        query = parse_qs(urlsplit(self.path).query)
        begin, size = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["50"])[0])
        return {key: items[begin : begin + size], "total_entries": len(items)}

    def _dags(self) -> tuple[int, Any]:
        return 200, self._page([*self.fake.dags.values()], "dags")

    def _dag(self, dag_id: str) -> tuple[int, Any]:
        if dag_id not in self.fake.dags:
            return 404, {"detail": f"The Dag with ID: `{dag_id}` was not found"}
        if self.command == "PATCH":
            self.fake.dags[dag_id] |= self.body
        return 200, self.fake.dags[dag_id]

    def _details(self, dag_id: str) -> tuple[int, Any]:
        if dag_id not in self.fake.dags:
            return 404, {"detail": f"The Dag with ID: `{dag_id}` was not found"}
        return 200, self.fake.dags[dag_id] | {"params": self.fake.params}

    def _tasks(self, dag_id: str) -> tuple[int, Any]:
        downstream = self.fake.dags[dag_id]["downstream"]
        return 200, {"tasks": [{"task_id": a, "downstream_task_ids": b} for a, b in downstream.items()]}

    def _runs(self, dag_id: str) -> tuple[int, Any]:
        if dag_id not in self.fake.dags:
            return 404, {"detail": f"Dag with dag_id: '{dag_id}' not found"}
        if self.command == "POST":
            run_id = self.body["dag_run_id"]
            if (dag_id, run_id) in self.fake.runs:
                return 409, {"detail": {"reason": "Unique constraint violation"}}
            given = {key: self.body[key] for key in ("conf", "logical_date")}
            self.fake.add_run(dag_id, run_id, "queued", **given)
            return 200, self.fake.runs[dag_id, run_id]
        query = parse_qs(urlsplit(self.path).query)
        found = [run for (dag, _), run in self.fake.runs.items() if dag == dag_id]
        for key, field in (("state", "state"), ("run_type", "run_type")):
            found = [run for run in found if run[field] in query.get(key, [run[field]])]
        if begin := query.get("logical_date_gte"):
            end = query["logical_date_lte"][0]
            found = [run for run in found if begin[0] <= run.get("logical_date", "") <= end]
        return 200, self._page(found, "dag_runs")

    def _run(self, dag_id: str, run_id: str) -> tuple[int, Any]:
        run = self.fake.runs.get((dag_id, run_id))
        if run is None:
            return 404, {"detail": f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"}
        if self.command == "PATCH":
            run["state"] = self.body["state"]
        elif self.fake.frames:
            run["state"] = self.fake.frames[0][0]
            run["end_date"] = "2026-01-31T01:00:09.5Z" if run["state"] in ("success", "failed") else None
        return 200, run

    def _task_instances(self, dag_id: str, run_id: str) -> tuple[int, Any]:
        if (dag_id, run_id) not in self.fake.runs:
            return 404, {"detail": f"DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"}
        frames = self.fake.frames
        tasks = frames[0][1] if frames else []
        if len(frames) > 1:
            frames.popleft()
        return 200, self._page(tasks, "task_instances")

    def _tries(self, dag_id: str, run_id: str, task_id: str) -> tuple[int, Any]:
        last = next(item for item in self.fake.frames[0][1] if item["task_id"] == task_id)
        earlier = [task(task_id, "failed", number) for number in range(1, last["try_number"])]
        return 200, {"task_instances": [*earlier, last]}

    def _log(self, dag_id: str, run_id: str, task_id: str, number: str) -> tuple[int, Any]:
        content = self.fake.logs.get((task_id, int(number)))
        if content is None:
            return 404, {"detail": "TaskInstance not found"}
        return 200, {"content": content, "continuation_token": None}

    def _xcom(self, dag_id: str, run_id: str, task_id: str) -> tuple[int, Any]:
        if task_id not in self.fake.returned:
            return 404, {"detail": "XCom entry with key: `return_value` not found"}
        return 200, {"value": self.fake.returned[task_id]}

    def _clear(self, dag_id: str) -> tuple[int, Any]:
        wanted = self.body["task_ids"]
        found = [item for item in self.fake.frames[0][1] if item["task_id"] in wanted]
        return 200, {"task_instances": found, "total_entries": len(found)}

    def _backfills(self, dry: str | None) -> tuple[int, Any]:
        if dry:
            there = {run.get("logical_date") for run in self.fake.runs.values()}
            dates = [f"2026-01-{day:02}T01:00:00Z" for day in range(1, 4)]
            begin, end = self.body["from_date"], self.body["to_date"]
            chosen = [date for date in dates if begin <= date <= end and date not in there]
            return 200, {"backfills": [{"logical_date": date} for date in chosen]}
        return 200, {"id": 7}

    def _import_errors(self) -> tuple[int, Any]:
        return 200, self._page(self.fake.import_errors, "import_errors")


PART = "([^/]+)"
RUN = f"dags/{PART}/dagRuns/{PART}"
ROUTES: list[tuple[str, Callable[..., tuple[int, Any]]]] = [
    ("dags", Handler._dags),
    (f"dags/{PART}", Handler._dag),
    (f"dags/{PART}/details", Handler._details),
    (f"dags/{PART}/tasks", Handler._tasks),
    (f"dags/{PART}/dagRuns", Handler._runs),
    (RUN, Handler._run),
    (f"{RUN}/taskInstances", Handler._task_instances),
    (f"{RUN}/taskInstances/{PART}/tries", Handler._tries),
    (f"{RUN}/taskInstances/{PART}/logs/{PART}", Handler._log),
    (f"{RUN}/taskInstances/{PART}/xcomEntries/return_value", Handler._xcom),
    (f"dags/{PART}/clearTaskInstances", Handler._clear),
    ("backfills(/dry_run)?", Handler._backfills),
    ("importErrors", Handler._import_errors),
]
