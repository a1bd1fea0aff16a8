"""`dataops run` beside the same work by hand, and how time and memory grow with the data.

By hand: `dbt deps && dbt run && dbt test && dbt docs generate` on the same project, data and machine.
Both sides run in turns, with dbt's partial parsing warm. Then scales 1, 10 and 100 (or those given).

    python benchmarks/pipeline.py [--rounds 3] [--scales 1 10 100]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATAOPS = [sys.executable, "-m", "dataops_cli"]
DBT = [str(Path(sys.executable).with_name("dbt"))]


def timed(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> tuple[float, int]:
    """Wall seconds and peak memory in MiB of a command, which must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{output}")
    return time.perf_counter() - started, usage.ru_maxrss // 1024


def by_hand(platform: Path, scratch: Path, extra: list[str]) -> dict[str, float]:
    """The four commands, each in a process of its own, as a shell script would run them."""
    environment = os.environ | {
        "DATAOPS_DBT_DUCKDB_PATH": str(scratch / "warehouse.duckdb"),
        "DATAOPS_DBT_DUCKDB_SOURCE_PATH": str(platform / ".dataops" / "local" / "source.duckdb"),
        "DBT_TARGET_PATH": str(scratch / "target"),
        "DBT_LOG_PATH": str(scratch / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    project = ["--project-dir", "dbt", "--profiles-dir", "dbt"]
    commands = {
        "deps": ["deps"],
        "run": ["run"],
        "test": ["test", *extra],
        "docs generate": ["docs", "generate"],
    }
    return {
        name: timed([*DBT, *command, *project], platform, environment)[0]
        for name, command in commands.items()
    }


def compare(platform: Path, scratch: Path, rounds: int) -> None:
    timed([*DATAOPS, "run"], platform)  # warm both sides' caches
    by_hand(platform, scratch, [])
    ours, hand, hand_without_units, dbt_share = [], [], [], []
    for _ in range(rounds):
        seconds, _memory = timed([*DATAOPS, "run"], platform)
        shown = subprocess.run(
            [*DATAOPS, "runs", "show", "last", "--json"],
            cwd=platform,
            capture_output=True,
            text=True,
            check=True,
        )
        timings = json.loads(shown.stdout)["timings"]
        ours.append(seconds)
        dbt_share.append((sum(timings.values()) - timings["publish"]) / seconds)
        hand.append(by_hand(platform, scratch, []))
        hand_without_units.append(by_hand(platform, scratch, ["--exclude-resource-type", "unit_test"]))
    totals = [sum(times.values()) for times in hand]
    without = [sum(times.values()) for times in hand_without_units]
    steps = ", ".join(f"{name} {statistics.median(times[name] for times in hand):.1f}" for name in hand[0])
    print(f"dataops run                           {statistics.median(ours):6.1f} s")
    print(f"four commands by hand                 {statistics.median(totals):6.1f} s ({steps})")
    print(f"  the same without dbt's unit tests   {statistics.median(without):6.1f} s")
    print(
        f"ratio                                 {statistics.median(ours) / statistics.median(totals):6.2f} (aim: at most 0.4)"
    )
    print(
        f"ratio without dbt's unit tests        {statistics.median(ours) / statistics.median(without):6.2f}"
    )
    print(f"share of dataops run spent in dbt     {statistics.median(dbt_share):6.0%}")


def grow(platform: Path, scales: list[float]) -> None:
    print(f"{'scale':>6} {'run s':>8} {'peak MiB':>9} {'s per scale':>12}")
    for scale in scales:
        timed([*DATAOPS, "source", "generate", "--scale", str(scale)], platform)
        seconds, memory = timed([*DATAOPS, "run"], platform)
        print(f"{scale:>6g} {seconds:>8.1f} {memory:>9} {seconds / scale:>12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scales", type=float, nargs="*", default=[1, 10, 100])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        platform, scratch = Path(folder) / "platform", Path(folder) / "scratch"
        scratch.mkdir()
        timed([*DATAOPS, "init", str(platform)], ROOT)
        timed([*DATAOPS, "source", "generate"], platform)
        if options.rounds:
            compare(platform, scratch, options.rounds)
            shutil.rmtree(scratch)
        grow(platform, options.scales)


if __name__ == "__main__":
    main()
