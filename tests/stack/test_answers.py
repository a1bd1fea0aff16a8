"""`airflow/bin/answers`, the health check of Airflow's web servers, against a server of the tests' own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import ROOT

HEALTH = "/api/v2/monitor/health"
# path → status and body, of what answers there
ANSWERS: dict[str, tuple[int, object]] = {"/execution/health": (200, {"status": "healthy"})}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path, (404, {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def answers(url: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "airflow" / "bin" / "answers")
    return subprocess.run([sys.executable, script, url], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("database", "code"), [("healthy", 0), ("unhealthy", 1)])
def test_airflow_is_as_healthy_as_its_database(
    monkeypatch: pytest.MonkeyPatch, address: str, database: str, code: int
) -> None:
    # The scheduler and the DAG processor have health checks of their own.
    parts = {"metadatabase": {"status": database}, "scheduler": {"status": "unhealthy"}}
    monkeypatch.setitem(ANSWERS, HEALTH, (200, parts))
    ended = answers(address + HEALTH)
    assert ended.returncode == code, ended.stderr
    assert ended.stderr == ("" if code == 0 else "Airflow's database is unhealthy\n")


def test_of_other_addresses_the_status_counts(address: str) -> None:
    assert answers(f"{address}/execution/health").returncode == 0
    assert answers(f"{address}/nothing").returncode == 1
