"""`dataops ci pr` on real repositories, with GitHub's events, and a server of our own for its API."""

from __future__ import annotations

import json
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


def test_a_huge_file_that_was_taken_out_again_is_in_the_commits(
    dataops_here: Dataops, platform: Path
) -> None:
    """Of the change: what its target got meanwhile is in the merge that Actions checks out, too."""
    files = {"data.csv": "1\n" * 2000, "model.csv": "1\n" * 2000, "large/data.csv": "1\n" * 2000}
    commit(platform, "feat: data", files)
    (platform / "data.csv").unlink()
    commit(platform, "fix: less data", {"model.csv": "1\n" * 1500})
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "feat: of the target", {"target.csv": "1\n" * 2000})
    git(platform, "checkout", "--quiet", "--detach")
    git(platform, "merge", "--quiet", "--no-ff", "--message", "a merge", "change")
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, {place["file"]: place["message"] for place in failed(found)["places"]}) == (
        1,
        {
            "model.csv": "4 KiB in a commit, and 2 are allowed",
            "data.csv": "4 KiB in a commit, and 2 are allowed",
        },
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


def test_conflict_markers_where_git_shows_no_differences(dataops_here: Dataops, platform: Path) -> None:
    conflict = f"{'<' * 7} HEAD\na\n{'=' * 7}\nb\n{'>' * 7} other\n"
    commit(platform, "build: lock", {"package-lock.json": conflict, ".gitattributes": "*-lock.json -diff\n"})
    code, found = check(dataops_here, platform, "--event", event_file(platform))
    assert (code, [place["line"] for place in failed(found)["places"]]) == (1, [1, 5])


def test_conflict_markers_that_are_meant(dataops_here: Dataops, platform: Path) -> None:
    """Those that were there before, and those of a page on conflicts; what git does not track yet is looked at, too."""
    conflict = f"{'<' * 7} HEAD\na\n{'=' * 7}\nb\n{'>' * 7} other\n"
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "docs: on git", {"docs/git.md": conflict})
    git(platform, "checkout", "--quiet", "change")
    git(platform, "rebase", "--quiet", "main")
    commit(platform, "docs: more", {"docs/git.md": conflict + "More on it.\n"})
    assert check(dataops_here, platform, "--event", event_file(platform))[0] == 0
    files = {
        "docs/new.md": conflict,
        "other.txt": conflict,
        ".gitattributes": "/docs/* conflict-marker-size=32\n",
    }
    write(platform, files)
    for tracked in (False, True):
        _, found = check(dataops_here, platform, "--event", event_file(platform))
        assert [(place["file"], place["line"]) for place in failed(found)["places"]] == [
            ("other.txt", 1),
            ("other.txt", 5),
        ]
        if not tracked:
            git(platform, "add", "--all")


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
        ".github/dataops-ci.toml": '[pr]\nprotected_label = "dbt"\n\n[labels]\ndbt = ["*"]\nprotected-paths = ["*"]\n'
        '"Protected-Paths" = ["*"]\n',
    }
    commit(platform, "feat: prod", files)
    event = event_file(platform, labels=[{"name": "dbt"}])
    code, found = check(dataops_here, platform, "--event", event)
    assert (code, failed(found)["found"]) == (1, "1 protected path changed: environments/prod.toml")
    assert found["labels"] == []  # none of those that a reviewer sets
    labelled = event_file(platform, labels=[{"name": "protected-paths"}])
    assert check(dataops_here, platform, "--event", labelled)[0] == 0


def test_a_change_cannot_say_by_its_own_rules_that_it_breaks(dataops_here: Dataops, platform: Path) -> None:
    rules = '[labels]\nbreaking = ["*"]\n"kind: Breaking" = ["*"]\nnon-breaking = ["*"]\n'
    commit(platform, "ci: labels", {".github/dataops-ci.toml": rules})
    assert check(dataops_here, platform, "--event", event_file(platform))[1]["labels"] == ["non-breaking"]


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


@pytest.mark.parametrize(
    ("base", "hint"),
    [("trunk", "There are: change, main"), ("mian", "Did you mean main?")],
)
def test_a_target_that_is_not_here(dataops_here: Dataops, platform: Path, base: str, hint: str) -> None:
    done = dataops_here("ci", "pr", "--base", base, cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: There is no branch or commit {base} here to compare with\n  → {hint}\n",
    )


