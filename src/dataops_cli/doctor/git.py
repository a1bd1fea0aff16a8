"""Which commit of the platform this is, and whether all of it is committed."""

from __future__ import annotations

import os
import subprocess

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case


def look(case: Case) -> Finding:
    # Without locks, so that a look never stands in the way of the user's own git.
    command = ["git", "--no-optional-locks", "-C", str(case.project.root)]
    try:
        done = subprocess.run(
            [*command, "status", "--porcelain=v2", "--branch"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return Finding(
            Result.WARN, "git is not installed", "Install it, for example: sudo apt-get install git"
        )
    return decide(done.returncode, done.stdout, done.stderr)


def decide(returncode: int, status: str, complaint: str) -> Finding:
    """From what `git status --porcelain=v2 --branch` returned, printed and complained of."""
    if "not a git repository" in complaint:
        remedy = "Keep the platform in git, so that runs and images name their commit: git init"
        return Finding(Result.WARN, "not in a git repository", remedy)
    if returncode:
        first, _, rest = complaint.strip().partition("\n")
        # git's own advice, such as for a folder of another user, is its last line.
        advice = rest.strip().rpartition("\n")[2].strip() or "See what git says: git status"
        return Finding(Result.WARN, f"git refuses: {first.removeprefix('fatal: ')}", advice)
    lines = status.splitlines()
    heads = dict(
        line.removeprefix("# branch.").split(" ", 1) for line in lines if line.startswith("# branch.")
    )
    commit, branch = heads["oid"], heads["head"]
    if commit == "(initial)":
        return Finding(Result.WARN, f"on {branch}, without a commit", "Commit: git add --all && git commit")
    where = f"commit {commit[:12]} " + ("without a branch" if branch == "(detached)" else f"on {branch}")
    changes = sum(not line.startswith("#") for line in lines)
    if changes:
        remedy = "Commit or stash it: git status"
        return Finding(Result.WARN, f"{where}; changed and not committed: {changes}", remedy)
    return Finding(Result.OK, where)
