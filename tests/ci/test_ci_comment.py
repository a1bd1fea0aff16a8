"""The sticky comment and labels, on a small HTTP server that keeps them as GitHub does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.fake_github import TOKEN, FakeGitHub, own_github
from ci.small_platform_in_git import make_platform, write
from dataops_cli.ci.comment import CUT, LIMIT, MARKER, marked, put_comment
from dataops_cli.ci.github_api import GitHub, ReadOnlyTokenError
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.errors import DataopsError
from support import Dataops


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with own_github() as kept:
        yield kept


def put(github: FakeGitHub, body: str, pauses: list[float] | None = None, **others: Any) -> str:
    pause = (pauses if pauses is not None else []).append
    given = {"api": github.address, "repository": "a/b", "number": 7, "token": TOKEN, "pause": pause}
    return put_comment(GitHub(**{**given, **others}), body)


def bodies(github: FakeGitHub) -> list[str]:
    return [item["body"] for item in github.comments]


def test_the_first_push_makes_it_and_the_next_updates_it(github: FakeGitHub) -> None:
    first = put(github, marked("one"))
    assert put(github, marked("two")) == first == "https://github.test/c/100"
    assert bodies(github) == [f"{MARKER}\ntwo"]


def test_it_is_found_on_a_later_page_and_others_are_left_alone(github: FakeGitHub) -> None:
    quoting = f"> {MARKER}\nnice"
    github.add(quoting)
    github.add(f"{MARKER}\na person's", kind="User")
    for number in range(150):
        github.add(f"comment {number}", kind="User")
    github.add(marked("old"))
    put(github, marked("new"))
    assert github.requests == ["GET", "GET", "PATCH"]
    assert bodies(github)[:2] == [quoting, f"{MARKER}\na person's"]
    assert [body for body in bodies(github)[2:] if MARKER in body] == [marked("new")]


def test_a_login_of_netrc_does_not_replace_the_token(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (netrc := tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    put(github, marked("one"))
    assert bodies(github) == [marked("one")]


def test_of_two_that_were_made_at_the_same_time_one_stays(github: FakeGitHub) -> None:
    github.add(marked("one"))
    github.add(marked("other"))
    put(github, marked("new"))
    assert bodies(github) == [marked("new")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_github_is_asked_again_as_it_says(status: int, github: FakeGitHub) -> None:
    github.add(marked("old"))
    github.failures = [("GET", status, {"Retry-After": "3"}, False), ("PATCH", status, {}, False)]
    pauses: list[float] = []
    put(github, marked("new"), pauses)
    assert bodies(github) == [marked("new")]
    assert pauses == [3, 2]


def test_a_rate_limit_that_comes_as_403_is_waited_for(github: FakeGitHub) -> None:
    github.failures = [("POST", 403, {"Retry-After": "600"}, False)]
    pauses: list[float] = []
    put(github, marked("new"), pauses)
    assert (bodies(github), pauses) == ([marked("new")], [60])


def test_one_that_was_made_although_the_answer_says_no_is_not_made_twice(github: FakeGitHub) -> None:
    github.failures = [("POST", 502, {}, True)]
    put(github, marked("new"))
    assert bodies(github) == [marked("new")]


def test_a_github_that_stays_busy_is_given_up(github: FakeGitHub) -> None:
    github.failures = [("GET", 503, {}, False)] * 5
    pauses: list[float] = []
    with pytest.raises(DataopsError, match="GitHub answers 503, asked 5 times") as caught:
        put(github, marked("new"), pauses)
    assert (caught.value.exit_code, pauses) == (3, [1, 2, 4, 8])


def test_a_github_that_is_not_there_is_given_up(github: FakeGitHub) -> None:
    with pytest.raises(DataopsError, match="GitHub does not answer, asked 5 times"):
        put(github, marked("new"), api="http://127.0.0.1:1")


def test_what_it_refuses_is_said(github: FakeGitHub) -> None:
    with pytest.raises(DataopsError, match=r"refuses it \(401\): Bad credentials"):
        put(github, marked("new"), token=TOKEN[1:])
    with pytest.raises(DataopsError, match=r"refuses it \(404\): Not Found"):
        put(github, marked("new"), number=8)
    github.read_only = True
    with pytest.raises(ReadOnlyTokenError, match="Resource not accessible by integration"):
        put(github, marked("new"))


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
    github: FakeGitHub, dataops_here: Dataops, new_platform: Any, tmp_path: Path
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
    assert (
        "::warning title=dataops ci comment::No comment is written, since the token of this pull request may only read."
        in foreign.stderr
    )


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "There is no pull request to write to: this workflow runs for none"),
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


@pytest.mark.parametrize(
    ("variables", "options", "reason"),
    [
        ({"GITHUB_API_URL": "foo"}, (), "GITHUB_API_URL is no address of an API: foo"),
        ({"GITHUB_API_URL": "file:///etc"}, (), "GITHUB_API_URL is no address of an API: file:///etc"),
        ({"GITHUB_API_URL": "https://"}, (), "GITHUB_API_URL is no address of an API: https://"),
        ({"GITHUB_REPOSITORY": "x"}, (), "GITHUB_REPOSITORY is x, which is no repository"),
        ({"GITHUB_REPOSITORY": "a/../b"}, (), "GITHUB_REPOSITORY is a/../b, which is no repository"),
        ({"GITHUB_TOKEN": f"{TOKEN}\n"}, (), "GITHUB_TOKEN has characters that no token has"),
        ({}, ("--pull-request", "-1"), "Invalid value for '--pull-request'"),
    ],
)
def test_what_is_wrong_is_not_sent(
    github: FakeGitHub,
    dataops_here: Dataops,
    tmp_path: Path,
    variables: dict[str, str],
    options: tuple[str, ...],
    reason: str,
) -> None:
    (tmp_path / "comment.md").write_text("x")
    right = {
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": event(tmp_path),
    }
    done = dataops_here("ci", "comment", "comment.md", *options, cwd=tmp_path, **right | variables)
    assert (done.returncode, github.requests) == (2, [])
    assert f"error: {reason}" in done.stderr
    assert TOKEN not in done.stderr


def test_that_it_is_asked_again_is_said() -> None:
    said = list[str]()
    github = GitHub("http://127.0.0.1:9", "a/b", 7, TOKEN, pause=lambda _seconds: None, say=said.append)
    with pytest.raises(DataopsError, match="GitHub does not answer, asked 5 times"):
        github.until_it_answers(lambda: github.send("GET", ""))
    assert said == [
        f"GitHub does not answer (http://127.0.0.1:9); asking again in {n} s" for n in (1, 2, 4, 8)
    ]


def test_labels_are_added_to_those_that_are_there(
    github: FakeGitHub, dataops_here: Dataops, tmp_path: Path
) -> None:
    platform = make_platform(tmp_path / "platform")
    github.labels = ["dbt"]
    github.failures = [("POST", 502, {"Retry-After": "0"}, True)]
    variables = {
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": event(tmp_path),
    }
    done = dataops_here("ci", "label", '["dbt", "it\'s a \\"label\\""]', cwd=platform, **variables)
    assert (done.returncode, done.stdout) == (0, 'Labels of pull request 7: dbt, it\'s a "label"\n')
    assert github.labels == ["dbt", 'it\'s a "label"']

    github.requests.clear()
    nothing = dataops_here("ci", "label", "[]", cwd=platform, **variables)
    assert (nothing.returncode, github.requests) == (0, [])
    wrong = dataops_here("ci", "label", "dbt", cwd=platform, **variables)
    assert (wrong.returncode, "no JSON list of names" in wrong.stderr) == (2, True)

    github.read_only = True
    own = dataops_here("ci", "label", '["dbt"]', cwd=platform, **variables)
    assert (own.returncode, "permissions: pull-requests: write" in own.stderr) == (1, True)
    dependabot = dataops_here(
        "ci", "label", '["dbt"]', cwd=platform, **variables, GITHUB_ACTOR="dependabot[bot]"
    )
    assert (dependabot.returncode, "warning: No label is written" in dependabot.stderr) == (0, True)


def test_labels_of_people_are_left_out(github: FakeGitHub, dataops_here: Dataops, tmp_path: Path) -> None:
    """Whatever the job before it says, which runs the change's own code; the checkout is the target's."""
    platform = make_platform(tmp_path / "platform")
    write(platform, {".github/dataops-ci.toml": '[pr]\nprotected_label = "two-eyes"\n'})
    variables = {
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": event(tmp_path),
    }
    asked = '["breaking", "dbt", "Two-Eyes"]'
    done = dataops_here("ci", "label", asked, cwd=platform, **variables)
    assert (done.returncode, github.labels) == (0, ["dbt"])
    assert done.stderr == "warning: Left out, since only people set them: breaking, Two-Eyes\n"


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
        ({"body": "<!-- Such as:\n\nBREAKING CHANGE: what goes\n-->\n\nNothing goes."}, None),
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
