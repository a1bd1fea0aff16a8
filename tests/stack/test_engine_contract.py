"""What our engine makes of a Compose file beside what the real `docker compose` makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contract_file
import pytest
import yaml
from flat import flat
from small_stack import SECRET, SmallStack, docker, unique

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from dataops_cli.stack import labels, schema
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.container_config import START_INTERVAL_API
from dataops_cli.stack.execute import Execution
from dataops_cli.stack.load import load_stack
from dataops_cli.stack.observe import observe
from dataops_cli.stack.reconcile import plan_images, plan_up
from dataops_cli.stack.secret_files import secret_contents
from local_engine import STAND_IN
from support import Dataops, until
from sweep import sweep

pytestmark = pytest.mark.engine

Compose = Callable[..., "subprocess.CompletedProcess[str]"]
NAME = f"dataops-contract-{os.getpid()}"
VARIABLES = {"NAME": NAME, "PLAIN": "from a variable", "WHO_ELSE": "someone"}

# What differs between two runs of `docker compose` too: identities, times, places of the engine's own files.
OF_THE_RUN = {
    "Id", "Created", "CreatedAt", "StartedAt", "FinishedAt", "Pid", "GraphDriver", "LogPath", "HostnamePath",
    "HostsPath", "ResolvConfPath", "SandboxID", "SandboxKey", "EndpointID", "NetworkID", "State",
}  # fmt: skip
# Addresses that the engine gives out; the one that the file names stands in IPAMConfig, too.
ADDRESSES = {"IPAddress", "IPPrefixLen", "Gateway", "MacAddress"}
NOT_ALIKE = {
    # Ours is a hash of our own: a change of hands costs one recreate.
    labels.CONFIG_HASH,
    # Ours alone, to see that the files say something else about a network.
    labels.NETWORK_CONFIG,
    # Who made it.
    labels.VERSION,
    # What the client that made the container listened to: Compose asks for it and does not listen.
    "AttachStdout",
    "AttachStderr",
}
IGNORED = OF_THE_RUN | ADDRESSES | NOT_ALIKE
UNORDERED = {"Env", "Ulimits", "ExtraHosts", "Binds", "Mounts"}
# Keys that no container, network or volume shows.
NOT_SHOWN = {"build", "profiles", "pull_policy", "image"}


class Side:
    """The project, made by one of the two."""

    def __init__(self, engine: docker_api.Engine, compose: Compose, folder: Path, file: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.file = file
        self._compose = compose

    def compose(self, *arguments: str) -> str:
        done = self._compose("-p", NAME, *arguments, cwd=self.folder, **VARIABLES)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ours(self, *, force: bool = False) -> list[str]:
        """Our `up`, without its command line; returns the plan."""
        stack = load_stack([self.file], variables=VARIABLES, name=NAME)
        secrets = {name: secret_contents(stack, name, VARIABLES) for name in stack.services}
        seen = observe(self.engine, stack)
        plan = plan_up(stack, seen, force_recreate=force)
        execution = Execution(self.engine, stack, secrets, seen=seen.containers)
        execution.up(plan, wait_until_healthy=False, timeout=60)
        return [item.action for item in plan]

    def inspect(self) -> dict[str, Any]:
        label = f"{labels.PROJECT}={NAME}"
        containers = [self.engine.inspect(item["Id"]) for item in self.engine.containers(label)]
        return {
            "containers": {item["Name"]: comparable(item, item["Id"][:12]) for item in containers},
            "networks": {item["Name"]: comparable(item) for item in self.engine.networks(label)},
            "volumes": {comparable(item["Name"]): comparable(item) for item in self.engine.volumes(label)},
        }

    def run(self, service: str, command: str) -> str:
        code, output = self.engine.exec(f"{NAME}-{service}-1", ["sh", "-c", command])
        assert code == 0, output
        return output.decode()


def comparable(value: Any, identity: str = "", key: str = "") -> Any:
    """What inspecting says, without what must differ; null, empty and absent are one."""
    if isinstance(value, dict):
        items = {
            name: comparable(item, identity, name) for name, item in value.items() if name not in IGNORED
        }
        return {name: item for name, item in items.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        items = [comparable(item, identity) for item in value]
        return sorted(items, key=repr) if key in UNORDERED else items
    if isinstance(value, str):
        # The engine names containers without a name of their own, and anonymous volumes, by their ids.
        value = value.replace(identity, "ID") if identity else value
        if key == labels.DEPENDS_ON:  # Compose writes it in any order
            value = ",".join(sorted(value.split(",")))
        return re.sub("[0-9a-f]{64}", "ID", value)
    return value


def without_free_choices(made: dict[str, Any]) -> dict[str, Any]:
    """Without what the engine may choose, and what we do otherwise on purpose."""
    for name in ("default", "back"):
        network = next(item for key, item in made["networks"].items() if key.endswith(name))
        del network["IPAM"]["Config"]
    check = made["containers"][f"/{NAME}-check-1"]["NetworkSettings"]["Ports"]
    for port in ("80/tcp", "84/tcp"):
        assert [binding.pop("HostPort") for binding in check[port]]
    for number in (1, 2):
        # Compose puts the id of an external network there, we its name.
        del made["containers"][f"/{NAME}-none-{number}"]["HostConfig"]["NetworkMode"]
    silent = made["containers"][f"/{NAME}-silent-1"]
    # Compose mounts the file of a secret, we copy it: see secret_files.py.
    silent.pop("Mounts", None)
    silent["HostConfig"].pop("Mounts", None)
    return made


@pytest.fixture
def side(engine: docker_api.Engine, compose: Compose, swept: Callable[[str], None], tmp_path: Path) -> Side:
    swept(NAME)
    return Side(engine, compose, tmp_path, contract_file.write(tmp_path))


@pytest.fixture
def outside(engine: docker_api.Engine) -> Iterator[None]:
    """The external network and volume of the file."""
    engine.create_network({"Name": f"{NAME}-outside"})
    engine.create_volume(f"{NAME}-elsewhere", None, {}, {})
    yield
    sweep(engine, NAME)  # of the stack's containers, which use them
    engine.remove_network(f"{NAME}-outside")
    engine.remove_volume(f"{NAME}-elsewhere")


def test_every_key_that_shows_is_in_the_file() -> None:
    document = yaml.safe_load(contract_file.FILE)
    used = {key for service in document["services"].values() for key in service}
    assert {*schema.SERVICE.readers} - NOT_SHOWN - used == set()
    for kind, table in (
        ("networks", schema.NETWORK),
        ("volumes", schema.VOLUME),
        ("secrets", schema.SECRET),
    ):
        assert {*table.readers} == {key for item in document[kind].values() for key in item}


def test_containers_networks_and_volumes_are_those_that_compose_makes(side: Side, outside: None) -> None:
    looks = {
        "silent": "cd /; for f in run/secrets/plain run/secrets/renamed somewhere/else; do cat $f; echo; done;"
        " ls -ln somewhere/else run/secrets/plain | cut -c 1-40",
        "mounts": "ls / | sort; ls -d /folder /long-made",
    }
    side.ours()
    ours = without_free_choices(side.inspect())
    ours_inside = {service: side.run(service, look) for service, look in looks.items()}
    side.compose("down", "-v", "-t", "0")
    side.compose("up", "-d")
    theirs = without_free_choices(side.inspect())
    assert flat(ours) == flat(theirs)
    assert ours_inside == {service: side.run(service, look) for service, look in looks.items()}


DOCKERFILE = f"""\
FROM {STAND_IN} AS base
ARG FIRST=none
ARG SECOND=none
ENV FIRST=$FIRST SECOND=$SECOND
VOLUME /of-image
FROM base AS last
ENV LAST=1
"""
BUILT = """\
services:
  built:
    build:
      {context: sub, dockerfile: My.Dockerfile, target: base, network: host, labels: {own: label},
       args: {FIRST: given, SECOND: , NOT_SET: }}
    init: true
    stop_grace_period: 0s
