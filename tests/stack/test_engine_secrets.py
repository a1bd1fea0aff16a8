"""A real PostgreSQL whose password is rotated, with what its files and the engine say of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli import docker_api
from dataops_cli.settings.layers import secrets_layer
from support import Dataops, clean_environment, until

pytestmark = pytest.mark.engine

IMAGE = "dataops-test/postgres:15"
KEY = "secrets.postgres_password"
ENVIRONMENT = """\
[stack]
enabled = true
name = "{name}"
prefix = "{name}-"
timeout = 120
"""
# The database and its secret as in compose/compose.yml, with two more that are kept by nobody here.
COMPOSE = """\
services:
  postgres:
    image: dataops-test/postgres:15
    environment: {POSTGRES_USER: airflow, POSTGRES_DB: airflow, POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password}
    secrets: [postgres_password, airflow_fernet_key, sqlserver_sa_password]
    volumes: ["postgres_data:/var/lib/postgresql/data"]
    security_opt: ["no-new-privileges:true"]
    cap_drop: [ALL]
    cap_add: [CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID]
    healthcheck:
      test: ["CMD", "pg_isready", "--quiet", "--host=127.0.0.1", "--username=airflow", "--dbname=airflow"]
      interval: 1s
      retries: 30
volumes:
  postgres_data: {name: "${STACK_PREFIX}postgres_data"}
secrets:
  postgres_password: {environment: POSTGRES_PASSWORD}
  airflow_fernet_key: {environment: AIRFLOW_FERNET_KEY}
  sqlserver_sa_password: {environment: SQLSERVER_SA_PASSWORD}
