"""`dataops ci pr` on real repositories, with GitHub's events, and a server of our own for its API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ci.small_platform_in_git import NOT_UNDER_ACTIONS, commit, git, make_platform, write
from support import Dataops

CONFIG = """\
[pr]
file_size_kib = 2
large_files = ["/large/"]
protected = ["/environments/prod.toml"]

[labels]
dbt = ["/dbt/"]
documentation = ["*.md"]
"""


class GitHub:
    """What of GitHub's API sets labels."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.status = 200
        github = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                github.requests.append((self.path, self.headers["Authorization"], body))
                self.send_response(github.status)
                self.end_headers()
                self.wfile.write(b"[]")

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def github() -> Iterator[GitHub]:
    found = GitHub()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    folder = make_platform(tmp_path / "platform")
    git(folder, "checkout", "--quiet", "main")
    commit(folder, "ci: rules", {".github/dataops-ci.toml": CONFIG})
    git(folder, "checkout", "--quiet", "-B", "change")
    commit(folder, "feat: two", {"dbt/models/two.sql": "select 2 as id\n"})
    return folder


def event_file(folder: Path, **given: Any) -> Path:
    path = folder.parent / "event.json"
    found = {
        "title": "feat: two",
        "body": "It adds a model.",
        "number": 7,
        "base": {"ref": "main"},
        "head": {"sha": git(folder, "rev-parse", "HEAD")},
        "labels": [],
    }
    path.write_text(json.dumps({"pull_request": found | given, "repository": {"full_name": "me/platform"}}))
    return path


def check(dataops: Dataops, folder: Path, *arguments: object, **variables: str) -> tuple[int, dict[str, Any]]:
    done = dataops("ci", "pr", "--json", *arguments, cwd=folder, **{**NOT_UNDER_ACTIONS, **variables})
    return done.returncode, json.loads(done.stdout)


def results(found: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["result"] for item in found["checks"]}


def failed(found: dict[str, Any]) -> dict[str, Any]:
    """The one check that failed."""
    (item,) = [item for item in found["checks"] if item["result"] == "fail"]
    return dict(item)


def test_a_good_one(dataops_here: Dataops, platform: Path) -> None:
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, found["ok"], found["labels"]) == (0, True, ["dbt"])
    assert set(results(found).values()) == {"ok"}


def test_on_a_laptop_what_is_known_is_looked_at(dataops_here: Dataops, platform: Path) -> None:
    code, found = check(dataops_here, platform)
    assert code == 0
    assert results(found) == {
        "title": "skipped",
        "description": "skipped",
        "file sizes": "ok",
        "conflict markers": "ok",
        "merge": "ok",
        "protected paths": "ok",
    }


def test_a_bad_title(dataops_here: Dataops, platform: Path) -> None:
    event = event_file(platform, title="two")
    code, found = check(dataops_here, platform, "--event", event)
    assert (code, failed(found)["name"]) == (1, "title")
    assert check(dataops_here, platform, "--event", event, "--title", "feat: two")[0] == 0


def test_an_empty_description(dataops_here: Dataops, platform: Path) -> None:
    commit(platform, "docs: template", {".github/PULL_REQUEST_TEMPLATE.md": "## Why\n\nSay why.\n"})
    for body in (None, "## Why\n\nSay why.\n"):
        code, found = check(dataops_here, platform, "--event", event_file(platform, body=body))
        assert (code, failed(found)["name"]) == (1, "description")


def test_a_huge_file(dataops_here: Dataops, platform: Path) -> None:
    commit(platform, "feat: data", {"data.csv": "1\n" * 2000, "large/data.csv": "1\n" * 2000})
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, failed(found)["places"]) == (
        1,
        [{"file": "data.csv", "message": "4 KiB, and 2 are allowed", "line": None}],
    )


def test_conflict_markers(dataops_here: Dataops, platform: Path) -> None:
    """An underline of seven is none."""
    text = f"Heading\n{'=' * 7}\n{'<' * 7} HEAD\na\n{'=' * 7}\nb\n{'>' * 7} other\n"
    commit(platform, "docs: a", {"docs/a.rst": text, "docs/b.rst": f"Heading\n{'=' * 7}\n"})
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, failed(found)["name"]) == (1, "conflict markers")
    assert [(place["file"], place["line"]) for place in failed(found)["places"]] == [
        ("docs/a.rst", 3),
        ("docs/a.rst", 7),
    ]


def test_a_conflict_with_the_target(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "feat: another two", {"dbt/models/two.sql": "select 22 as id\n"})
    git(platform, "checkout", "--quiet", "change")
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, failed(found)["found"]) == (1, "it conflicts with main in dbt/models/two.sql")
    assert git(platform, "status", "--porcelain") == ""


def test_a_protected_path(dataops_here: Dataops, platform: Path) -> None:
    commit(platform, "feat: prod", {"environments/prod.toml": '[deploy]\nbranch = "release"\n'})
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, failed(found)["found"]) == (1, "1 protected path changed: environments/prod.toml")
    labelled = event_file(platform, labels=[{"name": "protected-paths"}])
    code, found = check(dataops_here, platform, "--event", labelled)
    assert (code, results(found)["protected paths"]) == (0, "ok")
    code, found = check(dataops_here, platform)  # labels are not known
    assert (code, results(found)["protected paths"]) == (0, "warn")


