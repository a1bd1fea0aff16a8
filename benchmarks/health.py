"""`dataops health` of a healthy stack, and of one with a service that hangs, beside the sum of what its checks take.

Prints, by state of the stack, the median wall time of some rounds, the seconds of the slowest check and of all checks
together, the engine's included, and how many failed. The service is Redis, whose process gets SIGSTOP. The warehouse is
DuckDB, the rows are generated. What it needs: see whole_platform.py.

    python benchmarks/health.py [--rounds 3] [--scale 0.1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from whole_platform import IMAGES, NAME, dataops, whole_platform

REDIS = f"{NAME}-dataops-redis"


def health(platform: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds, and what each check found."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dataops_cli", "health", "--json"],
        cwd=platform,
        env=os.environ | IMAGES | {"DATAOPS_ENV": "bench"},
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, json.loads(done.stdout)["checks"]


def report(state: str, platform: Path, rounds: int) -> None:
    measured = [health(platform) for _ in range(rounds)]
    wall = statistics.median(seconds for seconds, _ in measured)
    slowest = statistics.median(max(item["seconds"] for item in checks) for _, checks in measured)
    together = statistics.median(sum(item["seconds"] for item in checks) for _, checks in measured)
    failed = [item["name"] for item in measured[-1][1] if item["result"] == "fail"]
    print(f"{state:<16}{wall:7.1f}s{slowest:11.1f}s{together:11.1f}s   {', '.join(failed) or 'nothing'}")


def signal(name: str) -> None:
    subprocess.run(["docker", "kill", "--signal", name, REDIS], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=0.1)
    options = parser.parse_args()
    with whole_platform(options.scale) as platform:
        dataops(platform, "run", "--direct", "--quiet")
        print(f"{'':<16}{'wall':>8}{'slowest':>12}{'together':>12}   failed")
        report("healthy", platform, options.rounds)
        signal("STOP")
        try:
            report("Redis hangs", platform, options.rounds)
        finally:
            signal("CONT")


if __name__ == "__main__":
    main()
