"""Labels from the paths that a change touches."""

from __future__ import annotations

import os
from collections.abc import Sequence

import requests

from dataops_cli.ci.paths import matching
from dataops_cli.ci.pr.check import Change
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.errors import DataopsError, ExitCode

SECONDS = 30.0


def labels_of(change: Change) -> list[str]:
    """Never one that only a reviewer sets: a change would let itself touch protected paths."""
    of_reviewers = {rules.pr.protected_label for rules in (change.config, change.config_before)}
    return [
        label
        for label, patterns in change.config.labels.items()
        if label not in of_reviewers and matching(change.files, patterns)
    ]


def set_labels(request: PullRequest, labels: Sequence[str]) -> list[str]:
    """Give the pull request those that it has not, where a token is given (GITHUB_TOKEN). Returns those.

    Raises DataopsError where GitHub refuses or does not answer.
    Source: https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue
    """
    api, token = os.environ.get("GITHUB_API_URL"), os.environ.get("GITHUB_TOKEN")
    new = [label for label in labels if label not in (request.labels or ())]
    if not (api and token and request.number and request.repository and new):
        return []
    try:
        answer = requests.post(
            f"{api}/repos/{request.repository}/issues/{request.number}/labels",
            json={"labels": new},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
            timeout=SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise DataopsError(
            f"GitHub does not answer at {api}: {type(error).__name__}",
            hint="Run the job again.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    if answer.status_code != requests.codes.ok:
        raise DataopsError(
            f"GitHub refuses to set labels (status {answer.status_code})",
            hint="Give the job the permission `pull-requests: write`; a fork's pull request never has it.",
        )
    return new
