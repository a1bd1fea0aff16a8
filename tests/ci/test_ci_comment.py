"""The sticky comment, against a small HTTP server that keeps comments as GitHub does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.ci.comment import CUT, LIMIT, MARKER, Comments, ReadOnlyTokenError, marked
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.errors import DataopsError
from support import Dataops

TOKEN = "ghs_token"  # noqa: S105 (of the server below)


@dataclass
class GitHub:
    """`failures` are answers to give instead of doing what is asked: (method, status, headers, whether it is done)."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[str, int, dict[str, str], bool]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    read_only: bool = False
    address: str = ""

    def add(self, body: str, kind: str = "Bot") -> int:
        number = len(self.comments) + 100
        self.comments.append(
            {
                "id": number,
                "body": body,
                "user": {"type": kind},
                "html_url": f"https://github.test/c/{number}",
            }
        )
        return number

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if method != "GET" and self.read_only:
            return 403, {"message": "Resource not accessible by integration"}
        if match := re.fullmatch(r"/repos/a/b/issues/comments/(\d+)", path):
            comment = next(item for item in self.comments if item["id"] == int(match[1]))
            if method == "DELETE":
                self.comments.remove(comment)
                return 204, None
            comment["body"] = body["body"]
            return 200, comment
        if path != "/repos/a/b/issues/7/comments":
            return 404, {"message": "Not Found"}
        if method == "POST":
            self.add(body["body"])
            return 201, self.comments[-1]
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return 200, self.comments[size * (page - 1) : size * page]


@pytest.fixture
def github() -> Iterator[GitHub]:
    kept = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            kept.requests.append(self.command)
            status, content, headers = 0, None, {}
            failing = next((item for item in kept.failures if item[0] == self.command), None)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, content = 401, {"message": "Bad credentials"}
            elif failing is None or failing[3]:
                status, content = kept.answer(self.command, parts.path, parse_qs(parts.query), body)
            if failing:
                kept.failures.remove(failing)
                status, content, headers = failing[1], {"message": "busy"}, failing[2]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            data = b"" if content is None else json.dumps(content).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.address = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


def comments(github: GitHub, pauses: list[float] | None = None, **others: Any) -> Comments:
    pause = (pauses if pauses is not None else []).append
    given = {"api": github.address, "repository": "a/b", "number": 7, "token": TOKEN, "pause": pause}
    return Comments(**{**given, **others})


def bodies(github: GitHub) -> list[str]:
    return [item["body"] for item in github.comments]


def test_the_first_push_makes_it_and_the_next_updates_it(github: GitHub) -> None:
    first = comments(github).put(marked("one"))
    assert comments(github).put(marked("two")) == first == "https://github.test/c/100"
    assert bodies(github) == [f"{MARKER}\ntwo"]


def test_it_is_found_on_a_later_page_and_others_are_left_alone(github: GitHub) -> None:
    quoting = f"> {MARKER}\nnice"
    github.add(quoting)
    github.add(f"{MARKER}\na person's", kind="User")
    for number in range(150):
        github.add(f"comment {number}", kind="User")
    github.add(marked("old"))
    comments(github).put(marked("new"))
    assert github.requests == ["GET", "GET", "PATCH"]
    assert bodies(github)[:2] == [quoting, f"{MARKER}\na person's"]
    assert [body for body in bodies(github)[2:] if MARKER in body] == [marked("new")]


