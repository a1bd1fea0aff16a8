"""Whether CloudBeaver's page comes."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.stack.model import Port

SERVICE = "cloudbeaver"
LATE = "It takes connections and does not answer: dataops restart cloudbeaver"
# Seconds for an answer.
PATIENCE = 6.0
# Milliseconds.
SLOW = 3000.0


def look(subject: Subject) -> Finding:
    installed = subject.installed
    if not installed.has(SERVICE):
        return Finding(Result.SKIPPED, "the stack has no CloudBeaver")
    ports = installed.wanted.stack.services[SERVICE].get("ports", [])
    if not ports:
        return Finding(Result.SKIPPED, "its port is not published")
    host, port = address(ports[0])
    if installed.engine.remote and ip_address(host).is_loopback:
        return Finding(
            Result.SKIPPED, f"it is on {host}:{port} of the engine's machine, not to be reached from here"
        )
    begun = time.monotonic()
    connection = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        why = str(error) or type(error).__name__
        return Finding(
            Result.FAIL,
            f"nothing comes from {host}:{port}: {why}",
            "dataops restart cloudbeaver\ndataops logs cloudbeaver",
        )
    finally:
        connection.close()
    return decide(status, 1000 * (time.monotonic() - begun))


def decide(status: int, milliseconds: float) -> Finding:
    if status >= 400:
        return Finding(
            Result.FAIL, f"it answers with status {status}", "dataops logs cloudbeaver", status, 399
        )
    found, taken = f"its page comes in {milliseconds:.0f} ms", round(milliseconds)
    if taken > SLOW:
        return Finding(Result.WARN, f"{found}: slow", "dataops health --check memory", taken, SLOW)
    return Finding(Result.OK, found, "", taken, SLOW)


def address(port: Port) -> tuple[str, int]:
    """Where to reach a published port."""
    host = port.get("host_ip", "").strip("[]") or "0.0.0.0"  # noqa: S104 (to be replaced)
    return ("127.0.0.1" if ip_address(host).is_unspecified else host), int(port["published"])
