"""A local server that receives what Apprise's json:// sends, and misbehaves where it is asked to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# What is in every URL and must be nowhere in any output.
HUSH = "T0pS3cretPath"


@dataclass
class Receiver:
    """`received` are the messages, in the order of their arrival, each with the last part of its path as `path`.

    A path that ends in `refused` is answered with 500; one that ends in `hangs` with nothing.
    """

    port: int = 0
    received: list[dict[str, Any]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "ok", *, host: str = "127.0.0.1") -> str:
        return f"json://user:{HUSH}@{host}:{self.port}/{HUSH}/{path}"

    def titles(self) -> list[str]:
        return [message["title"] for message in self.received]


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def receiving(host: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[Receiver]:
    """Over TLS, where there is a file with a key and a certificate."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.rsplit("/", 1)[-1]
            if path == "hangs":
                receiver.go_on.wait(60)
            receiver.received.append({**document, "path": path})
            self.send_response(500 if path == "refused" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if certificate:
        server.socket = server_side(certificate).wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.shutdown()
        server.server_close()
