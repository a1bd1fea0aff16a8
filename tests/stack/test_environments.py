"""The stacks of several environments: what keeps them apart on one engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from dataops_cli import docker_api
from dataops_cli.errors import UsageError
from dataops_cli.project import Project
from dataops_cli.settings import secrets
from dataops_cli.settings.load import load_environment
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.environment import load_environment_stack, missing_secrets
from dataops_cli.stack.model import Stack
from dataops_cli.stack.secret_generation import keys_to_generate
from support import Dataops


@pytest.fixture
def stacks(
    tmp_path: Path, new_platform: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Stack]:
    # Such variables are about: they must not make staging take dev's names and ports.
    for name in ("SQLSERVER_PORT", "POSTGRES_PORT", "AIRFLOW_PORT", "STACK_PREFIX", "IMAGE_TAG"):
        monkeypatch.setenv(name, "5432")
    project = Project(new_platform(tmp_path / "platform"))
    return {
        name: load_environment_stack(project, load_environment(project, name), ["cloudbeaver"])
        for name in ("dev", "staging", "prod")
    }


def ports(stack: Stack) -> dict[str, str]:
    return {
        name: f"{port['host_ip']}:{port['published']}"
        for name, service in stack.services.items()
        for port in service.get("ports", [])
    }


def test_a_login_that_no_container_uses_is_made_with_the_others_and_missed_by_none(
    tmp_path: Path, new_platform: Callable[[Path], Path]
) -> None:
    project = Project(new_platform(tmp_path / "platform"))
    environment = load_environment(project, "dev")
    engine = mock.Mock()
    engine.volume.return_value = None
    made = keys_to_generate(project, environment, None, lambda: engine)
    assert {*made} == {*secrets.COMPOSE_VARIABLES} - secrets.GIVEN
    needed = missing_secrets(environment, load_environment_stack(project, environment))
    assert {*made} - {*needed} == {"warehouse.reader_password", "secrets.tls_key"}


def test_dev_has_the_plain_names_and_ports(stacks: dict[str, Stack]) -> None:
    dev = stacks["dev"]
    assert {name: service["container_name"] for name, service in dev.services.items()} == {
        "airflow-dag-processor": "dataops-airflow-dag-processor",
        "airflow-init": "dataops-airflow-init",
        "airflow-scheduler": "dataops-airflow-scheduler",
        "airflow-webserver": "dataops-airflow-webserver",
        "cloudbeaver": "cloudbeaver",
        "dbt": "dataops-dbt",
        "postgres": "dataops-postgres",
        "redis": "dataops-redis",
        "sqlserver": "dataops-sqlserver",
    }
    assert ports(dev) == {
        "sqlserver": "127.0.0.1:1433",
        "postgres": "127.0.0.1:5432",
        "airflow-webserver": "127.0.0.1:8080",
        "cloudbeaver": "127.0.0.1:8978",
    }
    assert [network["name"] for network in dev.networks.values()] == ["dataops_network"]
    assert {volume["name"] for volume in dev.volumes.values()} == {
        "sqlserver_data",
        "postgres_data",
        "cloudbeaver_data",
        "dbt_state",
        "deploy_state",
        "redis_data",
        "airflow_logs",
    }


def test_the_metadata_database_has_a_port_in_dev_only(stacks: dict[str, Stack]) -> None:
    assert ports(stacks["staging"]) == {
        "sqlserver": "127.0.0.1:11433",
        "airflow-webserver": "127.0.0.1:18080",
        "cloudbeaver": "127.0.0.1:18978",
    }
    assert "postgres" not in ports(stacks["prod"])


def test_no_name_and_no_port_is_taken_twice(stacks: dict[str, Stack]) -> None:
    taken = [
        name
        for stack in stacks.values()
        for name in (
            stack.name,
            *(service["container_name"] for service in stack.services.values()),
            *(service["image"] for service in stack.services.values() if service.get("build")),
            *ports(stack).values(),
            *(network["name"] for network in stack.networks.values()),
            *(volume["name"] for volume in stack.volumes.values()),
        )
    ]
    images = 3 * (3 - 1 + 2 - 1)  # three of Airflow's services run one image, its fourth and dbt another
    assert len(taken) == len(set(taken)) + images


def test_only_dev_mounts_folders_and_the_others_are_read_only(stacks: dict[str, Stack]) -> None:
    def mounted(stack: Stack) -> set[str]:
        return {
            name
            for name, service in stack.services.items()
            if any(mount["type"] == "bind" for mount in service.get("volumes", []))
        }

    assert mounted(stacks["dev"]) == {"airflow-scheduler", "airflow-dag-processor", "dbt"}
    for name in ("staging", "prod"):
        assert mounted(stacks[name]) == set()
        ours = {key: service for key, service in stacks[name].services.items() if "build" in service}
        assert len(ours) == 5
        assert all(service.get("read_only") for service in ours.values())


@pytest.mark.parametrize(("name", "schedule"), [("dev", ""), ("staging", "0 2 * * *"), ("prod", "0 1 * * *")])
def test_the_pipeline_s_schedule_is_the_environment_s(
    stacks: dict[str, Stack], name: str, schedule: str
) -> None:
    services = stacks[name].services
    for service in ("airflow-scheduler", "airflow-dag-processor"):
        known = services[service]["environment"]
        assert known["DATAOPS_AIRFLOW__SCHEDULE"] == schedule
        assert known["DATAOPS_AIRFLOW__LATE_AFTER_MINUTES"] == "60"
        assert known["DATAOPS_AIRFLOW__KEEP_LOGS_DAYS"] == "30"
    # The worker tells that a run is late; when it begins is nothing to it.
    assert services["dbt"]["environment"]["DATAOPS_AIRFLOW__LATE_AFTER_MINUTES"] == "60"


def test_airflow_s_settings_are_those_of_its_containers(
    tmp_path: Path, new_platform: Callable[[Path], Path]
) -> None:
    project = Project(new_platform(tmp_path / "platform"))
    with (project.root / "environments" / "dev.toml").open("a", encoding="utf-8") as file:
        file.write('\n[airflow]\nschedule = "@hourly"\nlate_after_minutes = 20\nkeep_logs_days = 7\n')
    services = load_environment_stack(project, load_environment(project, "dev")).services
    known = services["airflow-dag-processor"]["environment"]
    found = [known[f"DATAOPS_AIRFLOW__{key}"] for key in ("SCHEDULE", "LATE_AFTER_MINUTES", "KEEP_LOGS_DAYS")]
    assert found == ["@hourly", "20", "7"]
    assert services["dbt"]["environment"]["DATAOPS_AIRFLOW__LATE_AFTER_MINUTES"] == "20"


def test_cloudbeaver_s_connection_is_json_and_holds_no_password(stacks: dict[str, Stack]) -> None:
    environment = stacks["dev"].services["cloudbeaver"]["environment"]
    [connection] = json.loads(environment["CONNECTIONS"] or "")["connections"].values()
    assert connection["configuration"]["host"] == "sqlserver"
    assert "password" not in connection["configuration"]
    assert environment["CLOUDBEAVER_APP_ANONYMOUS_ACCESS_ENABLED"] == "false"


def test_a_mirror_with_a_password_is_refused(
    tmp_path: Path, new_platform: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(new_platform(tmp_path / "platform"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hush@mirror.example/simple")
    with pytest.raises(UsageError, match="PIP_INDEX_URL has a user or a password") as caught:
        load_environment_stack(project, load_environment(project, "dev"))
    assert "hush" not in caught.value.reason + caught.value.hint


def test_what_an_image_is_built_from_in_dev(stacks: dict[str, Stack]) -> None:
    dev = stacks["dev"]
    before = build_inputs(dev)
    folder = dev.folder.parent / "dbt"
    (folder / "models" / "new.sql").write_text("select 1 as one")
    assert build_inputs(dev) == before
    (folder / "requirements.txt").write_text("dbt-core==1.11.17")
    assert build_inputs(dev) != before


def test_our_images_say_which_commit_they_are_of(stacks: dict[str, Stack]) -> None:
    folder = stacks["prod"].folder.parent
    for command in (["add", "."], ["-c", "user.name=me", "-c", "user.email=me@here", "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)
    project = Project(folder)
    services = load_environment_stack(project, load_environment(project, "prod")).services
    labels = [service["build"]["labels"] for service in services.values() if "build" in service]
    sha = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True)
    assert {label["org.opencontainers.image.revision"] for label in labels} == {sha.stdout.decode()[:12]}


def test_a_dag_is_live_in_dev_and_an_input_of_the_image_elsewhere(stacks: dict[str, Stack]) -> None:
    before = {name: build_inputs(stack) for name, stack in stacks.items()}
    assert {*before["dev"]} == {"dataops-airflow:dev", "dataops-dbt:dev"}
    for stack in stacks.values():
        (stack.folder.parent / "airflow" / "dags" / "new.py").write_text("# a new DAG")
    changed = {name for name, stack in stacks.items() if build_inputs(stack) != before[name]}
    assert changed == {"staging", "prod"}


def test_every_container_is_confined(stacks: dict[str, Stack]) -> None:
    for stack in stacks.values():
        for service in stack.services.values():
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert service["mem_limit"]
            assert service["logging"]["options"]["max-size"]
            assert not service["image"].endswith(":latest")
            assert service.get("build") or ":" in service["image"]


@pytest.mark.engine
def test_two_stacks_live_side_by_side(
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    swept: Callable[[str], None],
    dataops: Dataops,
    engine: docker_api.Engine,
    stand_ins: dict[str, str],
) -> None:
    folder = new_platform(tmp_path / "platform")
    names = [f"dataops-side-{os.getpid()}-{letter}" for letter in "ab"]
    for index, name in enumerate(names):
        swept(name)
        (folder / "environments" / f"{'ab'[index]}.toml").write_text(
            f'[stack]\nenabled = true\nname = "{name}"\nprefix = "{name}-"\nport_offset = {14000 + index}\n'
        )

    def run(*arguments: str) -> None:
        done = dataops(*arguments, cwd=folder, **stand_ins)
        assert done.returncode == 0, done.stderr

    def healthy(name: str) -> list[str]:
        found = engine.containers(f"com.docker.compose.project={name}")
        return sorted(item["Names"][0] for item in found if "(healthy)" in item["Status"])

    expected = [[f"/{name}-dataops-postgres", f"/{name}-dataops-sqlserver"] for name in names]
    run("up", "postgres", "sqlserver", "--env", "a")
    run("up", "postgres", "--env", "b")
    run("up", "sqlserver", "--env", "b")  # its secret was made before the first volume was
    assert [healthy(name) for name in names] == expected
    run("down", "--env", "a")
    assert [healthy(name) for name in names] == [[], expected[1]]
