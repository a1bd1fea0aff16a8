"""The checks on a real platform: broken settings, open files, engines that refuse or hang."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.examination import examine
from dataops_cli.doctor.files import look_at_state
from dataops_cli.doctor.finding import Case, Check, Lesson, Need
from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.project import Project
from support import Dataops, clean_environment, free_port

STACK = """\
[stack]
enabled = true
files = ["compose/small.yml"]
"""


@pytest.fixture
def platform(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Path:
    """A new platform with an environment `small`, whose stack has one service."""
    folder = new_platform(tmp_path / "my platform")
    (folder / "environments" / "small.toml").write_text(STACK)
    (folder / "compose" / "small.yml").write_text("services: {web: {image: nothing}}\n")
    return folder


@pytest.fixture
def doctor(dataops_here: Dataops, platform: Path) -> Callable[..., tuple[int, dict[str, dict[str, Any]]]]:
    """Runs `dataops doctor --json` on the platform: the exit code, and the checks by name."""

    def run(environment: str, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
        done = dataops_here("doctor", "--env", environment, "--json", cwd=platform, **variables)
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        return done.returncode, checks

    return run


def test_an_environment_without_a_stack_needs_no_engine(doctor: Any) -> None:
    code, checks = doctor("local", DOCKER_HOST="tcp://127.0.0.1:9")
    assert code == 0
    skipped = {name: check["found"] for name, check in checks.items() if check["result"] == "skipped"}
    no_stack = dict.fromkeys(("Compose files", "engine", "engine disk", "memory", "ports"), "no stack")
    no_server = dict.fromkeys(("ODBC driver", "passwords", "SQL Server"), "the warehouse is duckdb")
    assert skipped == no_stack | no_server
    assert checks["settings"]["found"] == "valid: local, ci, dev, prod, small, staging"
    assert checks["clock"]["found"].endswith("compared with no engine")


THERE = """\
[warehouse]
engine = "sqlserver"
port = {port}
"""


def test_a_sql_server_that_is_not_the_stacks(doctor: Any, platform: Path) -> None:
    port = free_port()
    (platform / "environments" / "there.toml").write_text(THERE.format(port=port))
    code, checks = doctor("there")
    assert code == 1
    keys = ("warehouse.password", "warehouse.reader_password", "secrets.sqlserver_sa_password")
    assert checks["passwords"]["found"] == f"not set: {', '.join(keys)}"
    assert checks["passwords"]["remedy"].splitlines() == [
        f"dataops secrets set --env there {key}" for key in keys
    ]
    assert checks["SQL Server"] == {
        "name": "SQL Server",
        "result": "skipped",
        "found": "no password is set",
        "remedy": None,
    }
    code, checks = doctor("there", DATAOPS_WAREHOUSE__READER_PASSWORD="x")  # noqa: S106
    assert code == 1
    assert checks["SQL Server"]["result"] == "fail"
    assert checks["SQL Server"]["found"] == f"Cannot reach SQL Server at 127.0.0.1:{port}: connection refused"


def test_an_unreachable_engine_is_exit_3_and_the_rest_is_looked_at(doctor: Any) -> None:
    code, checks = doctor("small", DOCKER_HOST="tcp://127.0.0.1:9")
    assert code == 3
    assert checks["engine"]["result"] == "fail"
    assert "tcp://127.0.0.1:9" in checks["engine"]["found"]
    assert checks["engine"]["remedy"] == "Check DOCKER_HOST and that the engine there runs: docker info"
    assert {checks[name]["found"] for name in ("engine disk", "memory", "ports")} == {
        "the engine is not reachable"
    }
    assert checks["Compose files"]["found"] == "1 service in compose/small.yml"


HANGING = """\
import sys
from functools import partial
from dataops_cli.__main__ import run
from dataops_cli.doctor import examination
examination.examine = partial(examination.examine, deadline=5)
sys.exit(run(["doctor", "--env", "small", "--json"]))
"""


def test_an_engine_that_never_answers_costs_its_deadline_only(platform: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", HANGING],
            cwd=platform,
            env=clean_environment(DOCKER_HOST=f"tcp://127.0.0.1:{silent.getsockname()[1]}"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        took = time.monotonic() - begun
    assert done.returncode == 3, done.stderr
    assert took < 40  # the engine may take a minute for an answer
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["engine"]["found"] == "no answer within 5 s"
    assert "docker info" in checks["engine"]["remedy"]
    assert checks["memory"]["found"] == "the engine is not reachable"
    assert checks["Compose files"]["result"] == "ok"


def test_broken_settings_are_a_failed_check(doctor: Any, platform: Path) -> None:
    path = platform / "environments" / "small.toml"
    path.write_text("[stack]\nenabeld = true\n")
    code, checks = doctor("small")
    assert code == 1
    assert checks["settings"]["result"] == "fail"
    assert "environments/small.toml:2" in checks["settings"]["found"]
    assert "enabled" in checks["settings"]["found"]
    assert {checks[name]["found"] for name in ("ODBC driver", "engine", "ports")} == {
        "the settings are wrong"
    }
    assert checks["project disk"]["result"] != "skipped"
    # They are the settings of another environment: this one is examined.
    code, checks = doctor("local")
    assert (code, checks["settings"]["result"]) == (1, "fail")
    assert checks["engine"]["found"] == "no stack"


def test_a_broken_compose_file_is_a_failed_check(doctor: Any, platform: Path) -> None:
    (platform / "compose" / "small.yml").write_text("services:\n  web: {image: nothing, prots: [80]}\n")
    code, checks = doctor("small", DOCKER_HOST="tcp://127.0.0.1:9")
    assert code == 3
    assert "compose/small.yml:2: services.web.prots" in checks["Compose files"]["found"]
    assert checks["Compose files"]["remedy"] == "Did you mean ports?"
    assert checks["memory"]["found"] == "the Compose files are wrong"


def test_an_unknown_environment_is_wrong_usage(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("doctor", "--env", "smal", cwd=platform)
    assert done.returncode == 2
    assert "Did you mean small?" in done.stderr


def test_a_secrets_file_that_others_can_read(doctor: Any, platform: Path) -> None:
    path = platform / "environments" / "local.secrets.env"
    path.write_text("DATAOPS_WAREHOUSE__PASSWORD='never shown'\n")
    path.chmod(0o640)
    code, checks = doctor("local")
    assert code == 0
    assert checks["secrets file"]["result"] == "warn"
    assert checks["secrets file"]["found"].endswith("is open to other users (mode 0640)")
    assert checks["secrets file"]["remedy"] == "chmod 600 environments/local.secrets.env"
    assert "never shown" not in json.dumps(checks)
    path.chmod(0o600)
    assert doctor("local")[1]["secrets file"]["result"] == "ok"


def test_a_state_folder_that_cannot_be_written() -> None:
    with TemporaryDirectory() as folder:
        root, state = Path(folder), Path(folder) / ".dataops"
        root.chmod(0o755)
        case = Case(Project(root), "local")
        assert look_at_state(case) == Finding(Result.OK, "the platform is writable")
        state.touch()
        assert look_at_state(case).found == ".dataops is no folder"
        state.unlink()
        state.mkdir(mode=0o555)
        user = os.geteuid()
        if user == 0:  # who may write anywhere
            os.seteuid(65534)
        try:
            found = look_at_state(case)
        finally:
            os.seteuid(user)
        assert found == Finding(
            Result.FAIL, ".dataops is not writable", "Make it yours: sudo chown -R $USER .dataops"
        )


def test_git_that_is_not_installed(doctor: Any, tmp_path: Path) -> None:
    code, checks = doctor("local", PATH=str(tmp_path))
    assert (code, checks["git"]["result"]) == (0, "warn")
    assert checks["git"]["found"] == "git is not installed"


def ok(_case: Case) -> Finding:
    return Finding(Result.OK, "fine")


def test_every_check_has_its_own_deadline(platform: Path) -> None:
    never, side_by_side = threading.Event(), threading.Barrier(3)

    def hangs(_case: Case) -> Finding:
        side_by_side.wait(60)
        never.wait(60)
        return ok(_case)

    def meets(_case: Case) -> Finding:
        side_by_side.wait(60)
        return ok(_case)

    checks = [Check("a", hangs, late="Look."), Check("b", meets), Check("c", hangs, late="Look too.")]
    findings = examine(Project(platform), "local", 4, [checks, [Check("d", ok)]])
    never.set()
    assert findings == {
        "a": Finding(Result.FAIL, "no answer within 4 s", "Look."),
        "b": ok(Case(Project(platform), "local")),
        "c": Finding(Result.FAIL, "no answer within 4 s", "Look too."),
        "d": ok(Case(Project(platform), "local")),
    }


def test_a_later_stage_knows_what_was_learnt(platform: Path) -> None:
    def learns(_case: Case) -> Finding:
        return Lesson(Result.OK, "", learnt={"environment": "an environment"})

    def tells(case: Case) -> Finding:
        return Finding(Result.OK, str(case.environment))

    needing = Check("x", tells, (Need.ENVIRONMENT,))
    stages = [[needing], [Check("y", learns)], [Check("z", needing.look, needing.needs)]]
    found = {name: item.found for name, item in examine(Project(platform), "local", 1, stages).items()}
    assert found == {"x": "the settings are wrong", "y": "", "z": "an environment"}


def test_what_a_check_raises(platform: Path) -> None:
    def raising(error: Exception) -> Check:
        def look(_case: Case) -> Finding:
            raise error

        return Check("x", look)

    def found(error: Exception) -> Finding:
        return examine(Project(platform), "local", 1, [[raising(error)]])["x"]

    assert found(UsageError("it is", hint="Do.", details=("a", "b"))) == Finding(
        Result.FAIL, "it is\na\nb", "Do."
    )
    assert found(DataopsError("it is", hint="Do.")).remedy == "Do."
    assert found(PermissionError(13, "Permission denied", "/x")).found == "[Errno 13] Permission denied: '/x'"
    with pytest.raises(ZeroDivisionError):  # a fault of ours is no finding
        found(ZeroDivisionError())
