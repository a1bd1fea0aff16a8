"""Whether anything listens where SQL Server should: the driver tries until its timeout, and does not say why."""

from __future__ import annotations

import re
import socket
from functools import cache

from dataops_cli.warehouse.sqlserver.errors import Asked, described

# Names of the network and addresses, and none of the driver's own, such as (local).
_KNOWN = re.compile(r"\w[\w.-]*|[\da-fA-F:]+")


def require_listener(host: str, port: int, timeout: float, asked: Asked) -> None:
    """Raises SqlServerError (exit 3) where a plain TCP connection cannot be made within `timeout` seconds.

    One that was made is not tried again: later, a server that is being restarted is worth the driver's patience.
    """
    name = host.removeprefix("tcp:").strip("[]")
    if not _KNOWN.fullmatch(name):
        return
    try:
        _reach(name, port, timeout)
    except OSError as error:
        raise described("08001", 0, _reason(error, timeout), asked) from error


@cache
def _reach(host: str, port: int, timeout: float) -> None:
    socket.create_connection((host, port), timeout=timeout).close()


def _reason(error: OSError, timeout: float) -> str:
    match error:
        case socket.gaierror():
            return "host unknown"
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return f"no answer within {timeout:g} s"
    return error.strerror or str(error)
