"""Engines elsewhere: the real engine behind a real sshd, TLS and contexts. Nothing leaves this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import which

import pytest
from own_daemon import Daemon, own_daemon

from dataops_cli import docker_api
from local_engine import STAND_IN
from support import Dataops, absent, clean_environment, free_port, until, wait_for_port

pytestmark = pytest.mark.engine

SSHD = which("sshd") or which("/usr/sbin/sshd")
TLS_FILES = {"cacert": "ca.pem", "cert": "server.pem", "key": "server.key"}
FILE = """\
services:
  web:
    image: dataops-test/stand-in:1
    init: true
    healthcheck: {test: 'grep -q secret /run/secrets/token', interval: 1s}
    secrets: [token]
secrets: {token: {file: ./token}}
"""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def behind_tls(tmp_path: Path, engine: docker_api.Engine) -> Iterator[tuple[Daemon, dict[str, str]]]:
    """An engine that asks its clients for a certificate, and the variables under which it is reached."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    openssl(
        folder, "req", "-x509", *key, "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA"
    )
    for name, extension in (
        ("server", "subjectAltName=IP:127.0.0.2"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        (folder / "extension").write_text(extension)
        openssl(folder, "req", *key, f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            folder, *f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2".split(),
            "-extfile", "extension", "-out", f"{name}.pem",
        )  # fmt: skip
    (folder / "client.pem").rename(folder / "cert.pem")
    (folder / "client.key").rename(folder / "key.pem")
    options = ["--tlsverify", *(f"--tls{part}={folder}/{file}" for part, file in TLS_FILES.items())]
    address = "tcp://127.0.0.2:2376"
    with own_daemon(STAND_IN, options=[f"--host={address}", *options]) as daemon:
        variables = {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
        yield daemon, variables


def test_a_stack_over_tls(small: tuple[Path, str], behind_tls: tuple[Daemon, dict[str, str]]) -> None:
    daemon, variables = behind_tls
    whole_life_of_a_stack(daemon.engine, small, variables, daemon.beside)


def test_a_certificate_of_another_authority_is_refused(
    small: tuple[Path, str], behind_tls: tuple[Daemon, dict[str, str]]
) -> None:
    daemon, variables = behind_tls
    folder = Path(variables["DOCKER_CERT_PATH"])
    openssl(
        folder,
        *[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "x.pem",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-subj",
            "/CN=other",
        ],
    )
    failed = run_in(small[0], variables, ["ps"], daemon.beside)
    assert failed.returncode == 3
    assert f"Cannot reach the Docker engine of {variables['DOCKER_HOST']}" in failed.stderr
    assert "certificate verify failed" in failed.stderr


def run_in(
    folder: Path, variables: dict[str, str], arguments: list[str], beside: Sequence[str] = (), typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """`dataops` with the environment `far`, on the host that `beside` leads to."""
    return subprocess.run(
        [*beside, sys.executable, "-m", "dataops_cli", "--env", "far", *arguments],
        cwd=folder,
        env=clean_environment(**variables),
        input=typed,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def far(tmp_path: Path, engine: docker_api.Engine) -> Iterator[dict[str, str]]:
    """The variables under which the engine is reached over ssh, at an address that is not this machine's name."""
    if SSHD is None:
        absent("an sshd", "sshd is not there")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    for key in (tmp_path / "host", home / ".ssh" / "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    port = free_port()
    (tmp_path / "authorized").write_text((home / ".ssh" / "id_ed25519.pub").read_text())
    (tmp_path / "config").write_text(
        f"ListenAddress 127.0.0.2\nPort {port}\nHostKey {tmp_path}/host\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nPasswordAuthentication no\nPidFile none\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([str(SSHD), "-D", "-f", str(tmp_path / "config")])
    (home / ".ssh" / "known_hosts").write_text(
        f"[127.0.0.2]:{port} {' '.join((tmp_path / 'host.pub').read_text().split()[:2])}\n"
    )
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        wait_for_port("127.0.0.2", port)
        yield {"HOME": str(home), "DOCKER_HOST": f"ssh://{user}@127.0.0.2:{port}"}
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def small(
    tmp_path: Path, new_platform: Callable[[Path], Path], swept: Callable[[str], None]
) -> tuple[Path, str]:
    folder, name = new_platform(tmp_path / "platform"), f"dataops-far-{os.getpid()}"
    (folder / "environments" / "far.toml").write_text(
        f'[stack]\nenabled = true\nfiles = ["compose/far.yml"]\nname = "{name}"\n'
    )
    (folder / "compose" / "far.yml").write_text(FILE)
    (folder / "compose" / "token").write_text("a secret\n")
    swept(name)
    return folder, name


def test_a_stack_over_ssh_with_a_secret_from_a_file_of_this_machine(
    engine: docker_api.Engine, small: tuple[Path, str], far: dict[str, str]
) -> None:
    whole_life_of_a_stack(engine, small, far)


def whole_life_of_a_stack(
    engine: docker_api.Engine, small: tuple[Path, str], variables: dict[str, str], beside: Sequence[str] = ()
) -> None:
    folder, name = small

    def run(*arguments: str, typed: str = "") -> str:
        done = run_in(folder, variables, [*arguments], beside, typed)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("up")
    assert run("up").endswith("no changes.\n")
    [row] = json.loads(run("ps", "--json"))
    assert (row["name"], row["health"]) == (f"{name}-web-1", "healthy")
    assert engine.inspect(f"{name}-web-1")["HostConfig"]["Binds"] == []
    until(lambda: "stand-in started" in run("logs"))
    # A pipe both ways: the command sees the end of what it is sent.
    assert run("exec", "web", "--", "cat", typed="x" * 300_000) == "x" * 300_000
    run("down")
    assert engine.containers(f"com.docker.compose.project={name}") == []


def test_a_folder_of_this_machine_is_refused_there(
    dataops: Dataops, engine: docker_api.Engine, small: tuple[Path, str], far: dict[str, str]
) -> None:
    folder, name = small
    file = folder / "compose" / "far.yml"
    file.write_text(file.read_text().replace("    init: true\n", "    volumes: ['./here:/there']\n"))
    refused = dataops("up", "--env", "far", cwd=folder, **far)
    assert refused.returncode == 5
    assert (
        f"Service web mounts {folder}/compose/here, which the engine of {far['DOCKER_HOST']} does not see"
        in (refused.stderr)
    )
    assert engine.containers(f"com.docker.compose.project={name}") == []


def test_a_host_that_is_not_known_is_not_trusted(
    dataops: Dataops, small: tuple[Path, str], far: dict[str, str]
) -> None:
    (Path(far["HOME"]) / ".ssh" / "known_hosts").unlink()
    failed = dataops("ps", "--env", "far", cwd=small[0], **far)
    assert failed.returncode == 3
    assert "not found in known_hosts" in failed.stderr
    assert "check the host's key: ssh HOST" in failed.stderr


def test_contexts(
    dataops: Dataops, tmp_path: Path, small: tuple[Path, str], engine: docker_api.Engine
) -> None:
    folder, _ = small
    configuration = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{}")
    for name, host in (("here", "unix:///var/run/docker.sock"), ("nowhere", "tcp://127.0.0.1:9")):
        subprocess.run(
            ["docker", "context", "create", name, f"--docker=host={host}"],
            env=configuration,
            check=True,
            capture_output=True,
        )
    for name, code in (("here", 0), ("nowhere", 3), ("unknown", 2)):
        done = dataops("ps", "--env", "far", cwd=folder, DOCKER_CONTEXT=name, **configuration)
        assert done.returncode == code, done.stderr
        assert (name in done.stderr) == (code > 0)
