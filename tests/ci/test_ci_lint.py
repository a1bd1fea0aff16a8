"""`dataops ci lint`: each check finds its fault in a platform that is clean without it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock
from unittest.mock import ANY
from uuid import uuid4
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.small_platform_in_git import CLEAN, NOT_UNDER_ACTIONS, commit, git, make_platform, write
from dataops_cli.ci.lint.plain_files import _of_yamllint
from dataops_cli.ci.lint.registry import CHECKS
from dataops_cli.ci.lint.tool import batches
from dataops_cli.ci.repository import Repository
from support import ROOT, Dataops, clean_environment

pytestmark = pytest.mark.slow

# In no file as it is: it would be found in this one.
TOKEN = "ghp_" + "1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ0"
STRONG = "kT9#xQ2m" + "vLp7Za"
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
        "workflow-security",
        WORKFLOW,
        CLEAN[WORKFLOW].replace("run:", "runn:"),
        {"unreadable"},
        id="workflow-security-mistyped",
    ),
    pytest.param("workflow-security", WORKFLOW, "on: [\n", {"unreadable"}, id="workflow-security-yaml"),
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
    """In all that is quick; its SQL is this repository's, which act lints (test_workflows_act.py)."""
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


def test_what_cannot_be_audited_keeps_no_other_file_from_it(dataops_here: Dataops, platform: Path) -> None:
    audited = CLEAN[WORKFLOW].replace("permissions: {}\n", "")
    folder = ".github/workflows"
    write(
        platform,
        {
            f"{folder}/a.yml": CLEAN[WORKFLOW].replace("run:", "runn:"),
            f"{folder}/b.yml": "on: [\n",
            f"{folder}/c.yml": audited,
            ".github/dependabot.yml": "version: 2\nupdate: []\n",
            "action.yml": "name: a\nruns: {using: nothing}\n",
        },
    )
    code, found = lint(dataops_here, platform, "--check", "workflow-security")
    (outcome,) = found["checks"]
    assert (code, outcome["error"]) == (1, None)
    unreadable = {item["file"]: item["line"] for item in outcome["findings"] if item["rule"] == "unreadable"}
    assert unreadable == {
        f"{folder}/a.yml": 17,
        f"{folder}/b.yml": 2,
        ".github/dependabot.yml": 1,
        "action.yml": 2,
    }
    assert {item["rule"] for item in outcome["findings"] if item["file"] == f"{folder}/c.yml"} >= {
        "excessive-permissions"
    }


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


