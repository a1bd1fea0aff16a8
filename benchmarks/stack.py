"""`dataops up`, `ps` and `down` beside `docker compose`, on the same Compose files, in one run.

Shapes: the platform's own services with their dependencies, and 5 and 20 services of which every third waits
for the one before. All containers are the tests' small stand-in, so that what is timed is the tool and the
engine, not the services. Prints the median of some rounds, and the ratio. The aims: a first `up` and a `down`
never slower than Compose's, an `up` that changes nothing within 0.6 s. Needs an engine, docker compose, and
the image that the engine tests make (`make test` once).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dataops_cli.stack.load import load_stack

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "dataops-test/stand-in:1"
ROUNDS = 3
CHECK = {"test": ["CMD", "true"], "interval": "1s"}


def service(waits_for: dict[str, Any]) -> dict[str, Any]:
    return {"image": IMAGE, "init": True, "healthcheck": CHECK, "depends_on": waits_for}


def own_shape() -> dict[str, Any]:
    stack = load_stack([ROOT / "compose" / "compose.yml"], variables={}, profiles=["*"])
    waits = {name: each.get("depends_on", {}) for name, each in stack.services.items()}
    # Compose's --wait fails where a container ends, as the one-shot does: here it stays, and is waited for.
    return {
        name: service({other: {"condition": "service_healthy"} for other in others})
        for name, others in waits.items()
    }


def plain_shape(count: int) -> dict[str, Any]:
    return {
        f"s{index}": service({f"s{index - 1}": {"condition": "service_healthy"}} if index % 3 == 2 else {})
        for index in range(count)
    }


def main() -> None:
    shapes = {"platform": own_shape(), "5 services": plain_shape(5), "20 services": plain_shape(20)}
    print(f"{'':<14}{'':<10}{'dataops':>9}{'compose':>9}{'ratio':>8}")
    for name, services in shapes.items():
        with tempfile.TemporaryDirectory() as folder:
            for step, (ours, theirs) in measure(Path(folder), services).items():
                print(f"{name:<14}{step:<10}{ours:8.2f}s{theirs:8.2f}s{ours / theirs:8.2f}")


def measure(folder: Path, services: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """By step, the median seconds of ours and of Compose's."""
    name = f"bench-{os.getpid()}"
    (folder / "environments").mkdir()
    (folder / "environments" / "base.toml").touch()
    (folder / "environments" / "bench.toml").write_text(
        f'[stack]\nenabled = true\nname = "{name}-ours"\nfiles = ["compose.yml"]\n'
    )
    (folder / "compose.yml").write_text(json.dumps({"services": services}))
    us = [sys.executable, "-m", "dataops_cli"]
    them = ["docker", "compose", "-p", f"{name}-theirs"]
    steps: dict[str, tuple[list[str], list[str]]] = {
        "up": ([*us, "up"], [*them, "up", "-d", "--wait"]),
        "up again": ([*us, "up"], [*them, "up", "-d", "--wait"]),
        "ps": ([*us, "ps"], [*them, "ps"]),
        "down": ([*us, "down"], [*them, "down"]),
    }
    times: dict[str, tuple[list[float], list[float]]] = {step: ([], []) for step in steps}
    for number in range(ROUNDS):
        for side in (0, 1) if number % 2 else (1, 0):  # neither is always the first
            for step, commands in steps.items():
                started = time.perf_counter()
                subprocess.run(
                    commands[side],
                    cwd=folder,
                    env=os.environ | {"DATAOPS_ENV": "bench"},
                    check=True,
                    capture_output=True,
                )
                times[step][side].append(time.perf_counter() - started)
    return {
        step: (statistics.median(ours), statistics.median(theirs)) for step, (ours, theirs) in times.items()
    }


if __name__ == "__main__":
    main()
