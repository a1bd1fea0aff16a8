"""A real HTTP server of one file, with the ways in which real ones are interrupted, replaced or old."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What is served. Each of `cuts` and `statuses` is for one request, in turn."""

    content: bytes
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    heeds_if_range: bool = True
    with_length: bool = True
    redirect: str = ""
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str | None, str | None]] = field(default_factory=list)
    hold: threading.Event | None = None
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    served: Served
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        served = self.served
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        served.requests.append((wanted, condition))
        if served.redirect:
            self._head(302, {"Location": served.redirect, "Content-Length": "0"})
            return
        if served.statuses and (status := served.statuses.pop(0)) != 200:
            self._head(status, {"Content-Length": "0"})
            return
        start = 0
        matches = not served.heeds_if_range or condition in (None, served.etag, served.modified)
        if wanted and served.ranges and matches:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(served.content):
                self._head(416, {"Content-Length": "0"})
                return
        body = served.content[start:]
        headers = {"Content-Length": str(len(body))} if served.with_length else {"Connection": "close"}
        headers |= {"ETag": served.etag} if served.etag else {}
        headers |= {"Last-Modified": served.modified} if served.modified else {}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(served.content) - 1}/{len(served.content)}"
        self._head(206 if start else 200, headers)
        cut = served.cuts.pop(0) if served.cuts else len(body)
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if served.hold:
            served.hold.wait(120)
        if cut < len(body) or not served.with_length:
            self.close_connection = True

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def serving(content: bytes, **properties: object) -> Iterator[Served]:
    served = Served(content, **properties)  # type: ignore[arg-type]
    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.url = f"http://127.0.0.1:{server.server_port}/files/Adventure.bak"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield served
    finally:
        if served.hold:
            served.hold.set()
        server.shutdown()
        server.server_close()
