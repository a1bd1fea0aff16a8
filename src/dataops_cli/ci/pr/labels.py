"""Labels from the paths that a change touches."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.ci.github_api import GitHub
from dataops_cli.ci.pr.check import Change
from dataops_cli.ci.pull_request import says_breaking


def labels_of(change: Change) -> list[str]:
    """The labels of the changed paths, but for those that only people set."""
    protected = (change.config.pr.protected_label, change.config_before.pr.protected_label)
    return [
        label
        for label, patterns in change.config.labels.items()
        if not is_for_people(label, *protected) and change.matching(change.files, patterns)
    ]


def is_for_people(label: str, *protected: str) -> bool:
    """Whether only people set a label: a change that got it by its own rules would let itself touch protected paths, or
    break who reads gold. For GitHub a label is the same in any case.
    """
    name = label.strip().casefold()
    return says_breaking(name) or name in {one.strip().casefold() for one in protected}


def add_labels(github: GitHub, labels: Sequence[str]) -> None:
    """Give the pull request labels; what it has stays.

    Raises ReadOnlyTokenError where the token may not write, DataopsError where GitHub refuses or does not answer.
    Source: https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue
    """
    path = f"/issues/{github.number}/labels"
    github.until_it_answers(lambda: github.send("POST", path, {"labels": list(labels)}))
