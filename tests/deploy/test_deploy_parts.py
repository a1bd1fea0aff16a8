"""Parts of a deployment, each by itself: no engine, no Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.console import Console
from dataops_cli.deploy import conditions, deployment, plan, putting_right, resumption, way_back, workspace
from dataops_cli.deploy import gate as gates
from dataops_cli.deploy.data import _failed
from dataops_cli.deploy.deploying import asks_for_the_way_back
from dataops_cli.deploy.deployment import Change, Request
from dataops_cli.deploy.gate import Gate
from dataops_cli.deploy.journal import Beginning, Journal, Kind, Outcome, StepRecord
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.release import Release, Releases
from dataops_cli.deploy.workspace import (
    Workspace,
    as_many_as_there_are,
    open_workspace,
    with_images_that_are_there,
)
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.model import Settings
from dataops_cli.stack import labels
from dataops_cli.stack.model import Stack
from dataops_cli.stack.own_package import PROTOCOL
from deploy.test_journal import Memory, deployed


class Scheduler:
    """An Airflow with one run of the DAG, which goes on, look by look, as long as the DAG is not paused."""

    def __init__(self, looks: int, *, paused: bool = False) -> None:
        self.left, self.paused, self.stopped = looks, paused, False

    def dag(self, _dag: str) -> Any:
        return SimpleNamespace(paused=self.paused)

    def set_paused(self, _dag: str, paused: bool) -> None:
        self.paused = paused

    def stop(self, _dag: str, _run: str) -> None:
        self.left, self.stopped = 0, True

    def runs(self, _dag: str, *, limit: int, states: Sequence[str]) -> list[Any]:
        assert limit
        assert states
        if self.left and not self.paused:
            self.left -= 1
        return [SimpleNamespace(run_id="run")] if self.left else []


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PAUSE", 0.0)


def closed(airflow: Scheduler, *, now: bool = False, timeout: float = 5) -> str:
    return Gate(airflow, lambda _text: None).close(now=now, timeout=timeout)  # type: ignore[arg-type]


def test_a_run_is_waited_for_before_the_pause() -> None:
    airflow = Scheduler(3)
    assert closed(airflow) == "paused, no run under way"
    assert (airflow.paused, airflow.left, airflow.stopped) == (True, 0, False)


def test_a_run_is_stopped() -> None:
    airflow = Scheduler(999)
    assert closed(airflow, now=True) == "paused, 1 runs stopped"
    assert (airflow.paused, airflow.stopped) == (True, True)


def test_a_run_that_is_too_long() -> None:
    with pytest.raises(DataopsError, match="has not ended in 0 s"):
        closed(Scheduler(999), timeout=0)


def test_a_run_of_a_paused_dag_does_not_go_on_and_is_not_waited_for() -> None:
    assert closed(Scheduler(9, paused=True)) == "was paused already"


class Published:
    """The part of Data that the way back uses."""

    def __init__(self, generation: str, release: str = "a") -> None:
        self.generation, self.release = generation, release

    def end_what_is_left(self) -> None:
        pass

    def abandon(self) -> None:
        pass

    def published(self) -> str:
        return self.generation

    def generations(self) -> list[dict[str, Any]]:
        return [{"run_id": self.generation, "release": self.release, "published": True}]

    def publish(self, generation: str) -> None:
        self.generation = generation


@pytest.mark.parametrize(
    ("switched_to", "published", "release", "after"),
    [
        (None, "before", "a", "before"),
        (None, "of a run since", "a", "of a run since"),
        (None, "of a run since with its code", "b", "before"),
        ("new", "before", "a", "before"),
        ("new", "new", "b", "before"),
        ("new", "of a run since", "a", "of a run since"),
        ("new", "of a run since with its code", "b", "before"),
    ],
)
def test_the_way_back_takes_back_its_own_data_alone(
    switched_to: str | None, published: str, release: str, after: str
) -> None:
    beginning = Beginning(
        1,
        Kind.DEPLOY,
        "b",
        "a",
        "before",
        was_paused=None,
        had_containers=True,
        switches=(switched_to,) if switched_to else (),
    )
    data = Published(published, release)
    way_back._data_back(data, beginning)  # type: ignore[arg-type]
    assert data.generation == after


class Written:
    """The part of State that releases use, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.puts: list[str] = []

    def content(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.puts.append(path)

    def add(self, path: str, document: Any) -> None:
        self.files[path] = document


def test_files_of_a_release_in_force_are_not_written_again() -> None:
    state = Written()
    releases = Releases(state)  # type: ignore[arg-type]
    for _ in range(2):
        releases.keep(Release("a", "a" * 40, "", "", ""), b"files", b'{"nodes": {}}')
    assert state.puts.count("sources/a.tar.gz") == 1
    assert releases.source("a") == b"files"


@pytest.mark.parametrize("content", [None, b"", b'{"nodes": {"mod'])
def test_half_a_manifest_is_none(content: bytes | None) -> None:
    state = Written()
    state.files["manifests/a.json"] = content
    assert Releases(state).manifest("a") is None  # type: ignore[arg-type]


def test_an_error_as_json_is_told_as_it_was() -> None:
    output = json.dumps(
        {"error": {"reason": "No server", "hint": "Start it", "details": ["a"], "exit_code": 3}}
    )
    error = _failed(["sh", "dataops", "generations", "list", "--json"], 3, output)
    assert (error.reason, error.hint, error.details) == ("No server", "Start it", ("a",))
    assert error.exit_code == ExitCode.FAILED
    assert "exit code 137" in _failed(["sh", "dataops", "generations", "list", "--json"], 137, "").reason


def test_what_a_cut_off_change_has_left_is_no_second_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [SimpleNamespace(service="dbt", number=number, one_off=False) for number in (1, 1)]
    monkeypatch.setattr(workspace, "observe_containers", lambda _engine, _project: there)
    stack = Stack(name="s", folder=tmp_path, files=(), services={"dbt": {"image": "dbt"}})
    release = Workspace("a", Project(tmp_path), None, stack, {})  # type: ignore[arg-type]
    assert "scale" not in as_many_as_there_are(None, release).stack.services["dbt"]  # type: ignore[arg-type]
    there[1].number = 2
    assert as_many_as_there_are(None, release).stack.services["dbt"]["scale"] == 2  # type: ignore[arg-type]


def test_mounts_of_the_working_tree_are_no_part_of_a_release(
    tmp_path: Path, new_platform: Callable[[Path], Path]
) -> None:
    folder = new_platform(tmp_path / "platform")
    opened = open_workspace(folder, "0123456789ab", Project(folder), "dev", {})
    assert "dbt: dbt/models at /opt/dbt/project/models" in opened.left_out
    mounts = [mount for service in opened.stack.services.values() for mount in service.get("volumes", ())]
    assert not [mount for mount in mounts if mount["type"] == "bind"]


@pytest.mark.parametrize(("protocol", "kept"), [(PROTOCOL, True), ("1", False), (None, False)])
def test_an_image_whose_cli_talks_in_another_way_is_built_anew(
    protocol: str | None, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_labels = {labels.INPUTS: "old", labels.CLI: "x", labels.PROTOCOL: protocol}
    engine = SimpleNamespace(image=lambda _name: {"Id": "1", "Config": {"Labels": its_labels}})
    monkeypatch.setattr(workspace, "observe_containers", lambda _engine, _project: [])
    stack = Stack(name="s", folder=tmp_path, files=(), services={"dbt": {"image": "dbt:a"}})
    release = Workspace("a", Project(tmp_path), None, stack, {"dbt:a": "new"})  # type: ignore[arg-type]
    found = with_images_that_are_there(engine, release)  # type: ignore[arg-type]
    assert found.inputs == {"dbt:a": "old" if kept else "new"}


class NoData:
    """Data of a stack whose container does not run."""

    def __init__(self, *_: object) -> None:
        pass

    def is_reachable(self) -> bool:
        return False


@pytest.mark.parametrize("way_back", [True, False])
@pytest.mark.parametrize("lost", [False, True])
def test_what_fails_before_any_change_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, way_back: bool, lost: bool
) -> None:
    held = True

    def fail(*_: object) -> None:
        nonlocal held
        held = not lost
        raise DataopsError("Cannot build", hint="Mend it")

    def check() -> None:
        if not held:
            raise DataopsError("no longer holds the lock", hint="", exit_code=ExitCode.LOCKED)

    monkeypatch.setattr(deployment, "Data", NoData)
    monkeypatch.setattr(deployment, "observe_containers", lambda _engine, _project: [])
    monkeypatch.setattr(deployment, "bring_images", fail)
    monkeypatch.setattr(conditions, "missing_secrets", lambda _environment, _stack: [])
    monkeypatch.setattr(deployment, "require_same_secrets", lambda _site: None)
    journal = Journal(Memory())  # type: ignore[arg-type]
    site: Any = SimpleNamespace(
        name="prod",
        engine=None,
        project="p",
        environment=None,
        console=Console(quiet=True),
        journal=journal,
        own=Project(tmp_path),
        environment_in_force=lambda: SimpleNamespace(settings=settings),
        caller=lambda _beginning: "who",
    )
    settings = Settings(dbt={"runner": "container"}, stack={"enabled": True})
    release: Any = SimpleNamespace(
        release="b", project=Project(tmp_path), stack=None, environment=SimpleNamespace(settings=settings)
    )
    change = Change(
        site, Kind.DEPLOY, release, Request(way_back=way_back), check, lambda _images, _manifest: None
    )
    with pytest.raises(DataopsError, match="left in the midst" if lost else "prod is as it was"):
        change.carry_out()
    (found,) = journal.deployments()
    assert found.outcome is (None if lost else Outcome.UNDONE)


class Unreachable:
    """An Airflow that runs and does not answer."""

    def __init__(self, _place: object) -> None:
        pass

    def impatient(self) -> Unreachable:
        return self

    def dag(self, _dag: str) -> None:
        raise DataopsError("No answer", hint="Look at it.", exit_code=ExitCode.UNAVAILABLE)


def test_an_airflow_that_cannot_be_asked_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[Any] = []
    monkeypatch.setattr(deployment, "observe_containers", lambda _engine, _project: there)
    monkeypatch.setattr(deployment, "place_of", lambda _environment: None)
    monkeypatch.setattr(deployment, "Airflow", Unreachable)
    monkeypatch.setattr(deployment, "running_container", lambda found, _service, _number: found or None)
    environment = SimpleNamespace(settings=Settings())
    site: Any = SimpleNamespace(engine=None, project="p", environment_in_force=lambda: environment)

    def change(*, now: bool) -> Change:
        workspace: Any = None
        return Change(site, Kind.DEPLOY, workspace, Request(now=now), lambda: None, lambda _i, _m: None)

    assert change(now=False)._was_paused() is None
    there.append("its webserver")
    assert change(now=True)._was_paused() is None
    with pytest.raises(DataopsError, match="cannot be asked whether the pipeline does: No answer") as caught:
        change(now=False)._was_paused()
    assert caught.value.exit_code == ExitCode.UNAVAILABLE
    assert "--now" in caught.value.hint


@pytest.mark.parametrize("others", [False, True])
def test_another_operators_secrets_are_refused(monkeypatch: pytest.MonkeyPatch, *, others: bool) -> None:
    ours = SimpleNamespace(fingerprints=lambda: {"postgres": "1"})
    there = [
        SimpleNamespace(
            name=name, service=name, one_off=False, labels={labels.SECRETS: "2" if others else "1"}
        )
        for name in ("postgres", "gone")
    ]
    monkeypatch.setattr(conditions, "missing_secrets", lambda _environment, _stack: [])
    monkeypatch.setattr(conditions, "with_secrets", lambda _stack, _environment: ours)
    monkeypatch.setattr(conditions, "observe_containers", lambda _engine, _project: there)
    in_force = SimpleNamespace(release="a", environment=None, stack=None)
    site: Any = SimpleNamespace(name="prod", engine=None, project="p", in_force=lambda: nullcontext(in_force))
    if not others:
        conditions.require_same_secrets(site)
        return
    with pytest.raises(DataopsError, match=r"not those that prod runs with: postgres$") as caught:
        conditions.require_same_secrets(site)
    assert caught.value.exit_code == ExitCode.REFUSED


def test_data_on_the_operators_machine_are_refused() -> None:
    environment: Any = SimpleNamespace(name="odd", settings=Settings(stack={"enabled": True}))
    with pytest.raises(DataopsError, match="on the operator's machine") as caught:
        conditions.require_data_in_the_stack(environment)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("switched_to", "published", "proven"),
    [("new", "before", "before"), ("new", "of a run since", "of a run since"), (None, "before", "before")],
)
def test_the_way_back_proves_what_is_to_be_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    switched_to: str | None,
    published: str,
    proven: str,
) -> None:
    asked: list[str | None] = []

    class ProofOf:
        def __init__(self, *_: object) -> None:
            pass

        def require(self, generation: str | None, _say: object, _timeout: float) -> str:
            asked.append(generation)
            return ""

    monkeypatch.setattr(way_back, "Data", lambda *_: Published(published))
    monkeypatch.setattr(way_back, "Proof", ProofOf)
    monkeypatch.setattr(way_back, "bring_images", lambda *_: {})
    monkeypatch.setattr(way_back, "bring_containers", lambda *_: 1)
    journal = Journal(Memory())  # type: ignore[arg-type]
    beginning = journal.begin(
        1, Kind.DEPLOY, "b", previous="a", generation="before", was_paused=None, had_containers=True
    )
    if switched_to:
        journal.found(beginning, generation="before", switched_to=switched_to)
    (found,) = journal.deployments()
    site: Any = SimpleNamespace(
        engine=None, project="p", caller=lambda _beginning: "who", kept=lambda _name: nullcontext()
    )
    steps = Steps(Console(quiet=True), journal, found.beginning, lambda: None)
    way_back.put_back(site, found.beginning, steps)
    assert asked == [proven]


