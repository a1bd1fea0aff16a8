"""`dataops ci lint`: each check finds its fault in a platform that is clean without it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ci.small_platform_in_git import CLEAN, NOT_UNDER_ACTIONS, commit, git, make_platform, write
from dataops_cli.ci.lint.plain_files import _of_yamllint
from dataops_cli.ci.lint.registry import CHECKS
from dataops_cli.ci.repository import Repository
from support import Dataops

# In no file as it is: it would be found in this one.
TOKEN = "ghp_" + "1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ0"
WORKFLOW = ".github/workflows/ci.yml"

FAULTS = [
    pytest.param("sql", "dbt/models/one.sql", "SELECT 1 as id\n", {"CP01"}, id="sql"),
    pytest.param("tsql", "dbt/models/one.sql", "select 1 id\n", {"AL02"}, id="tsql"),
    pytest.param("python", "airflow/dags/a.py", "import os\n", {"F401"}, id="python"),
    pytest.param("python", "airflow/dags/a.py", "NUMBER  =  1\n", {"format"}, id="python-format"),
    pytest.param("python", "airflow/dags/a.py", "NUMBER = \n", {"invalid-syntax"}, id="python-syntax"),
    pytest.param("types", "airflow/dags/a.py", 'NUMBER: int = "one"\n', {"assignment"}, id="types"),
    pytest.param("yaml", "dbt/models/one.yml", "a: 1\na: 2\n", {"key-duplicates"}, id="yaml"),
    pytest.param("yaml", "dbt/models/one.yml", "a: [\n", {"syntax"}, id="yaml-syntax"),
    pytest.param("dockerfiles", "airflow/Dockerfile", "FROM debian\n", {"DL3006"}, id="dockerfiles"),
    pytest.param("shell", "airflow/bin/start", "#!/bin/sh\necho $1\n", {"SC2086"}, id="shell"),
    pytest.param(
        "compose", "compose/compose.yml", "services:\n  web:\n    imag: a\n", {"compose"}, id="compose"
    ),
    pytest.param("compose", "environments/dev.toml", "[stack]\nenable = true\n", {"settings"}, id="settings"),
    pytest.param(
        "workflows",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("dataops ci lint", "echo ${{ github.nothing }}"),
        {"expression"},
        id="workflows",
    ),
    pytest.param(
        "workflows",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("dataops ci lint", "echo $HOME"),
        {"shellcheck"},
        id="workflows-shell",
    ),
    pytest.param(
        "workflow-security",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("dataops ci lint", "echo ${{ github.head_ref }}"),
        {"template-injection"},
        id="workflow-security",
    ),
    pytest.param(
        "workflow-security",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("permissions: {}\n", ""),
        {"excessive-permissions"},
        id="workflow-security-pedantic",
    ),
    pytest.param(
        "github-schemas",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("steps:", "stepz:"),
        {"github-workflows"},
        id="schemas",
    ),
    pytest.param("secrets", "compose/.env", f"TOKEN={TOKEN}\n", {"betterleaks.github-pat"}, id="secrets"),
]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_platform(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def platform(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "platform"))


def lint(dataops: Dataops, folder: Path, *arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    done = dataops("ci", "lint", "--json", *arguments, cwd=folder, **{**NOT_UNDER_ACTIONS, **variables})
    return done.returncode, json.loads(done.stdout)


def test_the_platform_is_clean_in_every_check(dataops_here: Dataops, platform: Path) -> None:
    write(platform, {"environments/dev.toml": CLEAN["environments/dev.toml"] + "# changed\n"})
    code, found = lint(dataops_here, platform)
    assert code == 0, json.dumps(found, indent=1)
    assert {item["name"]: item["result"] for item in found["checks"]} == dict.fromkeys(
        (check.name for check in CHECKS), "ok"
    )


def test_a_new_platform_is_clean(dataops_here: Dataops, tmp_path: Path) -> None:
    """In all that is quick; its SQL is this repository's, which tests/warehouse lints."""
    assert dataops_here("init", "new", cwd=tmp_path).returncode == 0
    quick = [check.name for check in CHECKS if check.name not in ("sql", "tsql")]
    arguments = [argument for name in quick for argument in ("--check", name)]
    code, found = lint(dataops_here, tmp_path / "new", *arguments)
    assert code == 0, json.dumps(found, indent=1)
    assert {item["name"] for item in found["checks"] if item["files"]} == {*quick} - {"types"}


