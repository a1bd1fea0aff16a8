"""A small HTTP server that keeps the comments and labels of pull request 7 of a/b as GitHub does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_token"  # noqa: S105 (of the server below)


@dataclass
class FakeGitHub:
    """`failures` are answers to give instead of doing what is asked: (method, status, headers, whether it is done)."""

    repository: str = "a/b"
    comments: list[dict[str, Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    failures: list[tuple[str, int, dict[str, str], bool]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    read_only: bool = False
    address: str = ""

    def add(self, body: str, kind: str = "Bot") -> int:
        number = len(self.comments) + 100
        self.comments.append(
            {
                "id": number,
                "body": body,
                "user": {"type": kind},
                "html_url": f"https://github.test/c/{number}",
            }
        )
        return number

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if method != "GET" and self.read_only:
            return 403, {"message": "Resource not accessible by integration"}
        if match := re.fullmatch(rf"/repos/{self.repository}/issues/comments/(\d+)", path):
            comment = next(item for item in self.comments if item["id"] == int(match[1]))
            if method == "DELETE":
                self.comments.remove(comment)
                return 204, None
            comment["body"] = body["body"]
            return 200, comment
        if (method, path) == ("POST", f"/repos/{self.repository}/issues/7/labels"):
            self.labels += [label for label in body["labels"] if label not in self.labels]
            return 200, [{"name": label} for label in self.labels]
        if path != f"/repos/{self.repository}/issues/7/comments":
            return 404, {"message": "Not Found"}
        if method == "POST":
            self.add(body["body"])
            return 201, self.comments[-1]
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return 200, self.comments[size * (page - 1) : size * page]


@contextmanager
def own_github(repository: str = "a/b") -> Iterator[FakeGitHub]:
    kept = FakeGitHub(repository)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            kept.requests.append(self.command)
            status, content, headers = 0, None, {}
            failing = next((item for item in kept.failures if item[0] == self.command), None)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, content = 401, {"message": "Bad credentials"}
            elif failing is None or failing[3]:
                status, content = kept.answer(self.command, parts.path, parse_qs(parts.query), body)
            if failing:
                kept.failures.remove(failing)
                status, content, headers = failing[1], {"message": "busy"}, failing[2]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            data = b"" if content is None else json.dumps(content).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