@pytest.mark.parametrize(
    ("last", "asked", "is_asked_for"),
    [
        (None, None, True),
        (None, "previous", True),
        (None, "aaaaaaaaaaaa", True),
        (None, "bbbbbbbbbbbb", False),
        (Outcome.BROKEN, None, True),
        (Outcome.UNDONE, None, False),
        (Outcome.SUCCEEDED, None, False),
    ],
)
def test_a_rollback_from_what_was_cut_off_goes_no_further_back(
    last: Outcome | None, asked: str | None, *, is_asked_for: bool
) -> None:
    journal = Journal(Memory())  # type: ignore[arg-type]
    for release, outcome in (("aaaaaaaaaaaa", Outcome.SUCCEEDED), ("bbbbbbbbbbbb", last)):
        deployed(journal, release, outcome)
    names = ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
    site: Any = SimpleNamespace(
        journal=journal,
        is_being_changed=lambda: False,
        releases=SimpleNamespace(all=lambda: {name: Release(name, name * 3, "", "", "") for name in names}),
    )
    assert bool(asks_for_the_way_back(site, asked)) is is_asked_for


def cut_off_after(*steps: str, backup: str | None = None) -> tuple[Journal, Beginning]:
    """A deploy of b, tested, that was killed after some steps."""
    journal = Journal(Memory())  # type: ignore[arg-type]
    beginning = journal.begin(
        1, Kind.DEPLOY, "b", previous="a", generation="before", was_paused=False, had_containers=True
    )
    if backup:
        beginning = journal.found(beginning, backup=backup)
    for place, name in enumerate(steps):
        journal.step(beginning, place, StepRecord(name, ok=True, seconds=1))
    return journal, beginning


