"""Whether the engine has the memory that the stack's containers may take."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, gigabytes, known
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.reconcile import replicas
from dataops_cli.stack.units import byte_size

SQLSERVER = "sqlserver"
# Bytes. With less it ends at once: "This program requires a machine with at least 2000 megabytes of memory."
SQLSERVER_NEEDS = 2000 * 1024**2

GIVE_MORE = "Give the engine's machine more memory"


def look(case: Case) -> Finding:
    stack = known(case.stack)
    total = known(case.answer).info["MemTotal"]
    return decide(total, limits(stack), with_sqlserver=SQLSERVER in stack.services)


def limits(stack: Stack) -> int:
    """Bytes that the containers may take together; those without a limit count as nothing."""
    return sum(_limit(service) * replicas(service) for service in stack.services.values())


def decide(total: int, limits: int, *, with_sqlserver: bool) -> Finding:
    """For an engine with `total` bytes and containers that may take `limits` bytes."""
    if with_sqlserver and total < SQLSERVER_NEEDS:
        found = f"{gigabytes(total)}; SQL Server does not start with less than 2 GB"
        return Finding(Result.FAIL, found, f"{GIVE_MORE}.")
    found = f"{gigabytes(total)}; the limits of the stack add up to {gigabytes(limits)}"
    if total < limits:
        return Finding(Result.WARN, found, f"{GIVE_MORE}, or lower mem_limit in the Compose files.")
    return Finding(Result.OK, found)


def _limit(service: Service) -> int:
    resources = service.get("deploy", {}).get("resources", {})
    return byte_size(service.get("mem_limit") or resources.get("limits", {}).get("memory") or 0)