"""


def test_an_image_is_built_as_compose_builds_it(
    engine: docker_api.Engine, compose: Compose, swept: Callable[[str], None], tmp_path: Path
) -> None:
    swept(NAME)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "My.Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "compose.yml").write_text(BUILT)
    variables = {"SECOND": "from outside"}
    image = f"{NAME}-built"

    def settings() -> dict[str, Any]:
        config = (engine.image(image) or {})["Config"]
        # Ours has the hash of what went in, Compose's the project.
        its_labels = {
            key: value
            for key, value in config["Labels"].items()
            if key != labels.INPUTS and not key.startswith(labels.PREFIX)
        }
        return {key: config[key] for key in ("Env", "Cmd", "Volumes", "WorkingDir")} | {"Labels": its_labels}

    try:
        stack = load_stack([tmp_path / "compose.yml"], variables=variables, name=NAME)
        inputs = build_inputs(stack)
        plan = plan_images(stack, observe(engine, stack), inputs=inputs)
        Execution(engine, stack, inputs=inputs).prepare(plan)
        ours = settings()
        docker("image", "rm", image)
        done = compose("-p", NAME, "build", cwd=tmp_path, **variables)
        assert done.returncode == 0, done.stderr
        assert ours == settings()
        assert "SECOND=from outside" in ours["Env"]
    finally:
        docker("image", "rm", image)


def test_what_the_engine_is_too_old_for_is_refused(
    engine: docker_api.Engine, compose: Compose, tmp_path: Path
) -> None:
    if engine.api_version >= START_INTERVAL_API:
        pytest.skip("the engine knows start_interval")
    file = tmp_path / "compose.yml"
    file.write_text(
        f"services: {{a: {{image: {STAND_IN}, healthcheck: {{test: 'true', start_interval: 1s}}}}}}"
    )
    with pytest.raises(DataopsError) as caught:
        observe(engine, load_stack([file], variables={}, name=NAME))
    assert "services.a.healthcheck.start_interval needs Docker 25 or newer" in caught.value.reason
    assert caught.value.exit_code == 3
    done = compose("-p", NAME, "up", "-d", cwd=tmp_path)
    assert done.returncode
    assert "start_interval" in done.stderr
    compose("-p", NAME, "down", "-t", "0", cwd=tmp_path)


# The two of them at one project, each with its own commands.
SHARED = """\
x-service: &service
  image: dataops-test/stand-in:1
  init: true
  healthcheck: {test: "true", interval: 200ms}
  stop_grace_period: 2s