def test_a_target_that_a_clone_has_not(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    for options, hint in (
        ((), "There are: change, main. One that is on GitHub only: git fetch origin trunk"),
        (("--depth=1",), "Fetch it, with its history: git fetch --unshallow origin trunk"),
    ):
        clone = tmp_path / f"clone{len(options)}"
        git(tmp_path, "clone", "--quiet", *options, f"file://{platform}", str(clone))
        done = dataops_here("ci", "pr", "--base", "origin/trunk", cwd=clone, **NOT_UNDER_ACTIONS)
        assert f"  → {hint}\n" in done.stderr


@pytest.mark.parametrize("base", [(), ("--base", "main")])
def test_before_the_first_commit(dataops_here: Dataops, tmp_path: Path, base: tuple[str, ...]) -> None:
    write(tmp_path, {"environments/base.toml": ""})
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    done = dataops_here("ci", "pr", *base, cwd=tmp_path, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert "  → Commit the platform first: git add --all && git commit\n" in done.stderr


def test_a_repository_without_a_usual_branch(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "branch", "--quiet", "--move", "main", "trunk")
    done = dataops_here("ci", "pr", cwd=platform, **NOT_UNDER_ACTIONS)
    assert "  → Name it by --base. There are: change, trunk\n" in done.stderr


def test_the_remedy_of_a_conflict_is_about_what_was_compared(
    dataops_here: Dataops, platform: Path, tmp_path: Path
) -> None:
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "feat: another two", {"dbt/models/two.sql": "select 22 as id\n"})
    git(platform, "checkout", "--quiet", "change")
    assert failed(check(dataops_here, platform)[1])["remedy"] == "Merge or rebase: git rebase main"
    git(tmp_path, "clone", "--quiet", str(platform), str(tmp_path / "clone"))
    git(tmp_path / "clone", "branch", "--quiet", "main", "HEAD")  # a stale one
    for base in ((), ("--base", "main"), ("--base", "origin/main")):
        remedy = failed(check(dataops_here, tmp_path / "clone", *base)[1])["remedy"]
        assert remedy == "Merge or rebase: git fetch && git rebase origin/main"


VERDICTS = {
    (): "Nothing speaks against merging so far; not looked at: title, description.",
    ("--title", "fix: x"): "Nothing speaks against merging so far; not looked at: description.",
}


def test_what_is_not_known_is_said(dataops_here: Dataops, platform: Path) -> None:
    def verdict(*arguments: object) -> str:
        done = dataops_here("ci", "pr", *arguments, cwd=platform, **NOT_UNDER_ACTIONS)
        assert done.returncode == 0
        return done.stdout.splitlines()[-1]

    assert {arguments: verdict(*arguments) for arguments in VERDICTS} == VERDICTS
    assert verdict("--event", event_file(platform)) == "Nothing speaks against merging."
    commit(platform, "feat: prod", {"environments/prod.toml": '[deploy]\nbranch = "release"\n'})
    assert verdict("--title", "fix: x") == (
        "Nothing speaks against merging so far; on GitHub it needs the label protected-paths; "
        "not looked at: description."
    )


def test_the_summary_says_where(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    """Each in a line of its own, whatever its name."""
    conflict = f"{'<' * 7} a\n{'>' * 7} b\n"
    files = {"data.csv": "1\n" * 2000, "a\n# All is well\n::error::forged.md": conflict}
    commit(platform, "feat: data", files)
    summary = tmp_path / "summary"
    github = {
        **NOT_UNDER_ACTIONS,
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(event_file(platform)),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = dataops_here("ci", "pr", cwd=platform, **github)
    text = summary.read_text()
    assert "| 1 file that is too large |" in text
    assert "| 2 lines of conflicts |" in text
    name = r"a\\n\# All is well\\n::error::forged.md"
    assert "\n\n- data.csv: file sizes: 4 KiB, and 2 are allowed\n" in text
    assert f"\n- {name}:1: conflict markers: a conflict is not resolved here\n" in text
    assert "\n# All" not in text
    assert "a\\n# All is well\\n::error::forged.md:2: a conflict is not resolved here\n" in done.stdout
    annotations = [line for line in done.stderr.splitlines() if line.lstrip().startswith("::")]
    assert [line.partition("file=")[2].partition(",")[0] for line in annotations] == [
        "data.csv",
        *["a%0A# All is well%0A%3A%3Aerror%3A%3Aforged.md"] * 2,
    ]


def test_a_platform_in_a_folder_of_its_repository(dataops_here: Dataops, tmp_path: Path) -> None:
    """Patterns are its own, too; rules that are not where GitHub has them are told of."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "feat: a", {"data/environments/base.toml": "", "data/.github/dataops-ci.toml": CONFIG})
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    commit(tmp_path, "feat: b", {"data/environments/prod.toml": "", "data/dbt/a.sql": "select 1\n"})
    found = check(dataops_here, tmp_path / "data")[1]
    (told,) = [item for item in found["checks"] if item["result"] == "warn"]
    assert told["found"] == "no rules are read: data/.github/dataops-ci.toml is not at the repository's root"
    assert told["remedy"] == (
        "Move this file to .github/dataops-ci.toml at the root. Leave the workflows: they run only where the platform is "
        "its repository's root."
    )
    git(tmp_path, "checkout", "--quiet", "main")
    (tmp_path / "data/.github").rename(tmp_path / ".github")
    commit(tmp_path, "ci: to the root")
    git(tmp_path, "checkout", "--quiet", "change")
    git(tmp_path, "merge", "--quiet", "--no-edit", "main")
    code, found = check(dataops_here, tmp_path / "data", "--event", event_file(tmp_path / "data"))
    assert (code, failed(found)["found"]) == (1, "1 protected path changed: data/environments/prod.toml")
    assert found["labels"] == ["dbt"]
