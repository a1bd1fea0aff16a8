"""Which images a clean-up may remove where several environments share an engine."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import neighbours
from dataops_cli.deploy.journal import Journal, Outcome
from dataops_cli.deploy.release import Image, Release, Releases
from dataops_cli.deploy.retention import Doomed, prune
from dataops_cli.docker_api import EngineError
from dataops_cli.errors import ExitCode
from dataops_cli.stack import labels
from deploy.test_journal import Memory, deployed


class Shared:
    """An engine with images, and with volumes and containers of two environments."""

    def __init__(self, *images: str) -> None:
        self.images = set(images)
        self.made_from: list[str] = []
        self.owners = {"dev-deploy_state": "dataops-dev", "prod-deploy_state": "dataops-prod"}

    def containers(self, *_labels: str) -> list[dict[str, Any]]:
        return [{"Image": name} for name in self.made_from]

    def volumes(self, label: str) -> list[dict[str, Any]]:
        assert label == f"{labels.VOLUME}=deploy_state"
        return [{"Name": name, "Labels": {labels.PROJECT: owner}} for name, owner in self.owners.items()]

    def image(self, reference: str) -> Any:
        return {"Id": "id"} if reference in self.images else None

    def remove_image(self, reference: str) -> None:
        self.images.remove(reference)


def kept(state: Memory, name: str, image: str = "") -> None:
    release = Release(name, name * 40, "", "", "", {"dbt": Image(f"dbt:{image or name}", "id")})
    state.add(f"releases/{name}.json", asdict(release))


class Forgetful(Memory):
    def remove(self, paths: list[str]) -> None:
        for path in paths:
            self.files.pop(path, None)


@pytest.fixture
def dev() -> Forgetful:
    """Has been on a, b, c, d, and keeps the last one."""
    state = Forgetful()
    for name in "abcd":
        kept(state, name)
        deployed(Journal(state), name, Outcome.SUCCEEDED)  # type: ignore[arg-type]
    return state


@pytest.fixture
def prod() -> Memory:
    return Memory()


@pytest.fixture
def engine() -> Shared:
    return Shared(*(f"dbt:{name}" for name in "abcd"))


@pytest.fixture
def pruned(dev: Forgetful, prod: Memory, engine: Shared, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(
        neighbours,
        "State",
        lambda _engine, project, volume: {("dataops-prod", "prod-deploy_state"): prod}[project, volume],
    )

    def run() -> Doomed:
        site: Any = SimpleNamespace(
            engine=engine,
            project="dataops-dev",
            journal=Journal(dev),  # type: ignore[arg-type]
            releases=Releases(dev),  # type: ignore[arg-type]
            environment=SimpleNamespace(settings=SimpleNamespace(deploy=SimpleNamespace(keep_releases=1))),
        )
        return prune(site)

    return run


def test_an_environment_alone_keeps_its_own(pruned: Any, engine: Shared) -> None:
    assert pruned() == Doomed(("a", "b", "c"), ("dbt:a", "dbt:b", "dbt:c"))
    assert engine.images == {"dbt:d"}


def test_images_of_a_release_that_another_environment_keeps_stay(
    pruned: Any, prod: Memory, engine: Shared
) -> None:
    kept(prod, "c", image="b")  # c runs the image that b gave its name to, and has its own name, too
    assert pruned() == Doomed(("a", "b", "c"), ("dbt:a",))
    assert engine.images == {"dbt:b", "dbt:c", "dbt:d"}


def test_an_image_that_a_container_was_made_from_stays(pruned: Any, engine: Shared) -> None:
    engine.made_from = ["dbt:a", "postgres:15"]
    assert pruned().images == ("dbt:b", "dbt:c")


@pytest.mark.parametrize(
    ("outcome", "stays"), [(None, True), (Outcome.BROKEN, True), (Outcome.UNDONE, False)]
)
def test_images_that_another_environment_is_being_deployed_with_stay(
    pruned: Any, prod: Memory, engine: Shared, outcome: Outcome | None, *, stays: bool
) -> None:
    deployed(Journal(prod), "b", outcome)  # type: ignore[arg-type]
    pruned()
    assert ("dbt:b" in engine.images) is stays


def test_nothing_is_removed_where_it_is_not_known_what_others_need(
    pruned: Any, engine: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EngineError("cannot be read", hint="", exit_code=ExitCode.UNAVAILABLE)

    monkeypatch.setattr(neighbours, "State", broken)
    with pytest.raises(EngineError):
        pruned()
    assert engine.images == {"dbt:a", "dbt:b", "dbt:c", "dbt:d"}
