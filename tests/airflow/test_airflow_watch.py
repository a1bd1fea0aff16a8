"""Watching a run: what is shown when, how often Airflow is asked, and what happens while it is away."""

from __future__ import annotations

import io
import itertools
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from fake_airflow import FakeAirflow, answer, hang_up, task

from dataops_cli.airflow import watch as watching
from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.model import DagRun, TaskInstance
from dataops_cli.airflow.queueing import waits_for
from dataops_cli.airflow.views import showing
from dataops_cli.airflow.watch import Notes, Outcome, watch
from dataops_cli.console import Console
from dataops_cli.errors import DataopsError

DAG, RUN = "dataops_pipeline", "one"


class Recorder:
    """A view that keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[dict[str, str]] = []
        self.logged: list[tuple[str, int, list[str]]] = []
        self.events: list[str] = []
        self.notes: Notes = {}

    def update(self, run: DagRun, tasks: Sequence[TaskInstance], notes: Notes) -> None:
        self.states.append({task.name: task.state for task in tasks})
        self.notes = dict(notes)

    def log(self, task: TaskInstance, lines: Sequence[str]) -> None:
        self.logged.append((task.name, task.try_number, list(lines)))

    def away(self, reason: str) -> None:
        self.events.append("away")

    def back(self) -> None:
        self.events.append("back")

    def waits(self, for_what: str) -> None:
        self.events.append(for_what)

    def stalled(self, reason: str, hint: str) -> None:
        self.events.append(reason)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 2))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(watching, "time", made)
    return made


def frame(state: str, *states: str | None) -> tuple[str, list[dict[str, Any]]]:
    """A look at a run: the states of its tasks gold, silver and bronze, as Airflow lists them."""
    return state, [
        task(name, state) for name, state in zip(("gold", "silver", "bronze"), states, strict=True)
    ]


def play(fake: FakeAirflow, *frames: tuple[str, list[dict[str, Any]]]) -> None:
    fake.add_run(DAG, RUN, "queued")
    fake.frames.extend(frames)


def seen(api: Airflow, view: Recorder, **options: Any) -> Outcome:
    return watch(api, DAG, RUN, view=view, **options)


def test_a_run_that_succeeds(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(
        fake,
        frame("running", None, None, "running"),
        frame("running", None, "running", "success"),
        frame("success", "success", "success", "success"),
    )
    view = Recorder()
    outcome = seen(api, view)
    assert outcome.succeeded
    assert [*view.states[0]] == ["bronze", "silver", "gold"]
    assert view.states[1] == {"bronze": "success", "silver": "running", "gold": "none"}
    assert (outcome.run.seconds, outcome.failures) == (8.5, [])


def test_it_asks_ever_less_often_until_something_changes(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    still = frame("running", None, None, "running")
    play(fake, *[still] * 7, frame("running", None, "running", "success"), frame("success", *["success"] * 3))
    seen(api, Recorder())
    assert clock.slept == [1, 1.4, 1.96, 2.74, 3.84, 5, 5, 1]


def test_a_run_that_fails_shows_the_end_of_its_log(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("failed", "upstream_failed", "failed", "success"))
    fake.logs["silver", 1] = [{"timestamp": "2026-01-31T01:00:02Z", "event": "two rows", "level": "error"}]
    outcome = seen(api, Recorder())
    assert not outcome.succeeded
    assert [(failure.task.name, failure.log) for failure in outcome.failures] == [("silver", ["two rows"])]


def test_a_log_that_is_lost_does_not_hide_the_outcome(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("failed", "upstream_failed", "failed", "success"))
    (failure,) = seen(api, Recorder()).failures
    assert failure.log == ["(its log cannot be read: TaskInstance not found)"]


def test_airflow_is_away_for_a_while(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("running", None, None, "running"), frame("success", *["success"] * 3))
    api.dags()
    fake.faults += [hang_up, answer(503), hang_up]
    view = Recorder()
    assert seen(api, view).succeeded
    assert view.events == ["away", "away", "away", "back"]
    assert clock.slept[:3] == [1, 1.4, 1.96]


def test_a_run_that_nobody_does(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    queued = frame("queued", None, None, None)
    play(fake, *[queued] * 16, frame("success", *["success"] * 3))
    view = Recorder()
    fake.health["scheduler"] = {"status": "unhealthy"}
    seen(api, view)
    assert view.events == ["The run does not go on: of Airflow, this is not healthy: scheduler"] * 2


def test_a_queue_that_no_worker_takes(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    queued = ("running", [task("bronze", "queued", queue="dbt"), task("silver", None, queue="other")])
    play(fake, *[queued] * 10, frame("success", *["success"] * 3))
    view, asked = Recorder(), []

    def no_worker(queues: Collection[str]) -> tuple[str, str]:
        asked.append((clock.now - 1000, set(queues)))
        return "No worker takes the queue dbt", "Start it"

    seen(api, view, no_worker=no_worker)
    assert view.events == ["No worker takes the queue dbt"]
    ((when, queues),) = asked
    assert (30 <= when < 36, queues) == (True, {"dbt"})


def test_a_queued_run_says_what_it_waits_for(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    fake.add_dag(DAG, max_active_runs=1)
    play(fake, *[frame("queued", None, None, None)] * 3, frame("success", *["success"] * 3))
    fake.add_run(DAG, "before", "queued")
    fake.add_run(DAG, "filling", "queued", run_type="backfill")
    fake.add_run(DAG, "working", "running")
    view = Recorder()
    seen(api, view)
    assert view.events == ["waits for run working, and 1 before it"]
    fake.add_dag(DAG, max_active_runs=2)
    assert waits_for(api, api.run(DAG, "before")) == ""


def test_where_a_log_lies_is_not_followed(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    source = [
        {"event": "::group::Log message source details"},
        {"event": "/opt/airflow/logs/dag_id=dataops_pipeline/attempt=1.log"},
        {"event": "Could not read served logs: 404 NOT FOUND"},
        {"event": "::endgroup::"},
    ]
    logs = {
        1: source,
        2: [*source, {"timestamp": "2026-01-31T01:00:02Z", "event": "first"}],
        3: [*source, *({"timestamp": "2026-01-31T01:00:02Z", "event": text} for text in ("first", "second"))],
    }

    class Growing(dict[tuple[str, int], list[Any]]):
        looks = itertools.count(1)

        def get(self, key: Any, default: Any = None) -> Any:
            return logs[next(self.looks)]

    fake.logs = Growing()
    running = ("running", [task("bronze", "running")])
    play(fake, running, running, ("success", [task("bronze", "success")]))
    view = Recorder()
    seen(api, view, follow_logs=True)
    assert view.logged == [("bronze", 1, ["first"]), ("bronze", 1, ["second"])]


def test_a_log_that_could_not_be_read_is_shown_at_the_next_look(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    fake.logs["bronze", 1] = [{"timestamp": "2026-01-31T01:00:02Z", "event": "built"}]
    fake.faults_of["/logs/1"] = [answer(503)] * 2
    play(fake, ("running", [task("bronze", "success")]), ("success", [task("bronze", "success")]))
    view = Recorder()
    seen(api, view, follow_logs=True)
    assert view.logged == [("bronze", 1, ["built"])]


def test_a_line_that_comes_before_one_that_was_shown_is_shown(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    fake.logs = Lagging(["begun", "done"], ["begun", "printed", "printed", "done"])
    running = ("running", [task("bronze", "running")])
    play(fake, running, ("success", [task("bronze", "success")]))
    view = Recorder()
    seen(api, view, follow_logs=True)
    assert view.logged == [("bronze", 1, ["begun", "done"]), ("bronze", 1, ["printed", "printed"])]


class Lagging(dict[tuple[str, int], list[Any]]):
    """A log of which ever more is there at each look."""

    def __init__(self, *looks: Sequence[str] | None) -> None:
        self.looks = list(looks)

    def get(self, key: Any, default: Any = None) -> Any:
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return None if found is None else [{"timestamp": "2026-01-31T01:00:02Z", "event": e} for e in found]


@pytest.mark.parametrize("looks", [(None, ["a"], ["a"], ["a", "b"]), (["a"], ["a"], ["a"], ["a", "b"])])
def test_a_log_that_lags_behind_is_followed_to_its_end(
    api: Airflow, fake: FakeAirflow, clock: Clock, looks: Sequence[Sequence[str] | None]
) -> None:
    fake.logs = Lagging(*looks)
    play(fake, ("success", [task("bronze", "success"), task("silver", "skipped")]))
    view = Recorder()
    seen(api, view, follow_logs=True, logs_behind=3.0)
    assert view.logged == [("bronze", 1, ["a"]), ("bronze", 1, ["b"])]
    assert clock.now - 1000 <= 6


def test_a_log_that_never_comes_is_not_waited_for_without_end(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    fake.logs = Lagging(None)
    play(fake, ("success", [task("bronze", "success")]))
    seen(api, Recorder(), follow_logs=True, logs_behind=3.0)
    assert clock.now - 1000 <= 9


def test_the_end_of_a_log_that_lags_behind_is_waited_for(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    play(fake, frame("failed", "upstream_failed", "failed", "success"))
    fake.logs["silver", 1] = [{"timestamp": "2026-01-31T01:00:02Z", "event": "two rows"}]
    seen(api, Recorder(), logs_behind=3.0)
    assert clock.slept == [3.0]


def test_a_long_task_is_no_stall(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, *[frame("running", None, None, "running")] * 30, frame("success", *["success"] * 3))
    fake.health["scheduler"] = {"status": "unhealthy"}
    view = Recorder()
    seen(api, view)
    assert view.events == []


def test_airflow_stays_away(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    fake.faults += [hang_up] * 1000
    with pytest.raises(DataopsError, match="Airflow stayed away, and whether run one has ended") as error:
        seen(api, Recorder())
    assert error.value.exit_code == 3
    assert "dataops airflow watch one --dag dataops_pipeline" in error.value.hint
    assert 600 <= clock.now - 1000 < 606


def test_the_deadline_holds_while_airflow_is_away(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    fake.faults += [hang_up] * 1000
    with pytest.raises(DataopsError):
        seen(api, Recorder(), deadline=clock.now + 30)
    assert clock.now == pytest.approx(1030)


def test_a_run_that_does_not_end_in_time_goes_on(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("running", None, None, "running"))
    with pytest.raises(
        DataopsError, match="Run one has not ended in time: it is running, and goes on"
    ) as error:
        seen(api, Recorder(), deadline=clock.now + 60)
    assert error.value.exit_code == 1
    assert clock.now == pytest.approx(1060)


def test_logs_are_followed_over_tries(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    def line(text: str) -> dict[str, str]:
        return {"timestamp": "2026-01-31T01:00:02Z", "event": text}

    def attempt(state: str, number: int) -> tuple[str, list[dict[str, Any]]]:
        return "running", [task("silver", state, number)]

    logs = fake.logs

    class Growing(dict[tuple[str, int], list[Any]]):
        """Each look finds one more line."""

        looks = itertools.count(1)

        def get(self, key: Any, default: Any = None) -> Any:
            found = logs.get(key)
            return found and found[: next(self.looks)]

    logs["silver", 1] = [line("a"), line("b"), line("c")]
    logs["silver", 2] = [line("d")]
    fake.logs = Growing()
    play(
        fake,
        attempt("running", 1),
        attempt("running", 1),
        attempt("up_for_retry", 1),
        attempt("up_for_retry", 1),
        ("success", [task("silver", "success", 2)]),
    )
    view = Recorder()
    seen(api, view, follow_logs=True)
    assert view.logged == [
        ("silver", 1, ["a"]),
        ("silver", 1, ["b"]),
        ("silver", 1, ["c"]),
        ("silver", 2, ["d"]),
    ]


def test_what_a_task_returned_is_shown_below_it(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("running", None, "running", "success"), frame("success", *["success"] * 3))
    fake.returned["bronze"] = {"models": 3}
    view = Recorder()
    outcome = seen(api, view, returned_lines=lambda value: [f"{value['models']} models"])
    assert view.notes == outcome.notes == {"bronze": ["3 models"], "silver": [], "gold": []}
    assert len(fake.asked("GET", "bronze/xcomEntries/return_value")) == 1


def test_parts_of_mapped_tasks_are_not_asked_what_they_returned(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    play(fake, ("success", [task("bronze", "success", map_index=part) for part in range(3)]))
    seen(api, Recorder(), returned_lines=lambda value: [str(value)])
    assert fake.asked("GET", "xcomEntries/return_value") == []


def test_what_a_task_returned_may_be_forbidden(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("success", *["success"] * 3))
    forbidden = fake.faults_of["xcomEntries/return_value"] = [
        answer(403)
    ] * 6  # signed in anew after each first
    outcome = seen(api, Recorder(), returned_lines=lambda value: [str(value)])
    assert (outcome.succeeded, any(outcome.notes.values()), forbidden) == (True, False, [])


def test_what_a_task_returned_a_look_later_is_shown_in_a_pipe(
    api: Airflow, fake: FakeAirflow, clock: Clock
) -> None:
    play(
        fake,
        frame("running", None, "running", "success"),
        frame("running", None, "running", "success"),
        frame("success", *["success"] * 3),
    )
    fake.returned["bronze"] = 3
    fake.faults_of["bronze/xcomEntries/return_value"] = [answer(503)]
    stderr = io.StringIO()
    with showing(Console(stdout=io.StringIO(), stderr=stderr)) as view:
        watch(api, DAG, RUN, view=view, returned_lines=lambda value: [f"{value} models"])
    assert stderr.getvalue() == (
        "dataops_pipeline one: running\n"
        "  success         bronze  1.5 s\n"
        "  running         silver\n"
        "  success         bronze  1.5 s\n"
        "    3 models\n"
        "  success         silver  1.5 s\n"
        "  success         gold  1.5 s\n"
    )


def test_a_pipe_gets_a_line_for_each_change(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(
        fake,
        frame("queued", None, None, None),
        frame("running", None, None, "running"),
        frame("running", None, None, "running"),
        frame("running", None, "running", "success"),
        (
            "failed",
            [
                task("bronze", "success"),
                task("silver", "failed", 3, max_tries=2),
                task("gold", "upstream_failed"),
            ],
        ),
    )
    stderr = io.StringIO()
    fake.returned["bronze"] = 3
    with showing(Console(stdout=io.StringIO(), stderr=stderr)) as view:
        watch(api, DAG, RUN, view=view, returned_lines=lambda value: [f"{value} models"])
    assert stderr.getvalue() == (
        "dataops_pipeline one: queued\n"
        "dataops_pipeline one: running\n"
        "  running         bronze\n"
        "  success         bronze  1.5 s\n"
        "    3 models\n"
        "  running         silver\n"
        "  failed          silver  try 3/3  1.5 s\n"
        "  upstream_failed gold\n"
    )


def test_a_pipe_is_told_once_that_airflow_is_away(api: Airflow, fake: FakeAirflow, clock: Clock) -> None:
    play(fake, frame("success", *["success"] * 3))
    api.dags()
    fake.faults += [hang_up] * 3
    stderr = io.StringIO()
    with showing(Console(stdout=io.StringIO(), stderr=stderr)) as view:
        watch(api, DAG, RUN, view=view)
    first, second, *_ = stderr.getvalue().splitlines()
    assert first == (
        f"warning: No Airflow answers at {fake.url}: the connection broke off; "
        "the run does not need us, so this goes on asking"
    )
    assert second == "Airflow answers again."
