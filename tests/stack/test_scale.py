"""`dataops up --scale`: what it may ask for, and what comes of it on an engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_stack import SmallStack, unique

from dataops_cli import docker_api
from dataops_cli.errors import UsageError
from dataops_cli.stack.load import load_stack
from dataops_cli.stack.model import Stack
from dataops_cli.stack.scale import scale
from support import ROOT, Dataops

FILE = """\
services:
  db: {image: i, scale: 1}
  web: {image: i, ports: ["8080:80"]}
  open: {image: i, ports: ["8081-8089:80", "81"]}
  work: {image: i, container_name: worker, deploy: {replicas: 1}}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "compose.yml").write_text(FILE)
    return load_stack([tmp_path / "compose.yml"], variables={})


@pytest.mark.parametrize(
    ("given", "scaled"),
    [
        ([], {"db": 1}),
        (["work=2", "open=3"], {"db": 1, "work": 2, "open": 3}),
        (["work=2", "work=0"], {"db": 1, "work": 0}),
        (["web=1", "db=1"], {"db": 1, "web": 1}),
    ],
)
def test_the_last_number_of_a_service_counts(stack: Stack, given: list[str], scaled: dict[str, int]) -> None:
    services = scale(stack, given).services
    assert {name: item["scale"] for name, item in services.items() if "scale" in item} == scaled


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("work", "--scale work says no number"),
        ("work=-1", "--scale work=-1 says no number"),
        ("work=two", "--scale work=two says no number"),
        ("=2", "--scale =2 says no number"),
        ("wrok=2", "There is no service wrok"),
        ("web=2", "Service web publishes the port 8080, which one container alone can have"),
        ("db=2", r"Service db has 1 container\(s\), as its Compose file says"),
    ],
)
def test_what_cannot_be(stack: Stack, given: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        scale(stack, [given])
    assert caught.value.hint


def test_two_databases_never_share_their_files() -> None:
    platform = load_stack([ROOT / "compose" / "compose.yml"], variables={}, profiles=["*"])
    for name in ("sqlserver", "postgres", "redis", "cloudbeaver", "airflow-webserver"):
        with pytest.raises(UsageError):
            scale(platform, [f"{name}=2"])
    assert scale(platform, ["dbt=3"]).services["dbt"]["scale"] == 3


# ---- on an engine


@pytest.fixture
def small(
    dataops: Dataops, engine: docker_api.Engine, tmp_path: Path, new_platform: Callable[[Path], Path]
) -> Iterator[SmallStack]:
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("scale"))
    yield stack
    stack.sweep()


@pytest.mark.engine
def test_more_containers_and_fewer(small: SmallStack) -> None:
    small.edit("  side: *service\n", f"  side: {{<<: *service, container_name: {small.name}-side}}\n")
    name = f"{small.name}-side"
    several = ("up", "side", "--scale", "side=3")
    assert small.run("up", "side").returncode == 0
    assert small.run(*several, "--plan").stdout == (
        f"create {name}-2: it is missing\ncreate {name}-3: it is missing\n"
    )
    up = small.run(*several)
    assert up.returncode == 0, up.stderr
    assert small.run(*several).stdout.endswith("no changes.\n")
    rows = json.loads(small.run("ps", "side", "--json").stdout)
    assert [(row["name"], row["health"]) for row in rows] == [
        (name, "healthy"),
        (f"{name}-2", "healthy"),
        (f"{name}-3", "healthy"),
    ]
    logs = {line.partition(" ")[0] for line in small.run("logs", "side").stdout.splitlines()}
    assert logs == {"side-1", "side-2", "side-3"}
    first = small.run("exec", "side", "cat", "/etc/hostname").stdout.strip()
    assert small.containers()[name]["Id"].startswith(first)
    assert small.run("up", "side").stdout.splitlines()[:2] == [
        f"remove {name}-2: the service has 1 container(s)",
        f"remove {name}-3: the service has 1 container(s)",
    ]
    assert small.run(*several[:3], "side=2").returncode == 0
    assert small.run("down").returncode == 0
    small.assert_down()