def test_a_change_cannot_lift_its_own_protection(dataops_here: Dataops, platform: Path) -> None:
    files = {
        "environments/prod.toml": '[deploy]\nbranch = "release"\n',
        ".github/dataops-ci.toml": '[pr]\nprotected_label = "dbt"\n\n[labels]\ndbt = ["*"]\nprotected-paths = ["*"]\n',
    }
    commit(platform, "feat: prod", files)
    event = event_file(platform, labels=[{"name": "dbt"}])
    code, found = check(dataops_here, platform, "--event", event)
    assert (code, failed(found)["found"]) == (1, "1 protected path changed: environments/prod.toml")
    assert found["labels"] == []  # none of those that a reviewer sets
    labelled = event_file(platform, labels=[{"name": "protected-paths"}])
    assert check(dataops_here, platform, "--event", labelled)[0] == 0


def test_rules_that_cannot_be_read_can_be_mended(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "ci: broken", {".github/dataops-ci.toml": "[pr\n"})
    git(platform, "checkout", "--quiet", "-B", "change")
    commit(platform, "fix: rules", {".github/dataops-ci.toml": CONFIG})
    assert check(dataops_here, platform, "--event", event_file(platform))[0] == 0


def test_a_deleted_file_counts_as_changed(dataops_here: Dataops, platform: Path) -> None:
    (platform / "environments/prod.toml").unlink()
    commit(platform, "feat: no prod")
    assert check(dataops_here, platform, "--event", event_file(platform))[0] == 1


def test_what_github_reads(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    """Whatever the title says is text: in an annotation, in the summary, and never in a shell."""
    title = 'x"; touch pwned #\n::error::forged `<b>`'
    commit(platform, "docs: a", {"README.md": "# Platform\n"})
    event = event_file(platform, title=title)
    github = {
        **NOT_UNDER_ACTIONS,
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    done = dataops_here("ci", "pr", cwd=platform, **github)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("::")] == [
        "::error title=title::it has not the form `type: description`%0AWrite it as `type(scope): description`, such "
        "as `fix(silver): count returns once`. Types: build, chore, ci, docs, feat, fix, perf, refactor, revert, "
        "style, test"
    ]
    assert (tmp_path / "output").read_text() == 'labels=["dbt", "documentation"]\n'
    assert "### Pull request: Not ready to merge: title." in (tmp_path / "summary").read_text()
    assert not list(tmp_path.rglob("pwned"))


def test_labels_are_set(dataops_here: Dataops, platform: Path, github: GitHub) -> None:
    commit(platform, "docs: a", {"README.md": "# Platform\n"})
    event = event_file(platform, labels=[{"name": "dbt"}])
    token = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "secret-token"}
    assert check(dataops_here, platform, "--event", event, **token)[0] == 0
    assert github.requests == [
        ("/repos/me/platform/issues/7/labels", "Bearer secret-token", {"labels": ["documentation"]})
    ]


def test_a_token_that_may_not_label_forbids_no_merge(
    dataops_here: Dataops, platform: Path, github: GitHub
) -> None:
    github.status = 403
    token = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "secret-token"}
    done = dataops_here(
        "ci", "pr", "--event", event_file(platform), cwd=platform, **{**NOT_UNDER_ACTIONS, **token}
    )
    assert done.returncode == 0
    assert "warning: GitHub refuses to set labels (status 403)" in done.stderr
    assert "secret-token" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ("[pr]\nfile_size_kb = 1\n", ":2: unknown key pr.file_size_kb\n  → Did you mean pr.file_size_kib?"),
        ("[label]\na = []\n", ":1: unknown key label\n  → Did you mean labels?"),
        ("[pr]\ntypes = 1\n", ":2: pr.types: input should be a valid tuple"),
        ("[pr]\nfile_size_kib = 0\n", ":2: pr.file_size_kib: input should be greater than or equal to 1"),
        ("pr = [\n", " is no valid TOML: "),
    ],
)
def test_a_wrong_configuration(dataops_here: Dataops, platform: Path, config: str, fault: str) -> None:
    write(platform, {".github/dataops-ci.toml": config})
    done = dataops_here("ci", "pr", cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert f"error: .github/dataops-ci.toml{fault}" in done.stderr


def test_this_repositorys_own_configuration_is_right() -> None:
    from dataops_cli.ci.config import read_config
    from support import ROOT

    assert read_config(ROOT).labels


def test_an_event_that_is_none(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    (tmp_path / "push.json").write_text('{"ref": "refs/heads/main"}')
    done = dataops_here("ci", "pr", "--event", tmp_path / "push.json", cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert "holds no event of a pull request" in done.stderr


def test_a_target_that_is_not_here(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("ci", "pr", "--base", "trunk", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (
        2,
        "error: There is no branch or commit trunk here to compare with\n"
        "  → Fetch it, with its history: git fetch --unshallow origin trunk\n",
    )
