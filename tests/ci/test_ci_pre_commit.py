"""The hooks of pre-commit, run by pre-commit itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ci.small_platform_in_git import CLEAN, NOT_UNDER_ACTIONS, git, make_platform, write
from dataops_cli.ci.lint.registry import CHECKS
from support import ROOT, clean_environment

pytestmark = pytest.mark.slow

CONFIG = ROOT / ".pre-commit-config.yaml"


def test_there_is_a_hook_for_each_check() -> None:
    (repository,) = yaml.safe_load(CONFIG.read_text())["repos"]
    assert repository["repo"] == "local"
    assert {hook["id"]: hook["entry"] for hook in repository["hooks"]} == {
        check.name: f"dataops ci lint --quiet --tracked --check {check.name}" for check in CHECKS
    }


def test_a_commit_with_a_fault_is_refused(tmp_path: Path) -> None:
    platform = make_platform(tmp_path / "platform")
    shutil.copy(CONFIG, platform)
    git(platform, "add", "--all")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = clean_environment(
        **NOT_UNDER_ACTIONS, PATH=path, PRE_COMMIT_HOME=str(tmp_path / "home"), PRE_COMMIT_COLOR="never"
    )

    def call(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=platform, env=environment, capture_output=True, text=True, check=False
        )

    assert call("pre-commit", "install").returncode == 0
    commit = (
        "git",
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@localhost",
        "commit",
        "--message",
        "feat: start",
    )
    write(platform, {"airflow/bin/start": "#!/bin/sh\necho $1\n"})
    (platform / "airflow/bin/start").chmod(0o755)  # by which pre-commit knows a script
    git(platform, "add", "--all")
    refused = call(*commit)
    outcomes = {line.partition(".")[0]: line.rpartition(".")[2] for line in refused.stderr.splitlines()}
    assert refused.returncode == 1
    assert outcomes["Shell scripts (shellcheck)"] == "Failed"
    assert outcomes["YAML (yamllint)"] == "Passed"
    assert outcomes["Dockerfiles (hadolint)"].endswith("Skipped")
    assert "airflow/bin/start:2:6: SC2086" in refused.stderr
    write(platform, {"airflow/bin/start": '#!/bin/sh\necho "$1" "$2"\n'})
    write(platform, {"airflow/dags/a.py": CLEAN["airflow/dags/a.py"] + "# more\n"})
    git(platform, "add", "--all")
    write(platform, {"airflow/dags/untracked.py": "import os\n", "compose/dev.secrets.env": "A=1\n"})
    done = call(*commit)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Python (ruff)" in done.stderr


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("dbt/models/silver/one.sql", True),
        ("dbt/macros/one.sql", True),
        ("dbt/dbt_project.yml", True),
        (".sqlfluff", True),
        ("dbt/models/silver/one.yml", False),
        ("dbt/README.md", False),
        ("docs/dbt/one.sql", False),
    ],
)
def test_the_slow_checks_are_made_where_sql_may_change(file: str, wanted: bool) -> None:
    (repository,) = yaml.safe_load(CONFIG.read_text())["repos"]
    slow = [re.search(hook["files"], file) for hook in repository["hooks"] if hook["id"] in ("sql", "tsql")]
    assert [bool(found) for found in slow] == [wanted] * 2
