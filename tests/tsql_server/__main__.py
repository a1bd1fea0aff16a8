"""python -m tsql_server --postgres DSN [--port 0]: serves until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading

from tsql_server.backend import prepare
from tsql_server.connection import Server, serve
from tsql_server.tds import server_context


def main() -> None:
    parser = argparse.ArgumentParser(prog="tsql_server", description=__doc__)
    parser.add_argument("--postgres", required=True, help="libpq DSN of a superuser")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default="WARNING", help="DEBUG shows every batch")
    options = parser.parse_args()
    logging.basicConfig(level=options.log, format="%(asctime)s %(threadName)s %(message)s", stream=sys.stderr)
    # Not an argument: arguments are seen by everybody.
    prepare(options.postgres, os.environ.get("TSQL_SERVER_SA_PASSWORD", "Stand-in-1"))
    server = Server(options.postgres, server_context())
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with socket.create_server((options.host, options.port)) as listener:
        print(f"listening on {options.host}:{listener.getsockname()[1]}", flush=True)
        while True:
            client, _address = listener.accept()
            threading.Thread(target=serve, args=(server, client), daemon=True).start()


if __name__ == "__main__":
    main()
