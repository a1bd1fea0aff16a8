"""A run of the pipeline through Airflow beside the same run without it, in one stack.

Prints seconds from `dataops run` to the first task and to success, the ratio to `dataops run --direct` (the same dbt
work in the same container, in one process), and the memory of each service at rest after it. The warehouse is
DuckDB, the rows are generated. What it needs: see whole_platform.py.

    python benchmarks/airflow.py [--rounds 3] [--scale 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from whole_platform import NAME, dataops, whole_platform


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" ", "T"))


def through_airflow(platform: Path) -> tuple[float, float]:
    """Seconds to the first task and to success."""
    started = datetime.now(UTC)
    run = json.loads(dataops(platform, "run", "--json"))["run_id"]
    tasks = json.loads(dataops(platform, "airflow", "tasks", run, "--json"))
    first = min(moment(task["started_at"]) for task in tasks)
    last = max(moment(task["ended_at"]) for task in tasks)
    return (first - started).total_seconds(), (last - started).total_seconds()


def directly(platform: Path) -> float:
    started = time.perf_counter()
    dataops(platform, "run", "--direct", "--quiet")
    return time.perf_counter() - started


def memory() -> dict[str, str]:
    lines = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found = (line.split(" ", 1) for line in lines if line.startswith(NAME))
    return {name.removeprefix(f"{NAME}-dataops-"): used.partition(" / ")[0] for name, used in sorted(found)}


def measure(platform: Path, rounds: int) -> None:
    through_airflow(platform)  # warms the caches of both
    first, success, direct = [], [], []
    for _ in range(rounds):
        direct.append(directly(platform))
        to_first, to_success = through_airflow(platform)
        first.append(to_first)
        success.append(to_success)
    ours, alone = statistics.median(success), statistics.median(direct)
    print(
        f"dataops run, through Airflow: first task after {statistics.median(first):.1f} s, success after {ours:.1f} s"
    )
    print(f"dataops run --direct: {alone:.1f} s; ratio {ours / alone:.2f}")
    time.sleep(30)
    for service, used in memory().items():
        print(f"  {service:<24}{used}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    with whole_platform(options.scale) as platform:
        measure(platform, options.rounds)


if __name__ == "__main__":
    main()
