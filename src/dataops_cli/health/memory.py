"""How near containers are to the memory that they may take."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dataops_cli.checks import Finding, Result
from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.stack.observe import Container
from dataops_cli.threads import in_thread

LATE = "See whether the engine answers: docker stats --no-stream"
# Per cent of the limit. At 100 the kernel ends a process.
WARN, FAIL = 85.0, 95.0
MB = 1024**2


def look(subject: Subject) -> Finding:
    installed = subject.installed
    total = int(installed.engine.info()["MemTotal"])
    running = [item for item in installed.containers if item.state == "running" and not item.one_off]
    # Side by side: one that is being stopped keeps its answer back.
    futures = [in_thread(partial(_used, installed.engine, item), item.name) for item in running]
    used = {item.name: future.result() for item, future in zip(running, futures, strict=True)}
    services = {item.name: item.service for item in running}
    return decide({name: pair for name, pair in used.items() if 0 < pair[1] < total}, services)


def decide(used: Mapping[str, tuple[int, int]], services: Mapping[str, str]) -> Finding:
    """`used` has by container the bytes that it uses and the bytes that it may; `services` whose it is."""
    if not used:
        return Finding(Result.SKIPPED, "no running container has a limit")
    shares = {name: 100 * bytes_used / limit for name, (bytes_used, limit) in used.items()}
    findings = [_of_container(name, shares[name], used[name][1], services[name]) for name in used]
    most = max(shares, key=shares.__getitem__)
    result = combined(findings, f"at most {shares[most]:.0f} % of its limit ({most})")
    if result.result is Result.OK:
        return Finding(Result.OK, result.found, "", round(shares[most], 1), WARN)
    return result


def _of_container(name: str, share: float, limit: int, service: str) -> Finding:
    found = f"{name} uses {share:.0f} % of its {limit / MB:.0f} MB"
    if share < WARN:
        return Finding(Result.OK, found)
    result, threshold = (Result.FAIL, FAIL) if share >= FAIL else (Result.WARN, WARN)
    remedy = f"Give {service} a higher mem_limit in the Compose files, then: dataops up {service}"
    return Finding(result, found, remedy, round(share, 1), threshold)


def _used(engine: Engine, item: Container) -> tuple[int, int]:
    """Bytes used and allowed; (0, 0) for one that has just ended."""
    try:
        facts = engine.stats(item.id).get("memory_stats") or {}
    except EngineError as error:
        if error.status in (404, 409):
            return 0, 0
        raise
    return used_bytes(facts), int(facts.get("limit") or 0)


def used_bytes(facts: Mapping[str, Any]) -> int:
    """What cannot be taken back: without the pages of files that nobody has used lately. `docker stats` counts so."""
    details = facts.get("stats") or {}
    # The name in cgroup v1, then that in v2.
    idle = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(facts.get("usage") or 0) - int(idle))