services:
  first:
    <<: *service
    volumes: ["data:/data", /scratch]
    networks: [default, back]
    secrets: [password]
  second:
    <<: *service
    depends_on: {first: {condition: service_healthy, restart: true}}
    scale: 2
networks: {default: {}, back: {}}
volumes: {data: {}}
secrets: {password: {file: ./password}}
"""


@dataclass
class Shared:
    small: SmallStack
    _compose: Compose
    anonymous: str = ""

    def compose(self, *arguments: str) -> str:
        """The real `docker compose`; what it says on both streams."""
        folder = self.small.folder / "compose"
        done = self._compose("-p", self.small.name, "-f", "small.yml", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def ours(self, *arguments: str) -> str:
        done = self.small.dataops(*arguments, cwd=self.small.folder, DATAOPS_ENV="small")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def states(self) -> set[str]:
        return {*self.small.states().values()}

    def remember(self) -> None:
        """Write into both volumes of `first`, the named one and the anonymous one."""
        self.compose("exec", "-T", "first", "sh", "-c", "echo kept >/data/f; echo kept >/scratch/f")
        mounts = self.small.engine.inspect(f"{self.small.name}-first-1")["Mounts"]
        self.anonymous = next(item["Name"] for item in mounts if item["Destination"] == "/scratch")

    def remembers(self) -> bool:
        return self.ours("exec", "first", "--", "cat", "/data/f", "/scratch/f") == "kept\nkept\n"


@pytest.fixture
def shared(
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    engine: docker_api.Engine,
    compose: Compose,
) -> Iterator[Shared]:
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("shared"))
    stack.write(SHARED)
    made = Shared(stack, compose)
    yield made
    stack.sweep()
    if made.anonymous and engine.volume(made.anonymous):
        engine.remove_volume(made.anonymous)


def test_compose_manages_what_we_made(shared: Shared) -> None:
    name = shared.small.name
    shared.ours("up")
    listed = [json.loads(line) for line in shared.compose("ps", "--format", "json").splitlines()]
    assert {item["Name"]: (item["Service"], item["Health"]) for item in listed} == {
        f"{name}-first-1": ("first", "healthy"),
        f"{name}-second-1": ("second", "healthy"),
        f"{name}-second-2": ("second", "healthy"),
    }
    assert name in shared.compose("ls")
    until(lambda: shared.compose("logs").count("stand-in started") == 3)
    assert shared.compose("exec", "-T", "first", "cat", "/run/secrets/password") == SECRET
    shared.compose("stop")
    assert shared.states() == {"exited"}
    shared.compose("start")
    shared.compose("restart", "first")
    assert shared.states() == {"running"}
    shared.remember()

    # Its hash is another, so that it makes each anew once, and no more.
    assert shared.compose("up", "-d", "--wait").count("Recreated") == 3
    assert "Recreate" not in shared.compose("up", "-d")
    assert shared.remembers()

    assert {line.split()[0] for line in shared.ours("up").splitlines()[:-1]} == {"recreate"}
    assert shared.ours("up", "--plan") == "Nothing would change.\n"
    assert shared.remembers()

    shared.compose("down")
    shared.small.assert_down()


def test_we_manage_what_compose_made(shared: Shared) -> None:
    name = shared.small.name
    shared.compose("up", "-d", "--wait")
    listed = json.loads(shared.ours("ps", "--json"))
    assert {item["name"]: (item["service"], item["health"]) for item in listed} == {
        f"{name}-first-1": ("first", "healthy"),
        f"{name}-second-1": ("second", "healthy"),
        f"{name}-second-2": ("second", "healthy"),
    }
    until(lambda: shared.ours("logs").count("stand-in started") == 3)
    assert shared.ours("exec", "first", "--", "cat", "/run/secrets/password") == SECRET
    # Dependents first, as the labels say.
    stopped = [line.split()[1].rstrip(":") for line in shared.ours("stop").splitlines()]
    assert stopped == [f"{name}-second-1", f"{name}-second-2", f"{name}-first-1"]
    assert shared.states() == {"exited"}
    shared.ours("start")
    shared.ours("restart", "second")
    assert shared.states() == {"running"}
    shared.remember()

    recreated = [line.split(":")[0] for line in shared.ours("up").splitlines()[:-1]]
    assert recreated == [f"recreate {name}-{one}" for one in ("first-1", "second-1", "second-2")]
    assert shared.ours("up", "--plan") == "Nothing would change.\n"
    assert shared.remembers()

    shared.compose("up", "-d", "--wait")
    shared.ours("down")
    shared.small.assert_down()