@pytest.mark.parametrize(
    ("steps", "backup", "kind", "release", "test", "goes_on"),
    [
        ((), None, Kind.DEPLOY, "b", True, True),
        (("images", "pause", "containers"), None, Kind.DEPLOY, "b", True, True),
        (("images",), None, Kind.DEPLOY, "c", True, False),
        (("images",), None, Kind.ROLLBACK, "b", True, False),
        (("images",), None, Kind.DEPLOY, "b", False, False),
        (("images", "back: data"), None, Kind.DEPLOY, "b", True, False),
        (("images", "pause"), "a backup", Kind.DEPLOY, "b", True, False),
        (("images", "pause", "airflow"), "a backup", Kind.DEPLOY, "b", True, True),
        (("images", "resume"), None, Kind.DEPLOY, "b", True, False),
    ],
)
def test_what_was_cut_off_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
    steps: Sequence[str],
    backup: str | None,
    kind: Kind,
    release: str,
    *,
    test: bool,
    goes_on: bool,
) -> None:
    monkeypatch.setattr(resumption, "require_same_secrets", lambda _site: None)
    (found,) = cut_off_after(*steps, backup=backup)[0].deployments()
    site: Any = None
    assert resumption.can_go_on(site, found, kind, release, test=test) is goes_on


def test_who_has_other_secrets_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def others(_site: object) -> None:
        raise DataopsError("not those", hint="")

    monkeypatch.setattr(resumption, "require_same_secrets", others)
    (found,) = cut_off_after("images")[0].deployments()
    site: Any = None
    assert not resumption.can_go_on(site, found, Kind.DEPLOY, "b")


