"""A part of a stack, and what an image is built from."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataops_cli.errors import UsageError
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.load import load_stack
from dataops_cli.stack.model import Stack
from dataops_cli.stack.selection import only, select

FILE = """\
services:
  db: {image: i, volumes: ["data:/data"], networks: [back]}
  app: {build: app, image: app, depends_on: [db], networks: [back, front]}
  web: {image: i, depends_on: [app], networks: [front]}
networks: {front: , back: }
volumes: {data: }
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "compose.yml").write_text(FILE)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / "app" / "code.py").write_text("1")
    (tmp_path / "app" / "live").mkdir()
    (tmp_path / "app" / "live" / "dag.py").write_text("1")
    return load_stack([tmp_path / "compose.yml"], variables={})


def test_a_service_comes_with_what_it_depends_on(stack: Stack) -> None:
    part = select(stack, ["app"])
    assert ({*part.services}, {*part.disabled}) == ({"app", "db"}, {"web"})
    assert ({*part.networks}, {*part.volumes}) == ({"back", "front"}, {"data"})
    assert select(stack, []) == stack


def test_a_service_alone(stack: Stack) -> None:
    part = only(stack, ["web"])
    assert ({*part.services}, {*part.networks}, {*part.volumes}) == ({"web"}, {"front"}, set())


def test_no_such_service(stack: Stack) -> None:
    with pytest.raises(UsageError, match="There is no service wbe") as caught:
        select(stack, ["wbe"])
    assert caught.value.hint == "Services: app, db, web"


def with_app(stack: Stack, **changes: object) -> str:
    app = stack.services["app"] | changes
    return build_inputs(Stack("shop", stack.folder, (), {"app": app}))["app"]  # type: ignore[dict-item]


def test_the_inputs_are_files_dockerfile_and_arguments(stack: Stack) -> None:
    before = with_app(stack)
    assert {*build_inputs(stack)} == {"app"}
    assert with_app(stack, build=stack.services["app"]["build"] | {"labels": {"a": "b"}}) == before
    assert with_app(stack, build=stack.services["app"]["build"] | {"args": {"a": "b"}}) != before
    for change in (
        lambda app: (app / "code.py").write_text("2"),
        lambda app: (app / "code.py").chmod(0o755),
        lambda app: (app / "code.py").rename(app / "other.py"),
        lambda app: (app / "Dockerfile").write_text("FROM scratch\n"),
    ):
        change(stack.folder / "app")
        after = with_app(stack)
        assert after != before
        before = after


def test_what_is_ignored_or_mounted_over_is_no_input(stack: Stack) -> None:
    app = stack.folder / "app"
    (app / ".dockerignore").write_text("*.log\n")
    mount = {"type": "bind", "source": str(app / "live"), "target": "/live"}
    before = with_app(stack, volumes=[mount])
    (app / "a.log").write_text("noise")
    (app / "live" / "dag.py").write_text("2")
    assert with_app(stack, volumes=[mount]) == before
    assert with_app(stack) != before


def test_no_dockerfile(stack: Stack) -> None:
    (stack.folder / "app" / "Dockerfile").unlink()
    with pytest.raises(UsageError, match=r"app is built from .*/app/Dockerfile, which is not there"):
        build_inputs(stack)
