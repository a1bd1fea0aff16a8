"""The workflows, run by act: the seconds of their own steps, beside the minutes that each workflow has.

Those of pull requests run on a platform as `dataops init` makes it; a deploy of a second commit and the rollback to the
first on the whole platform: what that needs, see whole_platform.py. Setting up is not timed: it is stood in for
(tests/ci/act.py).

    python benchmarks/workflows.py [--scale 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from whole_platform import IMAGES, whole_platform

from dataops_cli.scaffold import create_platform

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ci.act import Ran, commit, git, pin_command, pull_request, run_workflow

# Workflow → its job, that job's own step, and the workflow's minutes.
TIMED = {
    "ci-dbt-test": ("test", "Build and test", 5),
    "ci-lint": ("lint", "Lint", 3),
    "ci-pr-validation": ("validate", "Validate", 1),
    "cd-deploy": ("deploy", "Deploy", 20),
    "cd-rollback": ("rollback", "Roll back", 15),
}
MODEL = Path("dbt") / "models" / "gold" / "gld_sales_summary.sql"


def show(workflow: str, ran: Ran) -> None:
    assert ran.ok, ran.output
    job, step, minutes = TIMED[workflow]
    seconds = ran.step(f"{job}/{step}").seconds
    print(f"{workflow:<18} {step:<16} {seconds:>8.1f} {minutes * 60:>8} {seconds / minutes / 60:>6.0%}")


def change(platform: Path) -> None:
    """A remark in a model of gold."""
    model = platform / MODEL
    model.write_text(f"{model.read_text()}-- a remark\n")
    commit(platform)


def pull_requests() -> None:
    with tempfile.TemporaryDirectory() as folder:
        platform = Path(folder) / "platform"
        create_platform(platform)
        pin_command(platform)
        commit(platform, "feat: the platform")
        git(platform, "checkout", "--quiet", "-b", "change")
        change(platform)
        for workflow in ("ci-dbt-test", "ci-lint", "ci-pr-validation"):
            show(workflow, run_workflow(platform, workflow, pull_request(platform), job=TIMED[workflow][0]))


def deploys(scale: float) -> None:
    with whole_platform(scale) as platform:
        environments = platform / "environments"
        prod = environments / "prod.toml"
        prod.write_text(prod.read_text().replace('branch = "main"', 'branch = "production"'))
        bench = environments / "bench.toml"
        bench.write_text(f'{bench.read_text()}[deploy]\nbranch = "main"\n')
        secrets = {"ENVIRONMENT_SECRETS": (environments / "bench.secrets.env").read_text()}
        push = {"ref": "refs/heads/main", "repository": {"full_name": "dev/platform"}}
        pin_command(platform)
        commit(platform, "feat: the platform")
        first = run_workflow(platform, "cd-deploy", push, name="push", variables=IMAGES, secrets=secrets)
        assert first.ok, first.output
        change(platform)
        show(
            "cd-deploy",
            run_workflow(platform, "cd-deploy", push, name="push", variables=IMAGES, secrets=secrets),
        )
        back = {"inputs": {"environment": "bench", "sha": "", "reason": "to be timed"}}
        show(
            "cd-rollback",
            run_workflow(
                platform,
                "cd-rollback",
                back,
                name="workflow_dispatch",
                variables=IMAGES,
                secrets=secrets,
            ),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of AdventureWorks' number of orders")
    scale = parser.parse_args().scale
    print(f"{'workflow':<18} {'step':<16} {'seconds':>8} {'budget':>8} {'used':>6}")
    pull_requests()
    deploys(scale)


if __name__ == "__main__":
    main()
