"""Workers on other machines: what they are made of, and when they are refused."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from cryptography import x509

from dataops_cli.docker_api import EngineError
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.project import Project
from dataops_cli.release import release_of
from dataops_cli.settings.load import Environment, load_environment
from dataops_cli.stack import pushing, workers
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.certificate import as_line, from_line, key_and_certificate
from dataops_cli.stack.environment import certificate_is_anothers, load_environment_stack, with_secrets
from dataops_cli.stack.pushing import images_to_push
from dataops_cli.stack.workers import called_tasks, drain, load_worker_stack, with_worker_secrets
from support import ROOT

WORKER = '[worker]\nhost = "stack.example"\n'
SECRETS = "".join(
    f"DATAOPS_{name}='{name.lower()} of the tests'\n"
    for name in ("WAREHOUSE__PASSWORD", "SECRETS__REDIS_PASSWORD", "SECRETS__TLS_KEY")
)


@pytest.fixture
def project(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Project:
    return Project(new_platform(tmp_path / "platform"))


def environment(project: Project, text: str, secrets: str = "") -> Environment:
    """prod with `text` at its end."""
    file = project.environments / "prod.toml"
    (project.environments / "elsewhere.toml").write_text(f"{file.read_text()}\n{text}")
    (project.environments / "elsewhere.secrets.env").write_text(secrets)
    return load_environment(project, "elsewhere")


def test_a_certificate_follows_from_the_secret_and_the_name() -> None:
    key, certificate = key_and_certificate("a secret", "stack.example")
    assert key_and_certificate("a secret", "stack.example") == (key, certificate)
    assert from_line(as_line(certificate)) == certificate
    assert key_and_certificate("another", "stack.example")[0] != key
    assert key_and_certificate("a secret", "other.example")[1] != certificate

    def names(host: str) -> x509.SubjectAlternativeName:
        found = x509.load_pem_x509_certificate(key_and_certificate("a secret", host)[1])
        assert found.not_valid_before_utc < datetime.now(UTC) < found.not_valid_after_utc
        return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names("stack.example").get_values_for_type(x509.DNSName) == ["stack.example"]
    assert names("192.0.2.7").get_values_for_type(x509.IPAddress) == [IPv4Address("192.0.2.7")]


@pytest.mark.parametrize("line", ["AAAA", "AAA", "MIIB"])
def test_what_is_no_certificate_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match=r"worker\.certificate is no certificate"):
        from_line(line)


def test_without_workers_elsewhere_nothing_is_published_for_them(project: Project) -> None:
    stack = load_environment_stack(project, environment(project, ""))
    assert "ports" not in stack.services["redis"]
    assert "REDIS_OPTIONS" not in stack.services["redis"].get("environment", {})
    assert not {"airflow-execution", "airflow-worker-logs", "release"} & {*stack.services}


def test_with_workers_elsewhere_the_stack_publishes_tls_only_and_on_this_machine_only(
    project: Project,
) -> None:
    prod = environment(project, WORKER, SECRETS)
    stack = load_environment_stack(project, prod)
    published = {
        name: (port["host_ip"], port["published"], port["target"])
        for name in ("redis", "airflow-execution")
        for port in stack.services[name]["ports"]
    }
    assert published == {
        "redis": ("127.0.0.1", "26380", 6380),
        "airflow-execution": ("127.0.0.1", "28443", 8443),
    }
    for name in ("dbt", "airflow-scheduler"):
        needs = stack.services[name]["depends_on"]["release"]
        assert needs["condition"] == "service_completed_successfully"
    for name in ("release", "airflow-execution", "airflow-worker-logs"):
        assert stack.services[name]["read_only"]
        assert stack.services[name]["cap_drop"] == ["ALL"]
    alone = {"redis": stack.services["redis"]}
    secrets = with_secrets(mock.Mock(services=alone, secrets=stack.secrets), prod).secrets["redis"]
    key, certificate = key_and_certificate("secrets__tls_key of the tests", "stack.example")
    assert (secrets["tls_key"], secrets["tls_certificate"]) == (key, certificate)


@pytest.mark.parametrize("text", ["stack.example", "10.0.0.5:80", "fd00::5]"])
@pytest.mark.parametrize("section", ["WORKER", "STACK"])
def test_ports_are_published_on_an_address(
    project: Project, monkeypatch: pytest.MonkeyPatch, section: str, text: str
) -> None:
    monkeypatch.setenv(f"DATAOPS_{section}__BIND_ADDRESS", text)
    with pytest.raises(UsageError, match="must be an IP address"):
        environment(project, WORKER)


@pytest.mark.parametrize("text", ["", "0.0.0.0", "fd00::5"])  # noqa: S104 - nothing is bound
def test_an_address_of_either_version_can_be_bound(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DATAOPS_WORKER__BIND_ADDRESS", text)
    [port] = load_environment_stack(project, environment(project, WORKER)).services["redis"]["ports"]
    assert port["host_ip"] == (text or "127.0.0.1")


def test_a_worker_is_the_service_dbt_alone_and_knows_its_way(project: Project) -> None:
    line = as_line(key_and_certificate("a secret", "stack.example")[1])
    prod = environment(project, f'{WORKER}certificate = "{line}"\n', SECRETS)
    stack = load_worker_stack(project, prod)
    [(name, service)] = stack.services.items()
    own = load_environment_stack(project, prod).services["dbt"]
    assert (stack.name, name, service["container_name"]) == (
        "dataops-elsewhere-worker",
        "dbt",
        "elsewhere-dataops-worker",
    )
    assert "depends_on" not in service
    assert "ports" not in service
    assert {item["name"] for item in stack.networks.values()} == {"elsewhere-dataops_worker"}
    assert {item["name"] for item in stack.volumes.values()} == {
        "elsewhere-worker_logs",
        "elsewhere-worker_state",
    }
    for key in ("cap_drop", "image", "mem_limit", "read_only", "security_opt", "stop_grace_period", "tmpfs"):
        assert service[key] == own[key], key  # type: ignore[literal-required]
    told = service["environment"]
    assert (told["REDIS_HOST"], told["REDIS_TLS_PORT"]) == ("stack.example", "26380")
    assert told["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "https://stack.example:28443/execution/"
    # The stack's own SQL Server, as it is published.
    assert (told["DATAOPS_WAREHOUSE__SERVER"], told["DATAOPS_WAREHOUSE__PORT"]) == ("stack.example", "21433")
    secrets = with_worker_secrets(stack, prod).secrets["dbt"]
    assert {*secrets} == {"notification_urls", "redis_password", "tls_certificate", "warehouse_password"}
    assert secrets["tls_certificate"] == from_line(line)


def test_a_certificate_that_is_not_the_stack_s_is_noticed(project: Project) -> None:
    for secret, anothers in (("secrets__tls_key of the tests", False), ("until it was replaced", True)):
        line = as_line(key_and_certificate(secret, "stack.example")[1])
        prod = environment(project, f'{WORKER}certificate = "{line}"\n', SECRETS)
        assert certificate_is_anothers(prod) is anothers
    assert not certificate_is_anothers(environment(project, WORKER, SECRETS))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no workers on other machines"),
        ('[worker]\nhost = "localhost"\n', "is the container itself"),
        (WORKER, r"worker\.certificate is not set"),
    ],
)
def test_a_worker_that_could_not_reach_its_stack_is_refused(project: Project, text: str, reason: str) -> None:
    prod = environment(project, text, SECRETS)
    with pytest.raises(UsageError, match=reason):
        with_worker_secrets(load_worker_stack(project, prod), prod)


def test_a_warehouse_in_a_file_has_no_workers_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_WAREHOUSE__ENGINE", "duckdb")
    with pytest.raises(UsageError, match="DuckDB file on the stack's machine"):
        load_worker_stack(project, environment(project, WORKER))


def test_a_worker_s_machine_is_told_which_secrets_it_lacks(project: Project) -> None:
    prod = environment(project, WORKER)
    with pytest.raises(DataopsError) as refused:
        with_worker_secrets(load_worker_stack(project, prod), prod)
    assert refused.value.exit_code == ExitCode.UNAVAILABLE
    assert "secrets.redis_password, warehouse.password" in refused.value.reason


def commit(project: Project) -> None:
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message", "x"],
    ):
        subprocess.run(["git", "-C", project.root, *arguments], check=True)


def test_with_a_registry_images_are_those_of_a_commit_and_workers_pull_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", "registry.example:5000/data")
    prod = environment(project, WORKER)
    commit(project)
    sha = release_of(project.root)
    image = f"registry.example:5000/data/dataops-dbt:{sha}"
    stack = load_environment_stack(project, prod)
    assert stack.services["dbt"]["image"] == image
    assert stack.services["airflow-webserver"]["image"].endswith(f"/data/dataops-airflow:{sha}")
    assert "build" in stack.services["dbt"]
    worker = load_worker_stack(project, prod).services["dbt"]
    assert worker["image"] == image
    assert "build" not in worker


def test_only_what_a_commit_stands_for_is_pushed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    prod = environment(project, WORKER)
    with pytest.raises(UsageError, match=r"has no registry"):
        images_to_push(project, prod, mock.Mock())
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", "registry.example")
    prod = environment(project, WORKER)
    with pytest.raises(DataopsError, match="no git repository"):
        images_to_push(project, prod, mock.Mock())
    commit(project)
    (project.root / "new").write_text("x")
    with pytest.raises(DataopsError, match="uncommitted changes"):
        images_to_push(project, prod, mock.Mock())


def test_a_worker_without_a_commit_s_image_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", "registry.example")
    prod = environment(project, WORKER)
    commit(project)
    (project.root / "new").write_text("x")
    with pytest.raises(DataopsError, match="uncommitted changes") as refused:
        load_worker_stack(project, prod)
    assert refused.value.exit_code == ExitCode.REFUSED


def test_what_is_built_under_another_name_is_not_pushed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.root / "compose" / "release.yml"
    file.write_text(file.read_text() + "  tool: {image: somebody/tool:1, build: ../dbt}\n")
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", "registry.example")
    prod = environment(project, WORKER)
    commit(project)
    monkeypatch.setattr(pushing, "observe", lambda *_: mock.Mock(inputs=build_inputs(stack)))
    stack = load_environment_stack(project, prod)
    assert "somebody/tool:1" in build_inputs(stack)
    found = images_to_push(project, prod, mock.Mock())
    assert {image.partition(":")[0] for image in found} == {
        "registry.example/dataops-airflow",
        "registry.example/dataops-dbt",
    }


@pytest.mark.parametrize(
    "text", ["data", "https://registry.example", "registry.example/Data", "registry.example/", "a b.example"]
)
def test_what_names_no_registry_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", text)
    with pytest.raises(UsageError, match=r"HOST\[:PORT\]"):
        environment(project, WORKER)


@pytest.mark.parametrize("text", ["registry.example", "localhost/a", "registry:5000/a/b-c_d"])
def test_a_registry_has_a_dot_or_a_port(project: Project, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DATAOPS_STACK__REGISTRY", text)
    assert environment(project, WORKER).settings.stack.registry == text


@pytest.mark.parametrize(
    "state", [{"Running": True, "Restarting": True}, {"Running": False, "Restarting": False}, None]
)
def test_a_worker_that_is_not_at_work_is_shown_and_drained(state: dict[str, bool] | None) -> None:
    """It restarts over and over, has ended, or was removed."""
    engine = mock.Mock()
    for call in (engine.exec, engine.processes, engine.signal):
        call.side_effect = EngineError("no", hint="", exit_code=ExitCode.FAILED, status=409)
    engine.inspect.return_value = {"State": state}
    if state is None:
        engine.inspect.side_effect = EngineError("no", hint="", exit_code=ExitCode.UNAVAILABLE, status=404)
    assert called_tasks(engine, mock.Mock()) == []
    drain(engine, [mock.Mock()], 0.01, mock.Mock())


def test_a_worker_that_does_not_say_what_it_does_is_drained() -> None:
    """Its broker takes connections and says nothing."""
    engine = mock.Mock()
    engine.exec.side_effect = EngineError("no answer in time", hint="", exit_code=ExitCode.UNAVAILABLE)
    engine.inspect.return_value = {"State": {"Running": False}}
    drain(engine, [mock.Mock(id="c1"), mock.Mock(id="c2")], 0.01, mock.Mock())
    assert [call.args for call in engine.signal.call_args_list] == [("c1", "SIGTERM"), ("c2", "SIGTERM")]


def test_what_asks_a_worker_for_its_tasks_ends_by_itself(tmp_path: Path) -> None:
    (tmp_path / "celery.py").write_text("import signal\n\n\ndef Celery(broker): signal.pause()\n")
    (program := tmp_path / "redis-url").write_text("#!/bin/sh\n")
    program.chmod(0o755)
    script = (ROOT / "airflow" / "bin" / "worker-tasks").read_text()
    sooner = script.replace("signal.alarm(10)", "signal.alarm(1)")
    assert sooner != script
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", sooner], env=variables, timeout=120, check=False)
    assert done.returncode == -signal.SIGALRM


def test_a_task_of_a_worker_that_is_ending_is_shown_by_its_id() -> None:
    engine = mock.Mock()
    engine.processes.return_value = ["celery", "airflow worker -- 7"]
    engine.exec.return_value = (1, b"")
    assert called_tasks(engine, mock.Mock()) == ["7"]
    engine.exec.return_value = (0, b"7 shared.work run-1\n8 shared.work run-2\n")
    assert called_tasks(engine, mock.Mock()) == ["shared.work run-1", "shared.work run-2"]


def test_a_drain_that_takes_too_long_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PAUSE", 0)
    engine = mock.Mock()
    engine.exec.return_value = (0, b"7 shared.work run-1\n")
    engine.processes.return_value = ["celery", "airflow worker -- 7", "airflow worker -- 8"]
    engine.inspect.return_value = {"State": {"Running": True}}
    container = mock.Mock(id="c1")
    container.name = "dataops-dbt"
    heard: list[tuple[str, str]] = []
    with pytest.raises(DataopsError, match=r"dataops-dbt has not finished its tasks in 0\.01 seconds"):
        drain(engine, [container], 0.01, lambda name, text: heard.append((name, text)))
    assert heard == [("dataops-dbt", "waiting for shared.work run-1, 8")]
    engine.signal.assert_called_once_with("c1", "SIGTERM")
    engine.stop.assert_not_called()


class Queue:
    """Redis, as far as the logs of tasks need it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def llen(self, _name: str) -> int:
        return len(self.pieces)

    def rpush(self, _name: str, piece: bytes) -> None:
        self.pieces.append(piece)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], SimpleNamespace]:
    """The functions of a script of the image, which reads and writes logs in a folder."""
    monkeypatch.setitem(sys.modules, "redis", mock.Mock())
    monkeypatch.syspath_prepend(str(ROOT / "airflow" / "dags"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def functions(name: str, logs: Path) -> SimpleNamespace:
        source = (ROOT / "airflow" / "bin" / name).read_text().partition("\nurl = ")[0]
        file = tmp_path / f"{name}.py"
        file.write_text(source.replace('"/opt/airflow/logs"', repr(str(logs))))
        logs.mkdir()
        return SimpleNamespace(**runpy.run_path(str(file)))

    return functions


def test_logs_arrive_whole_however_often_they_are_sent(
    tmp_path: Path, script: Callable[[str, Path], SimpleNamespace]
) -> None:
    here, there = tmp_path / "worker", tmp_path / "stack"
    ship, keep, queue = script("ship-logs", here), script("keep-logs", there), Queue()
    log = here / "dag_id=a b" / "run_id=it's" / "attempt=1.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(content := b"0123456789abcde\n" * 10_000)
    ship.send_what_is_new(queue, ship.what_was_sent())
    first, sent = list(queue.pieces), ship.what_was_sent()
    assert sent == {log.relative_to(here).as_posix(): len(content)}
    ship.send_what_is_new(queue, sent)
    assert queue.pieces == first
    with log.open("ab") as more:
        more.write(b"more\n")
    # A kill in the midst of noting how far it came, as an older version could leave it.
    (here / ".sent.json").write_text('{"dag')
    ship.send_what_is_new(queue, ship.what_was_sent())
    for piece in queue.pieces:
        keep.write(piece)
    assert (there / log.relative_to(here)).read_bytes() == content + b"more\n"


@pytest.mark.parametrize(
    "head", ["", "x a.log", "0 ../a.log", "0 /etc/a.log", "0 a.txt", "0 a\0.log", "0 \udcff.log"]
)
def test_what_is_no_log_is_refused_and_stops_nothing(
    tmp_path: Path,
    script: Callable[[str, Path], SimpleNamespace],
    capsys: pytest.CaptureFixture[str],
    head: str,
) -> None:
    keep = script("keep-logs", tmp_path / "logs")
    keep.write(head.encode(errors="surrogateescape") + b"\nsomething")
    assert capsys.readouterr().out.startswith("refused ")
    assert not [*tmp_path.rglob("*.log"), *tmp_path.rglob("*.txt")]
