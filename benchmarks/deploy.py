"""Deploys and rollbacks of the whole platform, timed, beside the pipeline's own dbt work.

Prints the seconds of a deploy (the first, of the same commit, with one model changed, with one DAG changed) and of a
rollback (images and data kept; data not kept; nothing kept), each with its ratio to `dataops run --direct`, which builds
and tests all models in the same container. The warehouse is DuckDB, the rows are generated. What it needs: see
whole_platform.py.

    python benchmarks/deploy.py [--scale 1]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

from whole_platform import NAME, dataops, whole_platform

MODEL = Path("dbt/models/gold/gld_sales_summary.sql")
DAG = Path("airflow/dags/dataops_cleanup.py")


def commit(platform: Path, changed: Path | None, mark: str) -> str:
    """A commit that changes one file, by a comment; its short SHA."""
    if changed:
        comment = "--" if changed.suffix == ".sql" else "#"
        path = platform / changed
        path.write_text(f"{path.read_text()}{comment} {mark}\n")
    git(platform, "add", "--all")
    git(platform, "commit", "--quiet", "--allow-empty", "--message", mark)
    return git(platform, "rev-parse", "HEAD")[:12]


def git(platform: Path, *arguments: str) -> str:
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.net", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=platform, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def timed(platform: Path, *arguments: str) -> float:
    started = time.perf_counter()
    dataops(platform, *arguments)
    return time.perf_counter() - started


def forget_data(platform: Path, release: str) -> None:
    """Remove the generations of a release from the warehouse's volume, as if they had not been kept."""
    found = json.loads(dataops(platform, "generations", "--json"))
    doomed = [item["run_id"] for item in found if item["release"] == release and not item["published"]]
    folder = "/opt/dataops/.dataops/bench/generations"
    for run_id in doomed:
        dataops(platform, "exec", "dbt", "--", "rm", "-rf", f"{folder}/{run_id}")


def forget_images(release: str) -> None:
    for name in ("dbt", "airflow"):
        subprocess.run(
            ["docker", "rmi", "--force", f"dataops-{name}:{release}"], capture_output=True, check=True
        )


def measure(platform: Path) -> None:
    git(platform, "init", "--quiet", "--initial-branch=main")
    dataops(platform, "run", "--direct", "--quiet")
    alone = timed(platform, "run", "--direct", "--quiet")

    def say(what: str, seconds: float) -> None:
        print(f"{what:<44}{seconds:7.1f} s  {seconds / alone:5.2f}", flush=True)

    say("dataops run --direct", alone)
    first = commit(platform, None, "first")
    say("deploy: the first", timed(platform, "deploy"))
    say("deploy: the same commit", timed(platform, "deploy"))
    commit(platform, MODEL, "one model")
    say("deploy: one model changed", timed(platform, "deploy"))
    last = commit(platform, DAG, "one DAG")
    say("deploy: one DAG changed", timed(platform, "deploy"))
    say("rollback: images and data kept", timed(platform, "rollback", first, "--no-rebuild"))
    dataops(platform, "rollback", last, "--no-rebuild")
    forget_data(platform, first)
    say("rollback: images kept, no data", timed(platform, "rollback", first, "--no-rebuild"))
    dataops(platform, "rollback", last, "--no-rebuild")
    forget_data(platform, first)
    forget_images(first)
    say("rollback: nothing kept", timed(platform, "rollback", first, "--no-rebuild"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    print(f"stack {NAME}")
    with whole_platform(options.scale) as platform:
        measure(platform)


if __name__ == "__main__":
    main()