"""


class Platform:
    """A platform with the environment `keep`, and what may be asked of it and its database."""

    def __init__(self, folder: Path, name: str, engine: docker_api.Engine, dataops: Dataops) -> None:
        self.folder, self.name, self.engine, self._dataops = folder, name, engine, dataops
        self.file = folder / "environments" / "keep.secrets.env"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = self._dataops(*arguments, "--env", "keep", cwd=self.folder, **variables)
        if self.file.exists():
            for value in self.values().values():
                assert value not in done.stdout + done.stderr
        return done

    def values(self) -> dict[str, str]:
        return {key: value.raw for key, value in secrets_layer(self.file, "x").items()}

    @property
    def container(self) -> str:
        (found,) = self.engine.containers(f"com.docker.compose.project={self.name}")
        return str(found["Id"])

    def accepts(self, password: str) -> bool:
        """Whether the database takes this password over TCP."""
        code, output = self.engine.exec(
            self.container,
            ["psql", "--host=127.0.0.1", "--username=airflow", "--command=select 1", "airflow"],
            {"PGPASSWORD": password},
        )
        assert code == 0 or b"password authentication failed" in output
        return code == 0


@pytest.fixture
def platform(
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    swept: Callable[[str], None],
    engine: docker_api.Engine,
    dataops: Dataops,
) -> Platform:
    if engine.image(IMAGE) is None:
        pytest.skip(f"no image {IMAGE}: .ci/engine makes it")
    folder = new_platform(tmp_path / "platform")
    name = f"dataops-secrets-test-{os.getpid()}"
    (folder / "environments" / "keep.toml").write_text(ENVIRONMENT.format(name=name))
    (folder / "compose" / "compose.yml").write_text(COMPOSE)
    swept(name)
    return Platform(folder, name, engine, dataops)


def test_the_password_is_rotated_in_the_running_database(platform: Platform) -> None:
    planned = platform.run("secrets", "generate", "--plan")
    assert planned.stdout == "".join(
        f"generate {key}: in environments/keep.secrets.env\n"
        for key in ("secrets.sqlserver_sa_password", KEY, "secrets.airflow_fernet_key")
    )
    assert platform.run("secrets", "rotate", KEY).returncode == 3  # it has no value yet
    assert platform.run("secrets", "generate").stdout == planned.stdout
    assert platform.run("secrets", "generate").stdout == "No secret is missing.\n"
    before_any_volume = platform.run("secrets", "rotate", KEY, "secrets.airflow_fernet_key")
    assert before_any_volume.stdout == (
        f"rotate {KEY}: in the secrets file\nrotate secrets.airflow_fernet_key: in the secrets file\n"
    )
    assert platform.run("up").returncode == 0
    old = platform.values()
    assert platform.accepts(old[KEY])

    what = f"rotate {KEY}: in the running database, then in the secrets file\n"
    assert platform.run("secrets", "rotate", KEY, "--plan").stdout == what
    assert platform.values() == old
    done = platform.run("secrets", "rotate", KEY)
    assert (done.returncode, done.stdout) == (0, what)
    assert done.stderr == "The containers that use them are made anew by: dataops up --env keep\n"
    new = platform.values()
    assert {key for key in old if old[key] != new[key]} == {KEY}
    assert not platform.accepts(old[KEY])
    assert platform.accepts(new[KEY])
    assert old[KEY] not in done.stdout + done.stderr
    assert not any(
        old[KEY].encode() in path.read_bytes() for path in platform.folder.rglob("*") if path.is_file()
    )
    known = json.dumps(platform.engine.inspect(platform.container)) + str(
        platform.engine.logs(platform.container)
    )
    assert old[KEY] not in known
    assert new[KEY] not in known

    before = platform.container
    up = platform.run("up")
    assert up.returncode == 0, up.stderr
    assert platform.container != before
    assert platform.accepts(new[KEY])
    assert platform.run("up").stdout.endswith("no changes.\n")

    assert platform.run("stop").returncode == 0
    stopped = platform.run("secrets", "rotate", KEY)
    assert stopped.returncode == 3
    assert "it does not run" in stopped.stderr
    assert platform.values() == new

    for key, step in {
        "secrets.sqlserver_sa_password": "ALTER LOGIN sa WITH PASSWORD = N'…'",
        "secrets.airflow_fernet_key": "airflow rotate-fernet-key",
    }.items():
        refused = platform.run("secrets", "rotate", KEY, key)
        assert refused.returncode == 5
        assert step in refused.stderr
    assert platform.values() == new

    platform.file.unlink()
    for arguments in (["generate"], ["generate", KEY], ["generate", KEY, "--plan"]):
        invented = platform.run("secrets", *arguments)
        assert invented.returncode == 3
        assert (
            f"The stack has been up before (it has the volume {platform.name}-postgres_data)"
            in invented.stderr
        )
    assert not platform.file.exists()


def test_a_database_that_refuses_leaves_the_file(platform: Platform) -> None:
    assert platform.run("up").returncode == 0
    old = platform.values()
    code, _ = platform.engine.exec(
        platform.container,
        [
            "psql",
            "--username=airflow",
            "--command=alter system set default_transaction_read_only = on",
            "airflow",
        ],
    )
    assert code == 0
    assert (
        platform.engine.exec(
            platform.container, ["psql", "-Uairflow", "-cselect pg_reload_conf()", "airflow"]
        )[0]
        == 0
    )
    shown = ["psql", "-Uairflow", "-Atc", "show default_transaction_read_only", "airflow"]
    until(lambda: platform.engine.exec(platform.container, shown) == (0, b"on\n"))
    refused = platform.run("secrets", "rotate", KEY)
    assert refused.returncode == 1
    assert "cannot execute ALTER ROLE in a read-only transaction" in refused.stderr
    assert "SCRAM" not in refused.stderr
    assert platform.values() == old
    assert platform.accepts(old[KEY])


def test_a_rotation_killed_between_database_and_file_is_mended_by_the_next(platform: Platform) -> None:
    assert platform.run("up").returncode == 0
    old = platform.values()
    # The worst moment: the database has the new password, and the rename is not done.
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from dataops_cli.__main__ import run\n"
        f"run(['secrets', 'rotate', '{KEY}', '--env', 'keep'])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=platform.folder, env=clean_environment(), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert platform.values() == old
    assert not platform.accepts(old[KEY])
    left = platform.file.with_name(".keep.new.secrets.env")
    assert left.stat().st_mode & 0o777 == 0o600

    assert platform.run("secrets", "rotate", KEY).returncode == 0
    assert platform.values()[KEY] != old[KEY]
    assert platform.accepts(platform.values()[KEY])
    assert not left.exists()