def test_a_secret_is_found_where_a_user_wants_to_see_signatures(
    dataops_here: Dataops, platform: Path, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[log]\nshowSignature = true\n")
    commit(platform, "feat: in", {"compose/settings.ini": f"token = {TOKEN}\n"})
    signed = git(platform, "cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    (tmp_path / "signed").write_text(signed)
    sha = git(platform, "hash-object", "-t", "commit", "-w", str(tmp_path / "signed"))
    git(platform, "reset", "--quiet", "--hard", sha)
    (platform / "compose/settings.ini").unlink()
    commit(platform, "fix: out")
    code, found = lint(
        dataops_here, platform, "--check", "secrets", GIT_CONFIG_GLOBAL=str(tmp_path / "config")
    )
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


OWN = [
    pytest.param(f"export DATAOPS_WAREHOUSE__PASSWORD={STRONG}\n", "dataops.assigned", id="variable"),
    pytest.param(f"MSSQL_SA_PASSWORD='{STRONG}'\n", "dataops.assigned", id="sa"),
    pytest.param(f"DATAOPS_SECRETS__TLS_KEY={STRONG}\n", "dataops.assigned", id="secrets"),
    pytest.param(f"warehouse:\n  password: {STRONG}\n", "dataops.assigned", id="yaml"),
    pytest.param(f"fernet_key: {STRONG}{STRONG}=\n", "dataops.assigned", id="fernet"),
    pytest.param(f"CREATE LOGIN a WITH PASSWORD = N'{STRONG}';\n", "dataops.assigned", id="login"),
    pytest.param(f'C = "Server=h;PWD={{{STRONG};x}};Encrypt=yes"\n', "dataops.connection", id="odbc"),
    pytest.param(f"Server=h;UID=sa;PWD={STRONG[:6]};Encrypt=yes\n", "dataops.connection", id="odbc-short"),
    pytest.param(f'E = "mssql+pyodbc://sa:{STRONG}@host/db"\n', "dataops.address", id="address"),
]


@pytest.mark.parametrize(("text", "rule"), OWN)
def test_a_secret_of_a_platform_is_found(dataops_here: Dataops, platform: Path, text: str, rule: str) -> None:
    write(platform, {"airflow/settings.txt": text})
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert code == 1
    (finding,) = found["checks"][0]["findings"]
    assert (finding["file"], finding["line"]) == ("airflow/settings.txt", text.count("\n"))
    assert finding["rule"] == rule
    assert STRONG[:6] not in json.dumps(found)


def test_a_name_of_a_secret_is_none(dataops_here: Dataops, platform: Path) -> None:
    texts = [
        "password: \"{{ env_var('DBT_ENV_SECRET_WAREHOUSE_PASSWORD', '') }}\"",
        "MSSQL_SA_PASSWORD: Sa-${{ github.run_id }}-${{ github.sha }}",
        "DATAOPS_WAREHOUSE__PASSWORD=…",
        "POSTGRES_PASSWORD=${POSTGRES_PASSWORD}",
        "POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password2",
        "postgres_password: {environment: POSTGRES_PASSWORD}",
        "UID=sa;PWD={server.password};Encrypt=yes",
        "UID=sa;PWD=<yours>;Encrypt=yes",
        "password: str = read(path1)",
        "url: postgresql://airflow:${PASSWORD1}@host and mssql://user:password@host",
        "PASSWORD=",
    ]
    write(platform, {"airflow/settings.txt": "\n".join(texts) + "\n"})
    assert lint(dataops_here, platform, "--check", "secrets") == (0, ANY)


def test_a_secrets_file_belongs_in_no_commit(dataops_here: Dataops, platform: Path) -> None:
    """Whatever is in it; also one that was taken out again."""
    commit(platform, "feat: in", {"environments/dev.secrets.env.bak": "A=1\n"})
    (platform / "environments/dev.secrets.env.bak").unlink()
    commit(platform, "fix: out", {"environments/dev.secrets.env": f"PASSWORD={STRONG}\n"})
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert code == 1
    assert [(item["file"], item["rule"]) for item in found["checks"][0]["findings"]] == [
        ("environments/dev.secrets.env", "dataops.secrets-file"),
        ("environments/dev.secrets.env.bak", "dataops.secrets-file"),
    ]


def test_a_new_platform_ignores_whatever_lies_beside_a_secrets_file(
    dataops_here: Dataops, tmp_path: Path
) -> None:
    assert dataops_here("init", "new", cwd=tmp_path).returncode == 0
    names = ("environments/dev.secrets.env", "environments/dev.secrets.env.bak", "dev.secrets.env~", ".env")
    assert git(tmp_path / "new", "check-ignore", *names).splitlines() == [*names]


def test_taking_a_secrets_file_out_is_no_finding(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "checkout", "--quiet", "main")
    commit(platform, "feat: in", {"environments/dev.secrets.env": "A=1\n"})
    git(platform, "checkout", "--quiet", "-B", "change")
    (platform / "environments/dev.secrets.env").unlink()
    commit(platform, "fix: out")
    assert lint(dataops_here, platform, "--check", "secrets") == (0, ANY)


def test_the_secrets_of_this_machine_are_looked_for(dataops_here: Dataops, platform: Path) -> None:
    """In any form that no rule would know."""
    (platform / ".git/info/exclude").write_text("*.secrets.env\n")
    value = "correct horse 7 staple"
    write(platform, {"environments/dev.secrets.env": f"DATAOPS_SECRETS__TLS_KEY='{value}'\nB='postgres'\n"})
    commit(platform, "feat: in", {"airflow/dags/a.py": f"# postgres\n# the key is {value}, psst\n"})
    commit(platform, "fix: out", {"airflow/dags/a.py": CLEAN["airflow/dags/a.py"]})
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert code == 1
    assert found["checks"][0]["findings"] == [
        {
            "file": "airflow/dags/a.py",
            "line": 2,
            "column": None,
            "rule": "dataops.known",
            "message": "the value of DATAOPS_SECRETS__TLS_KEY in environments/dev.secrets.env",
        }
    ]


def test_a_secret_is_found_and_allowed_once(dataops_here: Dataops, platform: Path) -> None:
    """In its commits and in the working tree; and there it may have moved."""
    text = f"token = {TOKEN}\n"
    commit(platform, "feat: in", {"compose/settings.ini": text})
    _, found = lint(dataops_here, platform, "--check", "secrets")
    (finding,) = found["checks"][0]["findings"]
    fingerprint = finding["message"].rpartition(" ")[2]
    allow = {".github/dataops-ci.toml": f'[lint]\nallowed_secrets = ["{fingerprint}"]\n'}
    commit(platform, "fix: allow it", {"compose/settings.ini": "# moved\n" + text, **allow})
    assert lint(dataops_here, platform, "--check", "secrets") == (0, ANY)


def test_a_file_whose_name_is_a_command_of_the_tool(dataops_here: Dataops, platform: Path) -> None:
    commit(platform, "feat: in", {"help": f"token = {TOKEN}\n"})
    code, found = lint(dataops_here, platform, "--check", "secrets")
    assert (code, [item["file"] for item in found["checks"][0]["findings"]]) == (1, ["help"])


def test_a_secret_in_an_archive_and_under_an_odd_name(dataops_here: Dataops, platform: Path) -> None:
    """And those of a commit that is undone."""
    text = f"token = {TOKEN}\n"
    with ZipFile(platform / "a!.zip", "w") as archive:
        archive.writestr("in/a.ini", text)
    write(platform, {"-a b.ini": text, "new\nline.ini": text, "empty": ""})
    (platform / "link").symlink_to("empty")
    for _ in range(2):
        commit(platform, "feat: in or out")
        _, found = lint(dataops_here, platform, "--check", "secrets")
        assert found["checks"][0]["error"] is None
        findings = {item["file"]: item["message"] for item in found["checks"][0]["findings"]}
        assert [*findings] == ["-a b.ini", "a!.zip", "new\nline.ini"]
        assert ", in in/a.ini; fingerprint" in findings["a!.zip"]
        for file in findings:
            (platform / file).unlink(missing_ok=True)


def test_what_is_not_tracked_can_be_left_out(dataops_here: Dataops, platform: Path) -> None:
    write(platform, {"airflow/dags/b.py": "import os\n", "compose/settings.ini": f"token = {TOKEN}\n"})
    checks = ("--check", "python", "--check", "secrets")
    assert lint(dataops_here, platform, *checks)[0] == 1
    assert lint(dataops_here, platform, "--tracked", *checks) == (0, ANY)
    git(platform, "add", "compose/settings.ini")
    _, found = lint(dataops_here, platform, "--tracked", *checks)
    assert [item["file"] for check in found["checks"] for item in check["findings"]] == [
        "compose/settings.ini"
    ]


def test_an_empty_change_is_said_to_be_one(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("ci", "lint", "--check", "secrets", cwd=platform, **NOT_UNDER_ACTIONS)
    assert "nothing is changed" in done.stdout


def test_this_repository_gives_no_false_alarm(dataops_here: Dataops, tmp_path: Path) -> None:
    """Every file of it, as in a first commit."""
    top = tmp_path / "all"
    for name in Repository(ROOT).files():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, top / name)
    git(top, "init", "--quiet", "--initial-branch=first")
    code, found = lint(dataops_here, top, "--check", "secrets")
    assert (code, found["checks"][0]["findings"]) == (0, [])


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


@given(st.lists(st.text("a/é", min_size=1, max_size=12)))
def test_batches_are_all_files_within_the_limit(files: list[str]) -> None:
    with mock.patch("dataops_cli.ci.lint.tool.BYTES", 20):
        made = list(batches(files))
    assert [file for batch in made for file in batch] == files
    assert all(len(batch) == 1 or sum(len(file.encode()) + 1 for file in batch) <= 20 for batch in made)


def test_many_files_are_looked_at_and_mended_in_batches(
    dataops_here: Dataops, platform: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataops_cli.ci.lint.tool.BYTES", 45)  # two names
    faults = {
        "sql": ("dbt/models/a{}.sql", "SELECT 1 as id\n"),
        "python": ("airflow/dags/b{}.py", "import os\n"),
        "yaml": ("dbt/models/c{}.yml", "a: 1\na: 2\n"),
        "dockerfiles": ("airflow/Dockerfile.{}", "FROM debian\n"),
        "shell": ("airflow/bin/{}.sh", "#!/bin/sh\necho $1\n"),
        "secrets": ("compose/{}.ini", f"token = {TOKEN}\n"),
    }
    files = {name.format(number): text for name, text in faults.values() for number in range(2)}
    write(platform, files)
    checks = [argument for name in faults for argument in ("--check", name)]
    _, found = lint(dataops_here, platform, *checks)
    for outcome in found["checks"]:
        name = faults[outcome["name"]][0]
        assert outcome["error"] is None
        assert {item["file"] for item in outcome["findings"]} >= {name.format(0), name.format(1)}, outcome
    _, found = lint(dataops_here, platform, "--fix", "--check", "python")
    assert found["fixed"] == ["airflow/dags/b0.py", "airflow/dags/b1.py"]


def test_what_can_be_mended_is(dataops_here: Dataops, platform: Path) -> None:
    """In the surroundings in which it was found: sqlfluff cannot compile the models without."""
    write(
        platform,
        {
            "dbt/models/one.sql": "SELECT 1 as id\n",
            "dbt/models/two.sql": "select id from {{ ref('one') }}\n",
            "airflow/dags/a.py": '"""A DAG."""\n\nimport os\nNUMBER: int  =  1\n',
        },
    )
    code, found = lint(
        dataops_here, platform, "--fix", *("--check", "sql", "--check", "python", "--check", "yaml")
    )
    assert (code, found["clean"]) == (0, True), json.dumps(found, indent=1)
    assert found["fixed"] == ["airflow/dags/a.py", "dbt/models/one.sql"]
    assert (platform / "dbt/models/one.sql").read_text() == "select 1 as id\n"
    assert (platform / "airflow/dags/a.py").read_text() == CLEAN["airflow/dags/a.py"]


def test_what_cannot_be_mended_is_told(dataops_here: Dataops, platform: Path) -> None:
    write(platform, {"dbt/models/one.sql": "SELECT 1 as id from (\n", "airflow/dags/a.py": "NUMBER =\n"})
    code, found = lint(dataops_here, platform, "--fix", "--check", "sql", "--check", "python")
    assert (code, found["fixed"]) == (1, [])
    assert {item["name"]: (item["result"], item["error"]) for item in found["checks"]} == {
        "sql": ("fail", None),
        "python": ("fail", None),
    }


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
    all_missing = dataops_here(
        "ci",
        "lint",
        "--check",
        "shell",
        "--check",
        "tsql",
        "--check",
        "sql",
        cwd=platform,
        **NOT_UNDER_ACTIONS,
    )
    assert all_missing.stderr.startswith("error: sqlfluff, dbt, shellcheck are not installed\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_lint_leaves_no_tool_running(
    platform: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """It alone is sent the signal, as by a runner. Nothing of its tools' temporary folders stays, either."""
    mark, temporary = f"LINT_MARK={uuid4()}", tmp_path / "temporary"
    temporary.mkdir()
    for model in range(30):
        write(platform, {f"dbt/models/m{model}.sql": "select 1 as id\n"})
    environment = clean_environment(
        **NOT_UNDER_ACTIONS, TMPDIR=str(temporary), LINT_MARK=mark.partition("=")[2]
    )
    lint = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "ci", "lint", "--check", "sql", "--check", "tsql"],
        cwd=platform,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while not {"sqlfluff", "dbt"} <= {name for name in _marked(mark).values() if name}:
        assert lint.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)  # both have begun to work
    lint.send_signal(number)
    assert lint.wait(60) == 130
    assert _marked(mark) == {}
    time.sleep(0.5)
    assert list(temporary.iterdir()) == []


def _marked(mark: str) -> dict[int, str]:
    """The processes with a variable: number → the tool that it is, or nothing. One that is killed may take a moment
    to end, and is none of them."""
    found = dict[int, str]()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                words = [Path(word).name for word in (process / "cmdline").read_text().split("\0")]
                pending = re.search(r"ShdPnd:\s*(\w+)", (process / "status").read_text())
                if pending and not int(pending[1], 16) & 1 << signal.SIGKILL - 1:
                    found[int(process.name)] = next((w for w in words if w in ("sqlfluff", "dbt")), "")
    return found


def test_no_repository(dataops_here: Dataops, tmp_path: Path) -> None:
    write(tmp_path, CLEAN)
    done = dataops_here(
        "ci", "lint", cwd=tmp_path, **NOT_UNDER_ACTIONS, GIT_CEILING_DIRECTORIES=str(tmp_path.parent)
    )
    assert done.returncode == 2
    assert "is in no git repository" in done.stderr
