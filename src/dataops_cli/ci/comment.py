"""One comment on a pull request, which each push updates.

Source: https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from dataops_cli.errors import DataopsError, ExitCode

# Characters of a comment that GitHub takes.
LIMIT = 65536
MARKER = "<!-- dataops ci dbt -->"
CUT = "\n\n*The rest is in the summary of the job: a comment is at most 65,536 characters.*\n"
SECONDS, ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 30.0, 5, 1.0, 60.0
_PER_PAGE = 100
_BUSY = frozenset((429, 500, 502, 503, 504))


class ReadOnlyTokenError(DataopsError):
    """The token may not write, as that of a fork's pull request may not."""


def marked(markdown: str) -> str:
    """The Markdown as a comment that will be found again, cut at a line's end where it is too long."""
    body = f"{MARKER}\n{markdown}"
    if len(body) <= LIMIT:
        return body
    closing = "\n</details>"
    kept = body[: LIMIT - len(CUT) - len(closing)].rpartition("\n")[0]
    is_open = kept.count("<details>") > kept.count("</details>")
    return kept + closing * is_open + CUT


@dataclass
class Comments:
    """The comments of one pull request, or issue. `api` is GitHub's address (GITHUB_API_URL), `repository` owner/name."""

    api: str
    repository: str
    number: int
    token: str
    pause: Callable[[float], None] = time.sleep
    session: requests.Session = field(default_factory=requests.Session)

    def put(self, body: str) -> str:
        """Make the comment that begins with the marker, or update it, so that there is one. Returns its address.

        Raises ReadOnlyTokenError where the token may not write, DataopsError where GitHub refuses or does not answer.
        """
        for attempt in range(1, ATTEMPTS + 1):
            if ours := list(self._ours()):
                first, *others = ours
                answer = self._send("PATCH", f"/issues/comments/{first['id']}", body)
                for other in others:  # two jobs have made one each at the same time
                    self._send("DELETE", f"/issues/comments/{other['id']}")
                return str(answer.json()["html_url"])
            # It may be made although the answer says that it failed: then it is found the next time.
            made = self._once("POST", self._comments, body)
            if made is not None and not _is_busy(made):
                return str(self._checked(made).json()["html_url"])
            if attempt < ATTEMPTS:
                self.pause(_pause(made, attempt))
        raise self._unanswered(made)

    @property
    def _comments(self) -> str:
        return f"/issues/{self.number}/comments"

    def _ours(self) -> Iterator[dict[str, Any]]:
        """Those of a workflow that begin with the marker, the oldest first. People's are left alone."""
        page = 1
        while True:
            found = self._send("GET", f"{self._comments}?per_page={_PER_PAGE}&page={page}").json()
            for comment in found:
                is_bot = (comment.get("user") or {}).get("type") == "Bot"
                if is_bot and (comment.get("body") or "").startswith(MARKER):
                    yield comment
            if len(found) < _PER_PAGE:
                return
            page += 1

    def _send(self, method: str, path: str, body: str | None = None) -> requests.Response:
        """A request that may be made twice. Raises DataopsError where it is refused."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._once(method, path, body)
            if answer is not None and not _is_busy(answer):
                return self._checked(answer)
            if attempt < ATTEMPTS:
                self.pause(_pause(answer, attempt))
        raise self._unanswered(answer)

    def _once(self, method: str, path: str, body: str | None = None) -> requests.Response | None:
        """The answer; None where there was none."""
        try:
            return self.session.request(
                method,
                f"{self.api.rstrip('/')}/repos/{self.repository}{path}",
                json={"body": body} if body is not None else None,
                headers={
                    "Accept": "application/vnd.github+json",
                    "Authorization": f"Bearer {self.token}",
                    "X-GitHub-Api-Version": "2022-11-28",
                },
                timeout=SECONDS,
            )
        except (requests.ConnectionError, requests.Timeout):
            return None

    def _checked(self, answer: requests.Response) -> requests.Response:
        if answer.ok:
            return answer
        told = _message(answer)
        if answer.status_code == 403:
            raise ReadOnlyTokenError(
                f"GitHub lets this token write no comment: {told}",
                hint="Give the job `permissions: pull-requests: write`.",
            )
        hints = {
            401: "GITHUB_TOKEN is wrong or over: take the job's own, ${{ github.token }}.",
            404: f"See whether {self.repository} has a pull request {self.number}, and the token may read it.",
        }
        raise DataopsError(
            f"GitHub refuses the comment ({answer.status_code}): {told}",
            hint=hints.get(answer.status_code, "See what it says; the comment is also the job's summary."),
        )

    def _unanswered(self, answer: requests.Response | None) -> DataopsError:
        told = f"answers {answer.status_code}" if answer is not None else "does not answer"
        return DataopsError(
            f"GitHub {told} after {ATTEMPTS} attempts ({self.api})",
            hint="Run the job again later; the comment is also the job's summary.",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _is_busy(answer: requests.Response) -> bool:
    """Whether it may be asked again. Of its limits GitHub speaks with 403, too."""
    limited = answer.status_code == 403 and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )
    return answer.status_code in _BUSY or limited


def _pause(answer: requests.Response | None, attempt: int) -> float:
    """Seconds until the next attempt: as GitHub asks, or twice as long each time."""
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    wanted = float(asked) if asked.isdigit() else FIRST_PAUSE * 2 ** (attempt - 1)
    return min(wanted, LONGEST_PAUSE)


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason or "no reason given"