@pytest.mark.parametrize(
    ("published", "switches", "noted"),
    [
        ("of a run", [], "of a run"),
        ("own", ["own"], "before"),
        ("before", ["own"], "before"),
        ("own", ["own", "never published"], "before"),
    ],
)
def test_what_the_same_deployment_has_published_is_nothing_to_go_back_to(
    published: str, switches: Sequence[str], noted: str
) -> None:
    journal, beginning = cut_off_after("dbt gold")
    for generation in switches:
        journal.found(beginning, switched_to=generation)
    beginning = journal.deployments()[0].beginning
    workspace: Any = None
    site: Any = SimpleNamespace(journal=journal)
    change = Change(site, Kind.DEPLOY, workspace, Request(), lambda: None, lambda _i, _m: None)
    change._note_switch(Published(published), beginning, "anew")  # type: ignore[arg-type]
    found = journal.deployments()[0].beginning
    assert (found.generation, found.switched_to) == (noted, "anew")
    data = Published(published, release="a")
    way_back._data_back(data, replace(found, previous="b"))  # type: ignore[arg-type]
    assert data.generation == noted


class Warehouse:
    """The data of a stack whose warehouse a run without Airflow uses."""

    def __init__(self, error: DataopsError | None = None) -> None:
        self.error, self.waited = error, list[float]()

    def is_reachable(self) -> bool:
        return True

    def wait_for_runs(self, timeout: float) -> None:
        self.waited.append(timeout)
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("kind", "now", "waited"),
    [(Kind.DEPLOY, False, [60.0]), (Kind.DEPLOY, True, []), (Kind.ROLLBACK, False, [])],
)
def test_a_run_without_airflow_is_waited_for(kind: Kind, waited: list[float], *, now: bool) -> None:
    nothing: Any = None
    change = Change(
        nothing, kind, nothing, Request(now=now, run_wait=60.0), lambda: None, lambda _i, _m: None
    )
    warehouse: Any = Warehouse()
    change._wait_for_runs(warehouse, lambda _text: None)
    assert warehouse.waited == waited