def test_every_check_has_a_fault() -> None:
    assert {fault.values[0] for fault in FAULTS} == {check.name for check in CHECKS}


@pytest.mark.parametrize(("check", "file", "text", "rules"), FAULTS)
def test_a_fault_is_found_in_its_file(
    dataops_here: Dataops, platform: Path, check: str, file: str, text: str, rules: set[str]
) -> None:
    write(platform, {file: text})
    code, found = lint(dataops_here, platform, "--check", check)
    (outcome,) = found["checks"]
    assert (code, outcome["error"]) == (1, None)
    assert {item["file"] for item in outcome["findings"]} == {file}
    assert {item["rule"] for item in outcome["findings"]} >= rules
    assert all(item["line"] for item in outcome["findings"]) or check == "tsql"
    assert TOKEN not in json.dumps(found)


def test_a_tool_that_fails_without_a_word_has_not_found_nothing(
    dataops_here: Dataops, platform: Path
) -> None:
    write(platform, {"mypy.ini": "[mypy]\nfiles = no/such/folder\n"})
    code, found = lint(dataops_here, platform, "--check", "types")
    assert code == 1
    assert "mypy failed (exit code 2)" in found["checks"][0]["error"]["reason"]


def test_what_yamllint_says_in_another_form_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="surprise"):
        _of_yamllint("a.yml: surprise")


def test_a_secret_that_was_taken_out_again_is_in_the_commits(dataops_here: Dataops, platform: Path) -> None:
    commit(platform, "feat: in", {"compose/settings.ini": f"token = {TOKEN}\n"})
    (platform / "compose/settings.ini").unlink()
    commit(platform, "fix: out")
    assert git(platform, "diff", "--stat", "main") == ""
    code, found = lint(dataops_here, platform, "--check", "secrets")
    (finding,) = found["checks"][0]["findings"]
    assert (code, finding["file"], finding["line"]) == (1, "compose/settings.ini", 1)
    fingerprint = finding["message"].rpartition(" ")[2]
    write(platform, {".github/dataops-ci.toml": f'[lint]\nallowed_secrets = ["{fingerprint}"]\n'})
    assert lint(dataops_here, platform, "--check", "secrets")[0] == 0


def test_a_secret_that_was_taken_out_again_is_found_from_the_merge_that_actions_checks_out(
    dataops_here: Dataops, platform: Path
) -> None:
    commit(platform, "feat: in", {"compose/settings.ini": f"token = {TOKEN}\n"})
    (platform / "compose/settings.ini").unlink()
    commit(platform, "fix: out")
    git(platform, "checkout", "--quiet", "--detach", "main")
    git(platform, "merge", "--quiet", "--no-ff", "--message", "a merge", "change")
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert code == 1
    assert [item["file"] for item in found["checks"][0]["findings"]] == ["compose/settings.ini"]


def test_what_the_target_got_meanwhile_is_not_of_the_change(platform: Path) -> None:
    """In the merge that Actions checks out; what the merge itself has written is."""
    commit(platform, "feat: ours", {"ours.txt": "1\n"})
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "feat: theirs", {"theirs.txt": "1\n"})
    git(platform, "checkout", "--quiet", "--detach")
    git(platform, "merge", "--quiet", "--no-ff", "--no-commit", "change")
    commit(platform, "a merge", {"merged.txt": "1\n"})
    assert Repository(platform).touched("main") == ["merged.txt", "ours.txt"]


def test_a_secret_may_be_allowed_on_its_line(dataops_here: Dataops, platform: Path) -> None:
    write(platform, {"compose/settings.ini": f"token = {TOKEN}  # kingfisher:ignore\n"})
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert (code, found["checks"][0]["files"]) == (0, 1)


def test_without_a_target_branch_every_file_is_looked_at(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "branch", "--quiet", "--delete", "--force", "main")
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert code == 0
    assert found["checks"][0]["files"] == len(git(platform, "ls-files").splitlines())


def test_paths_can_be_left_out(dataops_here: Dataops, platform: Path) -> None:
    write(
        platform,
        {"airflow/dags/b.py": "import os\n", ".github/dataops-ci.toml": '[lint]\nskip = ["b.py"]\n'},
    )
    assert lint(dataops_here, platform, "--check", "python")[0] == 0


