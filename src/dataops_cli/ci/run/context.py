"""The variables that a runner sets and a laptop knows too."""

from __future__ import annotations

import os
from pathlib import Path

from dataops_cli.deploy.commit import current_branch, resolve
from dataops_cli.errors import DataopsError
from dataops_cli.processes import user_name


def known_variables(root: Path) -> dict[str, str]:
    """This process's variables, with the commit, the branch and the person for those that GitHub sets.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    ours = {
        "GITHUB_ACTOR": user_name(),
        "GITHUB_RUN_ID": "local",
        "RUNNER_TEMP": str(root / ".dataops" / "runner"),
    }
    try:
        ours["GITHUB_SHA"] = resolve(root, "HEAD").sha
        ours["GITHUB_REF_NAME"] = current_branch(root) or ours["GITHUB_SHA"]
    except DataopsError:
        pass  # a repository without a commit: a step that needs one is told of
    return ours | dict(os.environ)