@pytest.mark.parametrize("code", [ExitCode.LOCKED, ExitCode.FAILED])
def test_a_run_that_does_not_end_stops_the_deploy(code: ExitCode) -> None:
    """A container whose CLI cannot say so, as an older one, does not."""
    nothing: Any = None
    change = Change(nothing, Kind.DEPLOY, nothing, Request(), lambda: None, lambda _i, _m: None)
    warehouse: Any = Warehouse(DataopsError("in use", hint="", exit_code=code))
    if code is not ExitCode.LOCKED:
        change._wait_for_runs(warehouse, lambda _text: None)
        return
    with pytest.raises(DataopsError, match="in use"):
        change._wait_for_runs(warehouse, lambda _text: None)


@pytest.mark.parametrize("healthy", [True, False])
def test_a_deployment_that_lacks_its_end_only(monkeypatch: pytest.MonkeyPatch, *, healthy: bool) -> None:
    """It is in force where it is healthy; else it is put back."""
    journal, _beginning = cut_off_after("images", "resume")
    went: list[str] = []

    class ProofOf:
        def __init__(self, *_: object) -> None:
            pass

        def require(self, *_: object) -> str:
            if not healthy:
                raise DataopsError("Not healthy: dbt is gone", hint="")
            return ""

    monkeypatch.setattr(putting_right, "Proof", ProofOf)
    monkeypatch.setattr(putting_right, "bring_containers", lambda *_: 0)
    monkeypatch.setattr(putting_right, "put_back", lambda *_: went.append("back"))
    site: Any = SimpleNamespace(
        engine=None,
        project="p",
        console=Console(quiet=True),
        journal=journal,
        caller=lambda _beginning: "who",
        kept=lambda _name: nullcontext(),
    )
    done = putting_right.repair(site, lambda: None)
    assert done is not None
    assert (done.outcome, went) == ((Outcome.SUCCEEDED, []) if healthy else (Outcome.UNDONE, ["back"]))


