"""GitHub's API for one pull request: asked again while it is busy, and what it refuses explained.

Source: https://docs.github.com/en/rest
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL, MissingSchema

from dataops_cli.console import visible
from dataops_cli.errors import DataopsError, ExitCode, UsageError

SECONDS, ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 30.0, 5, 1.0, 60.0
_BUSY = frozenset((429, 500, 502, 503, 504))

Done = TypeVar("Done")


class ReadOnlyTokenError(DataopsError):
    """The token may not write, as that of a fork's pull request may not."""


class BusyError(DataopsError):
    """GitHub may be asked again, after `seconds` where it says so. What was asked may be done nevertheless. `told` is
    what it did."""

    seconds: float | None = None
    told: str = ""


@dataclass
class GitHub:
    """`api` is GitHub's address (GITHUB_API_URL), `repository` owner/name, `number` that of the pull request."""

    api: str
    repository: str
    number: int
    token: str
    pause: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda _text: None
    session: requests.Session = field(default_factory=requests.Session)

    def until_it_answers(self, ask: Callable[[], Done]) -> Done:
        """What `ask` returns, which may be called more than once: again where it raises BusyError, after as long as
        GitHub wants, or twice as long each time. The last attempt's error is raised."""
        for attempt in range(1, ATTEMPTS):
            try:
                return ask()
            except BusyError as busy:
                wanted = FIRST_PAUSE * 2 ** (attempt - 1) if busy.seconds is None else busy.seconds
                seconds = min(wanted, LONGEST_PAUSE)
                self.say(f"{busy.told} ({self.api}); asking again in {seconds:g} s")
                self.pause(seconds)
        return ask()

    def send(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> requests.Response:
        """The answer to one request; `path` is below the repository's address.

        Raises BusyError where it may be asked again, ReadOnlyTokenError where the token may not write, DataopsError
        where GitHub refuses, and UsageError for an address or a token that can be none.
        """
        try:
            answer = self.session.request(
                method,
                f"{self.api.rstrip('/')}/repos/{self.repository}{path}",
                json=document,
                headers={
                    "Accept": "application/vnd.github+json",
                    "Authorization": f"Bearer {self.token}",
                    "X-GitHub-Api-Version": "2022-11-28",
                },
                auth=lambda request: (
                    request
                ),  # none but the header's: requests would take one of ~/.netrc instead
                timeout=SECONDS,
                allow_redirects=False,  # the token is for this address
            )
        except (InvalidSchema, InvalidURL, MissingSchema):
            raise UsageError(
                f"GITHUB_API_URL is no address of an API: {visible(self.api)}",
                hint="Set it to one that begins with https://, or leave it out: then it is https://api.github.com",
            ) from None
        except (InvalidHeader, UnicodeEncodeError):  # their text has the token
            raise UsageError(
                "GITHUB_TOKEN has characters that no token has",
                hint="Take the job's own, ${{ github.token }}; see that no line's end follows it.",
            ) from None
        except requests.RequestException:
            raise self._busy("does not answer") from None
        if _is_busy(answer):
            asked = answer.headers.get("retry-after", "")
            raise self._busy(f"answers {answer.status_code}", float(asked) if asked.isdigit() else None)
        if answer.status_code >= 300:
            raise self._refusal(answer)
        return answer

    def _busy(self, told: str, seconds: float | None = None) -> BusyError:
        error = BusyError(
            f"GitHub {told}, asked {ATTEMPTS} times ({self.api})",
            hint="Run the job again later.",
            exit_code=ExitCode.UNAVAILABLE,
        )
        error.seconds, error.told = seconds, f"GitHub {told}"
        return error

    def _refusal(self, answer: requests.Response) -> DataopsError:
        told = _message(answer)
        if answer.status_code == 403:
            return ReadOnlyTokenError(
                f"GitHub lets this token write nothing: {told}",
                hint="Give the job `permissions: pull-requests: write`.",
            )
        hints = {
            401: "GITHUB_TOKEN is wrong or over: take the job's own, ${{ github.token }}.",
            404: f"See whether {self.repository} has a pull request {self.number}, and the token may read it.",
        }
        return DataopsError(
            f"GitHub refuses it ({answer.status_code}): {told}",
            hint=hints.get(answer.status_code, "See what it says, and the summary of the job before."),
        )


def _is_busy(answer: requests.Response) -> bool:
    """Whether it may be asked again. Of its limits GitHub speaks with 403, too."""
    limited = answer.status_code == 403 and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )
    return answer.status_code in _BUSY or limited


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason or "no reason given"
