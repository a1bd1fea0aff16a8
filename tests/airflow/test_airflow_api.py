"""What is asked of Airflow: every page, one run a trigger, and errors that name what is missing."""

from __future__ import annotations

import json

import pytest
from fake_airflow import FakeAirflow, answer, hang_up, hang_up_afterwards, task

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.faults import Conflict, Fault, Missing
from dataops_cli.airflow.trigger import new_run_id, trigger
from dataops_cli.errors import DataopsError, ExitCode, UsageError


def test_every_page_is_read(api: Airflow, fake: FakeAirflow) -> None:
    fake.frames.append(("running", [task(f"part_{number}", "success") for number in range(250)]))
    fake.add_run("dataops_pipeline", "one")
    assert len({item.task_id for item in api.tasks("dataops_pipeline", "one")}) == 250


def test_no_more_pages_are_read_than_are_wanted(api: Airflow, fake: FakeAirflow) -> None:
    for number in range(250):
        fake.add_run("dataops_pipeline", f"run_{number}")
    assert len(api.runs("dataops_pipeline", limit=120)) == 120
    assert len(fake.asked("GET", "/dagRuns")) == 2


def test_what_comes_after_a_task(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_dag("round", downstream={"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []})
    assert api.later_tasks("round", "a") == {"b", "c", "d"}
    assert api.later_tasks("round", "d") == api.later_tasks("round", "gone") == set()


def test_a_run_has_an_id_of_ours(api: Airflow, fake: FakeAirflow) -> None:
    run = trigger(api, "dataops_pipeline", conf={"layer": "gold"})
    assert run.run_id.startswith("dataops__20")
    assert (run.state, run.conf) == ("queued", {"layer": "gold"})
    assert new_run_id() != new_run_id()


@pytest.mark.parametrize("fault", [hang_up, hang_up_afterwards, answer(502)], ids=["lost", "done", "502"])
@pytest.mark.parametrize("run_id", [None, "mine"])
def test_a_trigger_whose_answer_is_lost_makes_one_run(
    api: Airflow, fake: FakeAirflow, pauses: list[float], fault: object, run_id: str | None
) -> None:
    api.dag("dataops_pipeline")
    fake.faults += [answer(503), fault]  # type: ignore[list-item]
    run = trigger(api, "dataops_pipeline", run_id=run_id)
    assert [*fake.runs] == [("dataops_pipeline", run.run_id)]


def test_ctrl_c_while_a_trigger_is_under_way(
    api: Airflow, fake: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "trigger", interrupted)
    with pytest.raises(DataopsError, match="whether run mine was accepted is not known") as error:
        trigger(api, "dataops_pipeline", run_id="mine")
    assert error.value.exit_code == 130


def test_a_value_that_does_not_fit_is_told_without_its_schema(api: Airflow, fake: FakeAirflow) -> None:
    api.dag("dataops_pipeline")
    detail = "Invalid input for param n: 1 is too small\n\nFailed validating 'minimum' in schema:\n    {}"
    fake.faults.append(answer(400, json.dumps({"detail": detail})))
    with pytest.raises(Fault, match=r"Airflow refuses the call \(400\): .*: 1 is too small$"):
        api.trigger("dataops_pipeline", "mine", {"n": 1})


def test_a_run_that_is_there_is_not_taken_for_ours(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "mine", "success")
    with pytest.raises(Conflict, match="DAG dataops_pipeline has a run mine already") as error:
        trigger(api, "dataops_pipeline", run_id="mine")
    assert error.value.exit_code == 2


def test_a_run_that_was_there_is_not_ours_because_an_answer_was_lost(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "mine", "success", logical_date="2026-01-31T01:00:00Z")
    api.dag("dataops_pipeline")
    fake.faults += [answer(200, '{"dag_id": "dataops_pipeline", "is_paused": false}'), answer(502)]
    with pytest.raises(Conflict, match="DAG dataops_pipeline has a run mine already"):
        trigger(api, "dataops_pipeline", run_id="mine")


def test_a_trigger_of_which_nothing_is_known(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    api.dag("dataops_pipeline")
    fake.faults += [answer(200, '{"dag_id": "dataops_pipeline", "is_paused": false}')] + [hang_up] * 5
    with pytest.raises(DataopsError, match="Whether run mine was accepted is not known") as error:
        trigger(api, "dataops_pipeline", run_id="mine")
    assert error.value.exit_code == 3
    assert "dataops airflow watch mine --dag dataops_pipeline" in error.value.hint


def test_that_an_attempt_may_have_done_it_is_not_forgotten(
    api: Airflow, fake: FakeAirflow, pauses: list[float]
) -> None:
    api.dag("dataops_pipeline")
    fake.faults += [answer(200, '{"dag_id": "dataops_pipeline", "is_paused": false}'), hang_up]
    fake.faults += [answer(429)] * 4
    with pytest.raises(DataopsError, match="Whether run mine was accepted is not known"):
        trigger(api, "dataops_pipeline", run_id="mine")


def test_a_sign_in_that_is_lost_leaves_no_doubt(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    fake.add_run("dataops_pipeline", "mine", "success")
    fake.sign_in_faults.append(hang_up)
    with pytest.raises(Conflict):
        api.trigger("dataops_pipeline", "mine", {})
    assert len(pauses) == 1


def test_a_paused_dag(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_dag("daily", paused=True)
    with pytest.raises(DataopsError, match="DAG daily is paused") as error:
        trigger(api, "daily")
    assert error.value.exit_code == 5
    assert "--unpause" in error.value.hint
    assert fake.runs == {}
    told: list[str] = []
    trigger(api, "daily", unpause=True, report=told.append)
    assert told == ["Unpaused daily"]
    assert not fake.dags["daily"]["is_paused"]
    assert len(fake.runs) == 1


def test_a_run_that_is_refused_leaves_its_dag_paused(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_dag("daily", paused=True)
    fake.add_run("daily", "mine", "success")
    with pytest.raises(Conflict):
        trigger(api, "daily", run_id="mine", unpause=True)
    assert fake.dags["daily"]["is_paused"]


def test_a_dag_that_cannot_be_unpaused(
    api: Airflow, fake: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_arguments: object) -> None:
        raise Fault("Airflow does not allow this", hint="", exit_code=ExitCode.REFUSED)

    fake.add_dag("daily", paused=True)
    monkeypatch.setattr(api, "set_paused", forbidden)
    with pytest.raises(
        DataopsError, match="Run mine is queued, and DAG daily may still be paused: "
    ) as error:
        trigger(api, "daily", run_id="mine", unpause=True)
    assert error.value.hint == "Let it go on: dataops airflow unpause daily"

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "set_paused", interrupted)
    with pytest.raises(
        DataopsError, match="Run next is queued, and DAG daily may still be paused: "
    ) as error:
        trigger(api, "daily", run_id="next", unpause=True)
    assert error.value.exit_code == 130


def test_a_lost_trigger_of_a_paused_dag(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    fake.add_dag("daily", paused=True)
    api.dags()
    fake.faults += [answer(200, json.dumps(fake.dags["daily"]))] + [hang_up] * 5
    with pytest.raises(DataopsError, match="Whether run mine was accepted is not known") as error:
        trigger(api, "daily", run_id="mine", unpause=True)
    assert error.value.hint.endswith(" · The DAG is still paused: dataops airflow unpause daily")


def test_a_dag_whose_file_has_a_fault(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_dag("daily", has_import_errors=True)
    with pytest.raises(DataopsError, match=r"The file of DAG daily has a fault: daily\.py") as error:
        trigger(api, "daily")
    assert error.value.exit_code == 5


def test_an_unknown_dag_names_the_nearest(api: Airflow) -> None:
    with pytest.raises(Missing, match="Airflow has no DAG dataops_pipelin") as error:
        api.runs("dataops_pipelin", limit=1)
    assert error.value.hint.startswith("Did you mean dataops_pipeline?")
    assert error.value.exit_code == 2


def test_an_unknown_dag_lists_what_there_is(api: Airflow) -> None:
    with pytest.raises(Missing) as error:
        api.dag("shop")
    assert error.value.hint == (
        "It has: dataops_pipeline. One whose file has a fault is missing: dataops airflow import-errors"
    )


@pytest.mark.parametrize("dag_id", ["my dag/../x", "", ".", "..", "a..b", "a?b", "x" * 251])
def test_what_cannot_be_a_dag_is_not_asked_for(api: Airflow, fake: FakeAirflow, dag_id: str) -> None:
    with pytest.raises(UsageError, match="cannot be a DAG"):
        api.runs(dag_id, limit=1)
    assert fake.calls == []


@pytest.mark.parametrize("run_id", ["a/b", "", "..", "a\nb"])
def test_what_cannot_be_a_run_is_not_asked_for(api: Airflow, fake: FakeAirflow, run_id: str) -> None:
    for call in (api.run, lambda dag, run: api.trigger(dag, run, {})):
        with pytest.raises(UsageError, match="cannot be a run's id"):
            call("dataops_pipeline", run_id)
    assert fake.calls == []


@pytest.mark.parametrize("run_id", ["it's", "manual__2026-01-31T01:00:00+00:00", "100% of it?", "größe"])
def test_ids_of_runs_are_encoded(api: Airflow, fake: FakeAirflow, run_id: str) -> None:
    fake.add_run("dataops_pipeline", run_id)
    assert api.run("dataops_pipeline", run_id).run_id == run_id


def test_an_unknown_run(api: Airflow) -> None:
    with pytest.raises(Missing, match="DAG dataops_pipeline has no run none") as error:
        api.tasks("dataops_pipeline", "none")
    assert error.value.exit_code == 2


def test_a_dag_that_never_ran(api: Airflow) -> None:
    with pytest.raises(Missing, match="DAG dataops_pipeline has never run"):
        api.newest_run("dataops_pipeline")


def test_tasks_come_after_what_they_wait_for(api: Airflow, fake: FakeAirflow) -> None:
    fake.add_dag("web", downstream={"d": [], "b": ["d"], "a": ["b", "c"], "c": ["b"]})
    fake.add_run("web", "one")
    fake.frames.append(("running", [task(name, None) for name in "dbxca"]))
    assert [item.task_id for item in api.tasks("web", "one")] == ["a", "c", "b", "d", "x"]


def test_what_a_task_returned(api: Airflow, fake: FakeAirflow) -> None:
    fake.returned["gold"] = {"models": 3}
    fake.add_run("dataops_pipeline", "one")
    fake.frames.append(("success", [task("gold", "success"), task("silver", "success")]))
    silver, gold = api.tasks("dataops_pipeline", "one")
    assert api.returned("dataops_pipeline", "one", gold) == {"models": 3}
    assert api.returned("dataops_pipeline", "one", silver) is None


def test_users_are_not_airflows_own(api: Airflow) -> None:
    with pytest.raises(Fault, match="does not keep its users itself") as error:
        api.users()
    assert error.value.exit_code == 3