def test_a_rollback_is_planned_also_where_dbt_cannot_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(NoData):
        def is_reachable(self) -> bool:
            return True

        def newest_of(self, _release: str) -> None:
            raise DataopsError("No such command", hint="")

    monkeypatch.setattr(plan, "Data", Silent)
    monkeypatch.setattr(plan, "airflow_version", lambda _engine, _project: None)
    for name in ("planned_images", "planned_containers", "_first", "_hooks"):
        monkeypatch.setattr(plan, name, lambda *_: [])
    journal = Journal(Memory())  # type: ignore[arg-type]
    deployed(journal, "b", Outcome.SUCCEEDED)
    target = Release("a", "a", "", "", "")
    site: Any = SimpleNamespace(
        name="prod",
        engine=None,
        project="p",
        own=SimpleNamespace(root=Path()),
        journal=journal,
        releases=SimpleNamespace(all=dict, manifest=lambda _name: None),
        environment=SimpleNamespace(settings=Settings()),
        kept=lambda _name: nullcontext(),
    )
    lines = plan.plan_rollback(site, target, rebuild=True).lines()
    assert "switch the data back, where they are kept: dbt's container cannot be asked now" in lines


@pytest.mark.parametrize(("cut_off", "code"), [(False, None), (True, None), (True, ExitCode.LOCKED)])
def test_the_gate_is_closed_again_where_a_deploy_goes_on(
    monkeypatch: pytest.MonkeyPatch, code: ExitCode | None, *, cut_off: bool
) -> None:
    """An operator may have opened it. An Airflow that was cut off in the midst of its restart need not answer then."""

    class GateOf:
        def __init__(self, *_: object) -> None:
            pass

        def close(self, **_: object) -> str:
            raise DataopsError("No answer", hint="", exit_code=code or ExitCode.UNAVAILABLE)

    monkeypatch.setattr(deployment, "Gate", GateOf)
    monkeypatch.setattr(deployment, "Airflow", lambda _place: None)
    monkeypatch.setattr(deployment, "place_of", lambda _environment: None)
    journal, beginning = cut_off_after("images", "pause")
    site: Any = SimpleNamespace(environment_in_force=lambda: None)
    nothing: Any = None
    found = journal.deployments()[0] if cut_off else None
    change = Change(site, Kind.DEPLOY, nothing, Request(), lambda: None, lambda _i, _m: None, cut_off=found)
    if cut_off and code is None:
        assert "Airflow cannot be asked" in change._pause(beginning, lambda _text: None)
        return
    with pytest.raises(DataopsError, match="No answer"):
        change._pause(beginning, lambda _text: None)
