"""The pull request that is looked at: from GitHub's event where there is one, else from options.

Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dataops_cli.ci.pr.description import without_comments
from dataops_cli.ci.pr.title import parse
from dataops_cli.errors import DataopsError, ExitCode, UsageError

_BREAKING_FOOTER = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
# `breaking-change`, but not `non-breaking`.
_BREAKING_LABEL = re.compile(r"(?<!\bnon[ _-])(?<!\bnot[ _-])(?<!\bno[ _-])\bbreaking\b", re.IGNORECASE)


@dataclass(frozen=True)
class PullRequest:
    """`base` is the branch that it goes to, `head` the commit that it ends with. What is not known is None: on a laptop
    there may be no title yet, no description, and no labels.

    What its author has written is text from outside: never a command, and Markdown only when it is escaped.
    """

    title: str | None = None
    body: str | None = None
    base: str | None = None
    base_sha: str | None = None
    head: str | None = None
    number: int | None = None
    repository: str | None = None
    labels: frozenset[str] | None = None
    is_from_fork: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self | None:
        """The event's pull request; None for an event that is about none."""
        found = event.get("pull_request")
        if not isinstance(found, Mapping) or "number" not in found:
            return None
        base, head = found.get("base") or {}, found.get("head") or {}
        names = [(side.get("repo") or {}).get("full_name") for side in (base, head)]
        return cls(
            title=found.get("title") or "",
            body=found.get("body") or "",
            base=base.get("ref"),
            base_sha=base.get("sha"),
            head=head.get("sha"),
            number=int(found["number"]),
            repository=(event.get("repository") or {}).get("full_name"),
            labels=frozenset(str(label.get("name", "")) for label in found.get("labels") or ()),
            is_from_fork=names[0] != names[1],
        )

    def says_it_breaks(self) -> str | None:
        """Where it says that it breaks something, as conventional commits do, or by a label; None where nowhere.

        Source: https://www.conventionalcommits.org/en/v1.0.0/#specification
        """
        title = parse(self.title or "")
        if title and title.breaking:
            return "its title has a !"
        if _BREAKING_FOOTER.search(without_comments(self.body or "").replace("\r\n", "\n")):
            return "its description says BREAKING CHANGE"
        if label := next(filter(says_breaking, sorted(self.labels or ())), None):
            return f"its label {label}"
        return None


def says_breaking(label: str) -> bool:
    """Whether a label says that what has it breaks something."""
    return bool(_BREAKING_LABEL.search(label))


def current_pull_request() -> PullRequest | None:
    """The pull request that this workflow runs for; None for any other event, and outside of workflows.

    Raises what `read_event` does.
    """
    path = os.environ.get("GITHUB_EVENT_PATH")
    return PullRequest.from_event(read_event(Path(path))) if path else None


def pull_request(event: Path | None, **given: Any) -> PullRequest:
    """That of the event, or of the workflow's, with what is given by hand in place of what it says.

    Raises UsageError where the event is about none, and what `read_event` does.
    """
    path = event or (Path(named) if (named := os.environ.get("GITHUB_EVENT_PATH")) else None)
    found = PullRequest() if path is None else PullRequest.from_event(read_event(path))
    if found is None:
        raise UsageError(
            f"{path} holds no event of a pull request",
            hint="Let the workflow run on pull_request, or give it by hand: dataops ci pr --title TEXT --base BRANCH",
        )
    return replace(found, **{key: value for key, value in given.items() if value is not None})


def read_event(path: Path) -> Mapping[str, Any]:
    """The event in a file, as GITHUB_EVENT_PATH names it. Raises DataopsError (exit 3) where it cannot be read, and
    UsageError where it holds no event."""
    document: object = None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataopsError(
            f"Cannot read {path}: {error.strerror}",
            hint="It is named by --event, or by the variable GITHUB_EVENT_PATH.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    except ValueError:
        pass
    if not isinstance(document, dict):
        raise UsageError(
            f"{path} holds no event of GitHub",
            hint="Name a file with a workflow's event as JSON, by --event or the variable GITHUB_EVENT_PATH.",
        )
    return document