def test_of_two_that_were_made_at_the_same_time_one_stays(github: GitHub) -> None:
    github.add(marked("one"))
    github.add(marked("other"))
    comments(github).put(marked("new"))
    assert bodies(github) == [marked("new")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_github_is_asked_again_as_it_says(status: int, github: GitHub) -> None:
    github.add(marked("old"))
    github.failures = [("GET", status, {"Retry-After": "3"}, False), ("PATCH", status, {}, False)]
    pauses: list[float] = []
    comments(github, pauses).put(marked("new"))
    assert bodies(github) == [marked("new")]
    assert pauses == [3, 1]


def test_a_rate_limit_that_comes_as_403_is_waited_for(github: GitHub) -> None:
    github.failures = [("POST", 403, {"Retry-After": "600"}, False)]
    pauses: list[float] = []
    comments(github, pauses).put(marked("new"))
    assert (bodies(github), pauses) == ([marked("new")], [60])


def test_one_that_was_made_although_the_answer_says_no_is_not_made_twice(github: GitHub) -> None:
    github.failures = [("POST", 502, {}, True)]
    comments(github).put(marked("new"))
    assert bodies(github) == [marked("new")]


def test_a_github_that_stays_busy_is_given_up(github: GitHub) -> None:
    github.failures = [("GET", 503, {}, False)] * 5
    pauses: list[float] = []
    with pytest.raises(DataopsError, match="GitHub answers 503 after 5 attempts") as caught:
        comments(github, pauses).put(marked("new"))
    assert (caught.value.exit_code, pauses) == (3, [1, 2, 4, 8])


def test_a_github_that_is_not_there_is_given_up(github: GitHub) -> None:
    with pytest.raises(DataopsError, match="does not answer after 5 attempts"):
        comments(github, api="http://127.0.0.1:1").put(marked("new"))


def test_what_it_refuses_is_said(github: GitHub) -> None:
    with pytest.raises(DataopsError, match=r"refuses the comment \(401\): Bad credentials"):
        comments(github, token=TOKEN[1:]).put(marked("new"))
    with pytest.raises(DataopsError, match=r"refuses the comment \(404\): Not Found"):
        comments(github, number=8).put(marked("new"))
    github.read_only = True
    with pytest.raises(ReadOnlyTokenError, match="Resource not accessible by integration"):
        comments(github).put(marked("new"))


@given(
    st.lists(
        st.sampled_from(["a line", "| a | row |", "<details><summary>x</summary>", "</details>", "é" * 40])
    ),
    st.integers(1, 40),
)
def test_a_comment_always_fits(lines: list[str], times: int) -> None:
    text = "\n".join(lines * times * 20)
    body = marked(text)
    assert len(body) <= LIMIT
    assert body.startswith(MARKER)
    if len(text) < LIMIT - 100:
        assert body == f"{MARKER}\n{text}"


def test_a_cut_comment_ends_with_a_whole_line_and_nothing_open() -> None:
    body = marked("<details><summary>much</summary>\n\n" + "a line of text\n" * 10_000 + "</details>")
    assert len(body) > LIMIT - 100
    assert body.endswith(f"a line of text\n</details>{CUT}")


# --- the command -------------------------------------------------------------------------------------------------------


def event(folder: Path, **changed: Any) -> str:
    side = {"ref": "main", "sha": "1" * 40, "repo": {"full_name": "a/b"}}
    pull_request = {"number": 7, "title": "feat: x", "body": "", "labels": [], "base": side, "head": side}
    path = folder / "event.json"
    path.write_text(json.dumps({"pull_request": {**pull_request, **changed}}))
    return str(path)


def test_the_command_takes_all_from_the_workflow(
    github: GitHub, dataops_here: Dataops, new_platform: Any, tmp_path: Path
) -> None:
    (tmp_path / "comment.md").write_text("### all is well\n")
    variables = {
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": event(tmp_path),
    }
    done = dataops_here("ci", "comment", "comment.md", cwd=tmp_path, **variables)
    assert (done.returncode, done.stdout) == (0, "The comment is at https://github.test/c/100\n")
    assert bodies(github) == [marked("### all is well\n")]
    assert TOKEN not in done.stdout + done.stderr

    github.read_only = True
    own = dataops_here("ci", "comment", "comment.md", cwd=tmp_path, **variables)
    assert own.returncode == 1
    assert "permissions: pull-requests: write" in own.stderr
    fork = {"ref": "x", "sha": "2" * 40, "repo": {"full_name": "someone/b"}}
    variables["GITHUB_EVENT_PATH"] = event(tmp_path, head=fork)
    variables["GITHUB_ACTIONS"] = "true"
    foreign = dataops_here("ci", "comment", "comment.md", cwd=tmp_path, **variables)
    assert foreign.returncode == 0
    assert (
        "warning: No comment is written, since the token of this pull request may only read" in foreign.stderr
    )
    assert "::warning title=dataops ci comment::No comment: the token may only read." in foreign.stderr


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "There is no pull request to comment on: this workflow runs for none"),
        ({"GITHUB_EVENT_PATH": "event.json"}, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_EVENT_PATH": "event.json", "GITHUB_REPOSITORY": "a/b"}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_EVENT_PATH": "comment.md"}, "comment.md holds no event of GitHub"),
    ],
)
def test_what_is_missing_is_said(
    variables: dict[str, str], reason: str, dataops_here: Dataops, tmp_path: Path
) -> None:
    event(tmp_path)
    (tmp_path / "comment.md").write_text("x")
    clean = {"GITHUB_EVENT_PATH": "", "GITHUB_REPOSITORY": "", "GITHUB_TOKEN": ""}
    done = dataops_here("ci", "comment", "comment.md", cwd=tmp_path, **clean | variables)
    assert done.returncode == 2
    assert f"error: {reason}" in done.stderr


# --- what the pull request says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"title": "feat!: no more margin"}, "its title has a !"),
        ({"title": "feat(gold)!: no more margin"}, "its title has a !"),
        ({"title": "feat: what a day!: margin"}, None),
        ({"body": "Less.\r\n\r\nBREAKING CHANGE: margin goes\r\n"}, "its description says BREAKING CHANGE"),
        ({"body": "BREAKING-CHANGE: margin goes"}, "its description says BREAKING CHANGE"),
        ({"body": "This is no BREAKING CHANGE: really"}, None),
        ({"body": None}, None),
        ({"labels": [{"name": "docs"}, {"name": "Breaking-Change"}]}, "its label Breaking-Change"),
        ({"labels": [{"name": "groundbreaking"}]}, None),
        ({"labels": [{"name": "non-breaking"}, {"name": "Not breaking"}]}, None),
    ],
)
def test_whether_a_pull_request_says_that_it_breaks_something(
    said: dict[str, Any], where: str | None
) -> None:
    found = PullRequest.from_event({"pull_request": {"number": 1, "title": "feat: x", **said}})
    assert found is not None
    assert found.says_it_breaks() == where


def test_an_event_without_a_pull_request_has_none() -> None:
    assert PullRequest.from_event({"ref": "refs/heads/main"}) is None
