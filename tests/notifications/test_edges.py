"""Only what changes is told: health that turns bad or good, the pipeline that fails or works again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dataops_cli.checks import Finding, Result
from dataops_cli.console import Console
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.notifications import edges
from dataops_cli.notifications.edges import tell_health, told_of_run
from dataops_cli.notifications.events import Event, Facts
from dataops_cli.notifications.told import Told, ToldByStack, ToldHere
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Settings
from dataops_cli.settings.services import Secrets
from notifications.receiver import Receiver

FINDINGS = {
    "redis": Finding(Result.FAIL, "no answer within 5 s", "See its log: dataops logs redis"),
    "disk": Finding(Result.OK, "40 GB free"),
}


def environment(receiver: Receiver | None, path: str = "ok") -> Environment:
    urls = SecretStr(receiver.url(path)) if receiver else None
    return Environment("prod", Settings(secrets=Secrets(notification_urls=urls)), {})


def console() -> tuple[Console, io.StringIO]:
    stderr = io.StringIO()
    return Console(stdout=io.StringIO(), stderr=stderr, color=False), stderr


class Engine:
    """A stack's state whose engine can be away."""

    def __init__(self) -> None:
        self.away = False
        self.kept: dict[str, dict[str, Any]] = {}

    def documents(self, folder: str) -> Mapping[str, Mapping[str, Any]]:
        return {
            path.partition("/")[2].removesuffix(".json"): document for path, document in self.kept.items()
        }

    def add(self, path: str, document: Mapping[str, Any]) -> None:
        self.kept[path] = dict(document)

    def __call__(self) -> Engine:
        if self.away:
            raise DataopsError("no engine", hint="Start it.", exit_code=ExitCode.UNAVAILABLE)
        return self


def test_edges_and_no_repeats(receiver: Receiver, tmp_path: Path) -> None:
    said, stderr = console()
    for healthy in (True, True, False, False, True, True, False):
        told = ToldHere(tmp_path / "told")  # each is a process of its own
        tell_health(environment(receiver), said, told, healthy=healthy, findings=FINDINGS)
    assert receiver.titles() == [
        "prod is not healthy",
        "prod is healthy again",
        "prod is not healthy",
    ]
    assert receiver.received[0]["message"].splitlines() == [
        "Environment: prod",
        "What went wrong: 1 of 2 checks failed",
        "- redis: no answer within 5 s. See its log: dataops logs redis",
        "What to do: Look again, with all remedies: dataops health",
    ]
    assert stderr.getvalue() == ""


def test_what_nobody_got_is_told_the_next_time(receiver: Receiver, tmp_path: Path) -> None:
    said, stderr = console()
    told = ToldHere(tmp_path)
    tell_health(environment(receiver, "refused"), said, told, healthy=False, findings=FINDINGS)
    assert "it answered with error 500" in " ".join(stderr.getvalue().split())
    tell_health(environment(receiver), said, told, healthy=False, findings=FINDINGS)
    tell_health(environment(receiver), said, told, healthy=False, findings=FINDINGS)
    assert [item["path"] for item in receiver.received] == ["refused", "ok"]


def test_without_urls_nothing_is_written_down(tmp_path: Path) -> None:
    said, _ = console()
    tell_health(environment(None), said, ToldHere(tmp_path / "told"), healthy=False, findings=FINDINGS)
    assert not (tmp_path / "told").exists()


def test_a_damaged_file_is_a_warning_and_what_is_bad_is_told(receiver: Receiver, tmp_path: Path) -> None:
    said, stderr = console()
    (tmp_path / "health.json").write_text("{")
    tell_health(environment(receiver), said, ToldHere(tmp_path), healthy=False, findings=FINDINGS)
    assert receiver.titles() == ["prod is not healthy"]
    assert "What was told last is not known" in stderr.getvalue()
    assert ToldHere(tmp_path).last("health") == "bad"


def test_a_folder_that_cannot_be_written_is_a_warning(receiver: Receiver, tmp_path: Path) -> None:
    said, stderr = console()
    (tmp_path / "told").write_text("no folder")
    tell_health(environment(receiver), said, ToldHere(tmp_path / "told"), healthy=False, findings=FINDINGS)
    assert receiver.titles() == ["prod is not healthy"]
    assert "could not be written down" in " ".join(stderr.getvalue().split())


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_an_engine_that_goes_away_changes_nothing_of_it(looks: list[tuple[bool, bool]]) -> None:
    """Whatever of it is kept here, one event an edge: `looks` are (the engine is away, it is healthy)."""
    import tempfile

    events: list[Event] = []

    def tell(_environment: Environment, _console: Console, event: Event, _facts: Facts) -> bool:
        events.append(event)
        return True

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(edges, "tell", tell)
        patch.setattr(edges, "is_configured", lambda _environment: True)
        engine = Engine()
        told = ToldByStack(engine, ToldHere(Path(folder)))
        for engine.away, healthy in looks:
            tell_health(environment(None), console()[0], told, healthy=healthy, findings=FINDINGS)
    expected, before = [], True
    for _away, healthy in looks:
        if healthy != before:
            expected.append(Event.HEALTH_GOOD if healthy else Event.HEALTH_BAD)
        before = healthy
    assert events == expected


# ---- runs


def run(receiver: Receiver, told: Told, error: BaseException | None) -> str:
    """A run that ends with an error; returns what was written to stderr."""
    said, stderr = console()
    with (
        pytest.raises(type(error) if error else NotImplementedError),
        told_of_run(environment(receiver), said, told, "ada", "dataops run"),
    ):
        raise error or NotImplementedError
    return stderr.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        DataopsError("locked", hint="Wait.", exit_code=ExitCode.LOCKED),
        DataopsError("refused", hint="Look.", exit_code=ExitCode.REFUSED),
        DataopsError("wrong", hint="Mend.", exit_code=ExitCode.USAGE),
        DataopsError("interrupted", hint="Again.", exit_code=ExitCode.INTERRUPTED),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_failure_is_not_told(receiver: Receiver, tmp_path: Path, error: BaseException) -> None:
    assert run(receiver, ToldHere(tmp_path), error) == ""
    assert receiver.received == []


def test_an_error_is_told_each_time(receiver: Receiver, tmp_path: Path) -> None:
    gone = DataopsError(
        "The warehouse is not there", hint="Start it: dataops up", exit_code=ExitCode.UNAVAILABLE
    )
    for _ in range(2):
        run(receiver, ToldHere(tmp_path), gone)
    assert receiver.titles() == ["prod: the pipeline failed"] * 2
    assert receiver.received[0]["message"].splitlines()[1:] == [
        "Run: dataops run",
        "By: ada",
        "What went wrong: The warehouse is not there",
        "What to do: Start it: dataops up",
    ]


def test_an_unexpected_error_is_told_by_its_kind(receiver: Receiver, tmp_path: Path) -> None:
    run(receiver, ToldHere(tmp_path), RuntimeError("hush"))
    assert "What went wrong: unexpected RuntimeError" in receiver.received[0]["message"]
    assert "hush" not in receiver.received[0]["message"]
