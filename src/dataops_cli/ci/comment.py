"""One comment on a pull request, which each push updates.

Source: https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from dataops_cli.ci.github_api import GitHub
from dataops_cli.errors import DataopsError

# Characters of a comment that GitHub takes.
LIMIT = 65536
MARKER = "<!-- dataops ci dbt -->"
CUT = "\n\n*The rest is in the summary of the job: a comment is at most 65,536 characters.*\n"
_PER_PAGE = 100


def marked(markdown: str) -> str:
    """The Markdown as a comment that will be found again, cut at a line's end where it is too long."""
    body = f"{MARKER}\n{markdown}"
    if len(body) <= LIMIT:
        return body
    closing = "\n</details>"
    kept = body[: LIMIT - len(CUT) - len(closing)].rpartition("\n")[0]
    is_open = kept.count("<details>") > kept.count("</details>")
    return kept + closing * is_open + CUT


def put_comment(github: GitHub, body: str) -> str:
    """Make the comment that begins with the marker, or update it, so that there is one. Returns its address.

    Raises ReadOnlyTokenError where the token may not write, DataopsError where GitHub refuses or does not answer.
    """
    # One may be made although the answer says that it failed: then it is found the next time.
    return github.until_it_answers(lambda: _put(github, body))


def _put(github: GitHub, body: str) -> str:
    ours = list(_ours(github))
    if not ours:
        made = github.send("POST", _comments(github), {"body": body})
        return str(made.json()["html_url"])
    first, *others = ours
    updated = github.send("PATCH", f"/issues/comments/{first['id']}", {"body": body})
    for other in others:  # two jobs have made one each at the same time; both may tidy up
        with suppress(DataopsError):
            github.send("DELETE", f"/issues/comments/{other['id']}")
    return str(updated.json()["html_url"])


def _comments(github: GitHub) -> str:
    return f"/issues/{github.number}/comments"


def _ours(github: GitHub) -> Iterator[dict[str, Any]]:
    """Those of a workflow that begin with the marker, the oldest first. People's are left alone."""
    page = 1
    while True:
        found = github.send("GET", f"{_comments(github)}?per_page={_PER_PAGE}&page={page}").json()
        for comment in found:
            is_bot = (comment.get("user") or {}).get("type") == "Bot"
            if is_bot and (comment.get("body") or "").startswith(MARKER):
                yield comment
        if len(found) < _PER_PAGE:
            return
        page += 1
