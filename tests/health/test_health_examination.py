"""Which checks are made, side by side and each in its own time; and the command's own refusals."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.health import examination
from dataops_cli.health.check import Check, Layer, Need, Subject
from dataops_cli.health.examination import chosen, examine, make
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from support import Dataops

FINE = Finding(Result.OK, "fine")


def nobody(_engine: object) -> object:
    raise AssertionError("the engine was looked at")


@pytest.fixture
def subject(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Callable[[str], Subject]:
    project = Project(new_platform(tmp_path / "platform"))
    return lambda name: Subject(project, load_environment(project, name))


def check(name: str, look: Callable[[Subject], Finding], **more: object) -> Check:
    return Check(name, Layer.SERVICES, look, f"mend {name}", **more)  # type: ignore[arg-type]


def test_what_hangs_costs_its_own_deadline_only(subject: Callable[[str], Subject]) -> None:
    never, all_at_once = threading.Event(), threading.Barrier(6)

    def hang(_subject: Subject) -> Finding:
        all_at_once.wait(60)
        never.wait(60)
        return FINE

    def slow(_subject: Subject) -> Finding:
        all_at_once.wait(60)
        time.sleep(0.4)
        return FINE

    def refused(_subject: Subject) -> Finding:
        raise DataopsError("it is refused", hint="dataops up")

    checks = [check("hang", hang, deadline=0.6), check("refused", refused)]
    checks += [check(f"slow {number}", slow, deadline=60) for number in range(5)]
    begun = time.monotonic()
    found = {item.name: item for item in make(subject("local"), checks)}
    took = time.monotonic() - begun
    never.set()
    assert took < 30
    assert found["hang"].finding == Finding(Result.FAIL, "no answer within 0.6 s", "mend hang")
    assert found["hang"].seconds == 0.6
    assert found["refused"].finding == Finding(Result.FAIL, "it is refused", "dataops up")
    assert all(found[f"slow {number}"].finding == FINE for number in range(5))
    assert 0.4 <= found["slow 1"].seconds <= took


def test_a_fault_of_ours_costs_its_own_check_only(subject: Callable[[str], Subject]) -> None:
    def faulty(_subject: Subject) -> Finding:
        return Finding(Result("excellent"), "never")

    damaged, fine = make(subject("local"), [check("damaged", faulty), check("fine", lambda _subject: FINE)])
    assert fine.finding == FINE
    assert damaged.finding.result is Result.FAIL
    assert damaged.finding.found.startswith("Unexpected ValueError in examination.py, line ")
    assert damaged.finding.found.endswith(": 'excellent' is not a valid Result")
    assert "report it" in damaged.finding.remedy


def test_a_timeout_shortens_every_deadline(subject: Callable[[str], Subject]) -> None:
    never = threading.Event()

    def hang(_subject: Subject) -> Finding:
        never.wait(120)
        return FINE

    checks = [check("hang", hang, deadline=60)]
    begun = time.monotonic()
    (found,) = make(subject("local"), checks, timeout=0.2)
    assert (found.finding.found, time.monotonic() - begun < 30) == ("no answer within 0.2 s", True)
    never.set()


def test_without_a_stack_the_engine_is_left_alone(subject: Callable[[str], Subject]) -> None:
    checks = [check("plain", lambda _subject: FINE), check("needs", lambda _: FINE, needs=Need.STACK)]
    found = examine(subject("local"), checks, nobody)  # type: ignore[arg-type]
    assert [(item.name, item.finding.result, item.finding.found) for item in found] == [
        ("engine", Result.SKIPPED, "no stack"),
        ("plain", Result.OK, "fine"),
        ("needs", Result.SKIPPED, "no stack"),
    ]


def test_an_engine_that_is_not_reachable_fails_once(
    subject: Callable[[str], Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> None:
        raise DataopsError("no engine", hint="Start Docker", exit_code=3)

    monkeypatch.setattr(examination.docker_api, "connect", connect)
    checks = [
        check("plain", lambda _subject: FINE),
        check("needs", lambda _subject: FINE, needs=Need.STACK),
        check("uses", lambda found: Finding(Result.OK, str(found.stack)), needs=Need.STACK_IF_THERE),
    ]
    found = examine(subject("dev"), checks, nobody)  # type: ignore[arg-type]
    assert [(item.name, item.finding.result, item.finding.found) for item in found] == [
        ("engine", Result.FAIL, "no engine"),
        ("plain", Result.OK, "fine"),
        ("needs", Result.SKIPPED, "the engine is not reachable"),
        ("uses", Result.OK, "None"),
    ]
    # Nothing of it is asked for where no check has to do with it.
    assert [item.name for item in examine(subject("dev"), checks[:1], nobody)] == ["plain"]  # type: ignore[arg-type]


def test_checks_are_chosen_by_name_or_layer() -> None:
    one, two = check("one", lambda _: FINE), Check("two", Layer.DATA, lambda _: FINE, "")
    assert chosen([one, two]) == [one, two]
    assert chosen([one, two], names=["two"]) == [two]
    assert chosen([one, two], layers=["services"]) == [one]
    assert chosen([one, two], names=["engine"]) == []
    with pytest.raises(UsageError) as error:
        chosen([one, two], names=["enigne"])
    assert (error.value.reason, error.value.hint) == ("There is no check enigne", "Did you mean engine?")
    with pytest.raises(UsageError) as error:
        chosen([one, two], layers=["zzz"])
    assert error.value.hint == "There are: machine, services, dbt, data, release"


def test_the_command(dataops_here: Dataops, tmp_path: Path, new_platform: Callable[[Path], Path]) -> None:
    folder = new_platform(tmp_path / "platform")
    unknown = dataops_here("health", "--check", "diks", cwd=folder)
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "error: There is no check diks\n  → Did you mean disk?\n",
    )
    both = dataops_here("health", "--junit", "--markdown", cwd=folder)
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)
    assert dataops_here("health", "--watch", "--wait", "5s", cwd=folder).returncode == 2
    assert dataops_here("health", "--wait", "soon", cwd=folder).returncode == 2
    secrets = folder / "environments" / "local.secrets.env"
    secrets.write_text("")
    secrets.chmod(0o640)
    failed = dataops_here("health", "--check", "secrets", "--check", "disk", "--json", cwd=folder)
    assert failed.returncode == 1
    document = json.loads(failed.stdout)
    assert (document["environment"], document["healthy"]) == ("local", False)
    found = {item["name"]: item for item in document["checks"]}
    assert found["secrets"]["remedy"] == "chmod 600 environments/local.secrets.env"
    assert found["disk"]["value"] > 0
    for form, begin in (("--junit", "<?xml "), ("--markdown", "### local is not healthy: 1 of ")):
        shown = dataops_here("health", "--check", "secrets", form, cwd=folder)
        assert (shown.returncode, shown.stdout[: len(begin)]) == (1, begin)
    secrets.chmod(0o600)
    assert dataops_here("health", "--check", "secrets", cwd=folder).returncode == 0
