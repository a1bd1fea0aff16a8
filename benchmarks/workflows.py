"""The workflows of pull requests, run by act on a platform as `dataops init` makes it: the seconds of their own steps,
beside the minutes that each workflow has.

Setting up is not timed: it is stood in for (tests/ci/act.py). Deploys and rollbacks: benchmarks/deploy.py.

    python benchmarks/workflows.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from dataops_cli.scaffold import create_platform

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ci.act import commit, git, pull_request, run_workflow

# Workflow → its job, that job's own step, and the workflow's minutes.
TIMED = {
    "ci-dbt-test": ("test", "Build and test", 5),
    "ci-lint": ("lint", "Lint", 3),
    "ci-pr-validation": ("validate", "Validate", 1),
}
MODEL = Path("dbt") / "models" / "gold" / "gld_sales_summary.sql"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        platform = Path(folder) / "platform"
        create_platform(platform)
        commit(platform, "feat: the platform")
        git(platform, "checkout", "--quiet", "-b", "change")
        (platform / MODEL).write_text(f"{(platform / MODEL).read_text()}-- a remark\n")
        commit(platform)
        print(f"{'workflow':<18} {'step':<16} {'seconds':>8} {'budget':>8} {'used':>6}")
        for workflow, (job, step, minutes) in TIMED.items():
            ran = run_workflow(platform, workflow, pull_request(platform), job=job)
            assert ran.ok, ran.output
            seconds = ran.step(f"{job}/{step}").seconds
            print(
                f"{workflow:<18} {step:<16} {seconds:>8.1f} {minutes * 60:>8} {seconds / minutes / 60:>6.0%}"
            )


if __name__ == "__main__":
    main()
