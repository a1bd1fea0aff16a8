"""The hooks of pre-commit, run by pre-commit itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from ci.small_platform_in_git import NOT_UNDER_ACTIONS, git, make_platform, write
from dataops_cli.ci.lint.registry import CHECKS
from support import ROOT, clean_environment

CONFIG = ROOT / ".pre-commit-config.yaml"


def test_there_is_a_hook_for_each_check() -> None:
    (repository,) = yaml.safe_load(CONFIG.read_text())["repos"]
    assert repository["repo"] == "local"
    assert {hook["id"]: hook["entry"] for hook in repository["hooks"]} == {
        check.name: f"dataops ci lint --quiet --check {check.name}" for check in CHECKS
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
    git(platform, "add", "--all")
    done = call(*commit)
    assert done.returncode == 0, done.stderr