def test_what_people_see(dataops_here: Dataops, platform: Path) -> None:
    write(platform, {"airflow/bin/start": "#!/bin/sh\necho $1\n"})
    done = dataops_here(
        "ci",
        "lint",
        "--quiet",
        "--check",
        "shell",
        "--check",
        "dockerfiles",
        cwd=platform,
        **NOT_UNDER_ACTIONS,
    )
    assert (done.returncode, done.stderr) == (1, "")
    shown = [line.rstrip() for line in done.stdout.splitlines() if not line.startswith("─")]
    assert without_times(shown) == [
        "airflow/bin/start:2:6: SC2086: Double quote to prevent globbing and word splitting.",
        "  → shell: What a rule means: https://www.shellcheck.net/wiki/; allow it above its line: "
        "# shellcheck disable=RULE",
        "",
        "check         result   found                   time",
        "dockerfiles   ok       no findings in 1 file   N s",
        "shell         fail     1 finding in 1 file     N s",
        "",
        "1 finding by 1 of 2 checks, in N s.",
    ]


def without_times(lines: list[str]) -> list[str]:
    import re

    return [re.sub(r"\d+\.\d s\b", "N s", line) for line in lines]


def test_what_github_reads(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    write(platform, {"airflow/bin/start": "#!/bin/sh\necho $1\n"})
    summary = tmp_path / "summary.md"
    github = {**NOT_UNDER_ACTIONS, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = dataops_here("ci", "lint", "--json", "--check", "shell", cwd=platform, **github)
    assert (
        "::error title=shell%3A SC2086,file=airflow/bin/start,line=2,col=6::"
        "Double quote to prevent globbing and word splitting." in done.stderr.splitlines()
    )
    assert not json.loads(done.stdout)["clean"]
    text = without_times(summary.read_text().splitlines())
    assert text[0] == "### Lint: 1 finding by 1 of 1 check, in N s."
    assert "| ❌ shell | 1 finding in 1 file | N s |" in text
    assert "- airflow/bin/start:2:6: **SC2086** Double quote to prevent globbing and word splitting." in text


def test_a_platform_in_a_folder_of_its_repository(dataops_here: Dataops, tmp_path: Path) -> None:
    top = tmp_path / "top"
    write(top / "data" / "platform", CLEAN | {"airflow/bin/start": "#!/bin/sh\necho $1\n"})
    git(top, "init", "--quiet", "--initial-branch=main")
    github = {**NOT_UNDER_ACTIONS, "GITHUB_ACTIONS": "true"}
    done = dataops_here("ci", "lint", "--check", "shell", cwd=top / "data" / "platform", **github)
    assert "file=data/platform/airflow/bin/start,line=2" in done.stderr


def test_the_plan_does_nothing(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("ci", "lint", "--plan", "--json", cwd=platform, **NOT_UNDER_ACTIONS)
    plan = {item["name"]: item["files"] for item in json.loads(done.stdout)["plan"]}
    assert list(plan) == [check.name for check in CHECKS]
    assert plan["shell"] == ["airflow/bin/start"]
    assert plan["sql"] == ["dbt/models/one.sql"]
    assert plan["secrets"] == []


def test_an_unknown_check(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("ci", "lint", "--check", "shel", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (2, "error: There is no check shel\n  → Did you mean shell?\n")


def test_a_tool_that_is_missing(
    dataops_here: Dataops, platform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where dataops is installed without its extra."""
    monkeypatch.setattr("dataops_cli.ci.lint.tool._search_path", lambda: str(tmp_path))
    done = dataops_here("ci", "lint", "--check", "shell", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (
        3,
        "error: shellcheck is not installed\n"
        "  → Install what the checks call: pip install 'dataops-cli[ci]'\n",
    )


def test_no_repository(dataops_here: Dataops, tmp_path: Path) -> None:
    write(tmp_path, CLEAN)
    done = dataops_here(
        "ci", "lint", cwd=tmp_path, **NOT_UNDER_ACTIONS, GIT_CEILING_DIRECTORIES=str(tmp_path.parent)
    )
    assert done.returncode == 2
    assert "is in no git repository" in done.stderr
