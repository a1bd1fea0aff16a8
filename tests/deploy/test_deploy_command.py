"""`dataops deploy` and `dataops releases`, as far as they need no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.cli import deploy as command
from dataops_cli.deploy import checkout, converge
from dataops_cli.deploy.release import Image
from support import Dataops


@pytest.fixture
def platform(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path / "my platform")


@pytest.mark.parametrize(("plan", "recorded"), [(False, ["why"]), (True, [])])
def test_building_images_is_in_the_audit(
    monkeypatch: pytest.MonkeyPatch, dataops_here: Dataops, platform: Path, *, plan: bool, recorded: list[str]
) -> None:
    reasons, built_within = [], []

    @contextmanager
    def record(_app: object, reason: str) -> Iterator[None]:
        reasons.append(reason)
        yield
        reasons[-1] = f"{reason}, ended"

    def build(*_: object) -> dict[str, Image]:
        built_within.extend(reasons)
        return {"dbt": Image("dataops-dbt:a", "id")}

    made: Any = SimpleNamespace(workspace=SimpleNamespace(release="a"))
    monkeypatch.setattr(command, "site_of", lambda _app: SimpleNamespace(engine=None))
    monkeypatch.setattr(command, "recorded", record)
    monkeypatch.setattr(checkout, "check_out", lambda _site, _sha: nullcontext(made))
    monkeypatch.setattr(converge, "bring_images", build)
    monkeypatch.setattr(converge, "planned_images", lambda *_: [])
    options = ["--build-only", "-m", "why", *(["--plan"] if plan else [])]
    done = dataops_here("deploy", "--env", "prod", *options, cwd=platform)
    assert done.returncode == 0, done.stderr
    assert built_within == recorded
    assert reasons == [f"{reason}, ended" for reason in recorded]


def test_the_help_of_prune_says_all_that_it_does(dataops_here: Dataops, platform: Path) -> None:
    said = " ".join(dataops_here("releases", "prune", "--help", cwd=platform).stdout.split())
    assert "a deployment that was cut off is put right first" in said
