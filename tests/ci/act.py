"""Workflows run for real by act, on this machine instead of in containers, without the network.

What cannot be fetched is stood in for: `python3.11` gives the tests' own environment, where everything of the lock files
is installed (pip compares, and installs nothing), and so does what `actions/setup-python` brings;
`actions/upload-artifact` and `actions/download-artifact` copy to and from a folder; `actions/checkout` clones where a
job asks for another commit. Else act itself checks out, and apart from these every step is the workflow's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support import clean_environment

STAND_INS = Path(__file__).parent / "stand_ins"
WORKFLOWS = Path(".github") / "workflows"
SHA = re.compile(r"uses: (actions/[a-z-]+@[0-9a-f]{40})")
SECONDS = 900


@dataclass(frozen=True)
class Step:
    """`job/step`, whether it went well, and its seconds."""

    name: str
    ok: bool
    seconds: float


@dataclass(frozen=True)
class Ran:
    """A workflow that has ended. `output` is what its steps wrote, `summary` the jobs' summaries."""

    ok: bool
    steps: tuple[Step, ...]
    output: str
    summary: str

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    @property
    def failed(self) -> list[str]:
        return [step.name for step in self.steps if not step.ok]


def run_workflow(
    repository: Path,
    workflow: str,
    event: Mapping[str, Any],
    *,
    job: str = "",
    name: str = "pull_request",
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Ran:
    """Run a workflow of `repository`, at the commit that is checked out there, for an event of the kind `name`."""
    work = repository.parent / f"{repository.name}-act"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "event.json").write_text(json.dumps(event))
    python = Path(sys.executable)
    shown = {
        "TERM": "dumb",  # act gives steps a terminal, which GitHub does not
        "STAND_IN_PYTHON": str(STAND_INS / "setup-python" / "bin"),
        "STAND_IN_ENVIRONMENT": str(python.parent.parent),
        "PIP_NO_INDEX": "1",
        "PIP_DRY_RUN": "1",
        "STAND_IN_ARTIFACTS": str(work / "artifacts"),
        "STAND_IN_REPOSITORY": str(repository),
        **(variables or {}),
    }
    command = [
        str(python.with_name("act")),
        name,
        "--json",
        "--workflows",
        str(WORKFLOWS / f"{workflow}.yml"),
    ]
    command += ["--eventpath", str(work / "event.json"), "--action-cache-path", str(work / "cache")]
    command += ["--action-offline-mode", "--pull=false", "--no-cache-server", "--no-recurse"]
    command += [
        "--env-file",
        os.devnull,
        "--secret-file",
        os.devnull,
        "--var-file",
        os.devnull,
        "--input-file",
        os.devnull,
    ]
    for label in _labels(repository, workflow):
        command += ["--platform", f"{label}=-self-hosted"]
    for action in _third_party(repository):
        command += [
            "--local-repository",
            f"{action}={STAND_INS / action.partition('@')[0].partition('/')[2]}",
        ]
    for key, value in shown.items():
        command += ["--env", f"{key}={value}"]
    for key in secrets or {}:
        command += ["--secret", key]  # its value is in the environment, not in the command line
    if job:
        command += ["--job", job]
    done = subprocess.run(
        command,
        cwd=repository,
        env=clean_environment(
            HOME=str(work), PATH=f"{STAND_INS / 'bin'}:{os.environ['PATH']}", **(secrets or {})
        ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return _ran(done)


def _labels(repository: Path, workflow: str) -> set[str]:
    """The runners that the jobs ask for, but those whose names are computed: `self-hosted` is beside them."""
    jobs = yaml.safe_load((repository / WORKFLOWS / f"{workflow}.yml").read_text())["jobs"].values()
    asked = [job["runs-on"] if isinstance(job["runs-on"], list) else [job["runs-on"]] for job in jobs]
    return {label for labels in asked for label in labels if "${{" not in label}


def _third_party(repository: Path) -> set[str]:
    files = [*(repository / ".github").rglob("*.yml")]
    return {action for path in files for action in SHA.findall(path.read_text())}


def _ran(done: subprocess.CompletedProcess[str]) -> Ran:
    steps: list[Step] = []
    output, summary = [], []
    for line in done.stdout.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            output.append(line)
            continue
        if entry.get("raw_output") or entry.get("level") in ("error", "warning"):
            output.append(entry["msg"].rstrip("\n"))
        elif "command" in entry or "raw" in entry:
            output.append(entry.get("raw", entry["msg"]))
        if "  ⚙  Summary - " in entry.get("msg", ""):
            summary.append(entry["msg"].partition("Summary - ")[2])
        if "executionTime" in entry and entry.get("stage") == "Main" and len(entry.get("stepID", ())) == 1:
            name = f"{entry['jobID']}/{entry['step']}"
            steps.append(Step(name, entry["stepResult"] == "success", entry["executionTime"] / 1e9))
    return Ran(done.returncode == 0, tuple(steps), "\n".join([*output, done.stderr]), "\n".join(summary))


def pin_command(platform: Path) -> None:
    """Give requirements/dataops.txt a hash. pip looks at none of what is installed already."""
    lines = (platform / "requirements" / "dataops.txt").read_text().splitlines()
    (platform / "requirements" / "dataops.txt").write_text(f"{lines[-1]} --hash=sha256:{'0' * 64}\n")


def git(repository: Path, *arguments: str) -> str:
    who = ["-c", "user.name=dev", "-c", "user.email=dev@example.net", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=repository, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(repository: Path, message: str = "feat: a change") -> str:
    """Commit everything that is there; the SHA."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "HEAD")


def pull_request(repository: Path, **facts: Any) -> dict[str, Any]:
    """The event of a pull request from what is checked out to `main`."""
    fork = {"full_name": "dev/platform"}
    request = {
        "number": 7,
        "title": "feat(dbt): orders by channel",
        "body": "Gold has the orders of each channel, since the shops ask for them.",
        "labels": [],
        "draft": False,
        "user": {"login": "dev", "type": "User"},
        "base": {"ref": "main", "sha": git(repository, "rev-parse", "main"), "repo": fork},
        "head": {"ref": "change", "sha": git(repository, "rev-parse", "HEAD"), "repo": fork},
        **facts,
    }
    return {"action": "opened", "number": 7, "pull_request": request, "repository": fork}
