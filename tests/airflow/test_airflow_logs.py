"""A task's log as text: without Airflow's marks, with the traceback in Python's form."""

from __future__ import annotations

from typing import Any

from dataops_cli.airflow.logs import lines_of, tail

STAMP = "2026-01-31T01:00:02.123456Z"
SOURCE = [
    {"event": "::group::Log message source details"},
    {"event": "http://worker:8793/log/attempt=1.log"},
    {"event": "::endgroup::"},
]


def event(text: str, level: str = "info", **more: Any) -> dict[str, Any]:
    return {"timestamp": STAMP, "event": text, "level": level, "logger": "task"} | more


def frame(file: str, line: int, name: str) -> dict[str, Any]:
    return {"filename": file, "lineno": line, "name": name}


OWN = frame("/venv/lib/python3.11/site-packages/airflow/sdk/execution_time/task_runner.py", 1579, "run")
VALUE_ERROR = {
    "exc_type": "ValueError",
    "exc_value": "two rows\nare empty",
    "exc_notes": ["seen in staging"],
    "is_cause": False,
    "frames": [OWN, OWN, frame("/opt/airflow/dags/pipeline.py", 17, "silver")],
}
KEY_ERROR = {
    "exc_type": "KeyError",
    "exc_value": "'orders'",
    "is_cause": True,
    "frames": [frame("/opt/airflow/dags/pipeline.py", 9, "read")],
}


def test_marks_and_the_source_are_left_out() -> None:
    lines = lines_of(
        [*SOURCE, event("::group::Pre Execute"), event("set up"), event("::endgroup::"), event("hello")]
    )
    assert [(line.text, line.framing) for line in lines] == [("set up", True), ("hello", False)]
    assert lines[1].level == "info"
    assert lines[1].time is not None


def test_what_a_task_prints_is_its_own_wherever_it_stands() -> None:
    """Airflow reads it beside the log, so that it may come behind the mark of what follows the task."""
    printed = event("three orders", logger="task.stdout")
    lines = lines_of([event("::group::Post Execute"), printed, event("Pushing xcom")])
    assert [(line.text, line.framing) for line in lines] == [("three orders", False), ("Pushing xcom", True)]
    assert tail(lines, 5) == ["three orders"]


def test_the_source_is_shown_where_nothing_else_is_there() -> None:
    lines = lines_of([*SOURCE, {"event": "Could not read served logs: timed out"}])
    assert lines[-1].text == "Could not read served logs: timed out"


def test_what_would_steer_a_terminal_is_left_out() -> None:
    event = "it's \x1b[1;31mred\x1b[0m, \x1b]8;;http://evil\x1b\\linked\x1b]8;;\x07,\tcl\x07ear\x1bc\x9b2J\r\nnext"
    error = {"exc_type": "ValueError", "exc_value": "\x1b[2Jgone", "frames": []}
    (line,) = lines_of([{"event": event, "timestamp": "2026-01-31T01:00:02Z", "error_detail": [error]}])
    assert line.text == "it's red, linked,\tclear2J\nnext"
    assert line.trace[-1] == "ValueError: gone"


def test_plain_text_is_taken_too() -> None:
    assert [line.text for line in lines_of(["one", "two"])] == ["one", "two"]


def test_a_traceback_is_in_pythons_form() -> None:
    (line,) = lines_of([event("Task failed with exception", "error", error_detail=[VALUE_ERROR, KEY_ERROR])])
    assert line.lines == [
        "Task failed with exception",
        "Traceback (most recent call last):",
        '  File "/opt/airflow/dags/pipeline.py", line 9, in read',
        "KeyError: 'orders'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        "  … 2 frames of Airflow's own",
        '  File "/opt/airflow/dags/pipeline.py", line 17, in silver',
        "ValueError: two rows",
        "are empty",
        "seen in staging",
    ]


def test_frames_of_airflow_stay_where_there_are_no_others() -> None:
    (line,) = lines_of([event("failed", error_detail=[VALUE_ERROR | {"frames": [OWN]}])])
    assert "task_runner.py" in line.trace[1]


def test_a_tail_has_the_whole_traceback_and_no_more_than_fits() -> None:
    failed = event("Task failed", "error", error_detail=[VALUE_ERROR])
    lines = lines_of(
        [
            *(event(f"line {n}") for n in range(50)),
            failed,
            event("::group::Post Execute"),
            event("Pushing xcom"),
        ]
    )
    shown = tail(lines, 10)
    assert shown[:4] == ["line 47", "line 48", "line 49", "Task failed"]
    assert shown[-1] == "seen in staging"
    assert len(shown) == 10
    assert tail(lines, 2)[0] == "Task failed"
    assert tail([], 5) == []
