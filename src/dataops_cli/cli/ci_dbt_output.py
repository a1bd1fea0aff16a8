"""What `dataops ci dbt` shows, and what it hands to GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.ci.actions import Annotation, Level, add_summary, annotate, write_output
from dataops_cli.ci.dbt_artifacts import write_document
from dataops_cli.ci.dbt_document import document
from dataops_cli.ci.dbt_found import DbtCheck
from dataops_cli.ci.dbt_markdown import markdown, plural, totals_that_differ
from dataops_cli.cli import run_output
from dataops_cli.files import write_text

if TYPE_CHECKING:
    from dataops_cli.ci.dbt_faults import Fault
    from dataops_cli.cli.application import Application


def deliver(app: Application, found: DbtCheck, comment: Path | None) -> None:
    """Show what was found, annotate it, write summary, outputs, artifacts and the comment's file."""
    told = document(found, run_output.document(found.run) if found.run else None)
    write_document(found.artifacts, told)
    text = markdown(told)
    if comment is not None:
        write_text(comment.absolute(), text)
        write_output("comment", str(comment))
    for fault in found.faults:
        annotate(fault.annotation())
    for note in found.notes:
        annotate(
            Annotation(
                Level.WARNING, f"{note.text}. {note.remedy}".rstrip(". ") + ".", title="dataops ci dbt"
            )
        )
    add_summary(text)
    write_output("passed", str(found.ok).lower())
    write_output("models", str(len(told["models"])))
    write_output("breaking", str(bool(found.breaking)).lower())
    write_output("artifacts", str(found.artifacts))
    app.console.result(told, *_lines(found, told))


def show_plan(app: Application, found: DbtCheck) -> None:
    told = document(found, None)
    app.console.result({**told, "plan": list(_plan(told))}, *_plan(told), *_notes(told), *_faults(found))


def _plan(told: Mapping[str, Any]) -> Iterator[str]:
    selection, base = told["selection"], told["base"]
    if base["commit"] is None:
        yield f"compare with nothing: {base['is']}"
    elif selection is None or told["changes"]:
        yield f"compare with {base['is']}"
    else:
        yield f"compare with nothing: the base cannot be read ({base['is']})"
    if selection is None:  # nor can the change
        return
    yield "compile every model and test for duckdb and sqlserver"
    names = ", ".join(selection["models"])
    if not names:
        yield "build nothing: no model and no test differs"
    else:
        if told["changes"]:
            yield "build the base on generated data, without its tests"
        yield f"build and test {names}  [{selection['cause']}]"
        yield "run the tests of the code" + (" that differ" if not selection["everything"] else "")
        if told["changes"]:
            yield "compare rows, totals and columns of the gold tables"
    yield f"run {told['sqlserver']['is']}" if told["sqlserver"]["ran"] else told["sqlserver"]["is"]


def _lines(found: DbtCheck, told: Mapping[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    from dataops_cli.console import table

    if told["models"]:
        columns = ["model", "status", "rows", "seconds", "passed", "failed", "warned", "skipped"]
        yield ""
        yield table(columns, [[row[column] for column in columns] for row in told["models"]])
    if told["data_diff"]:
        yield ""
        yield table(
            ["gold table", "rows before", "rows now", "totals that differ", "columns"],
            [
                [
                    item["table"],
                    item["rows"]["before"],
                    item["rows"]["after"],
                    len(item["totals"]) or None,
                    "; ".join(item["columns"]),
                ]
                for item in told["data_diff"]
            ],
        )
        if totals := totals_that_differ(told["data_diff"]):
            yield ""
            yield table(["gold table", "total of", "before", "now"], totals)
    yield ""
    yield from _notes(told)
    for line in told["breaking"] if told["allowed_by"] else ():
        yield Text(f"breaks who reads gold: {line} (allowed by: {told['allowed_by']})", "yellow")
    yield from _faults(found)
    yield from _verdict(told)


def _notes(told: Mapping[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    for note in told["notes"]:
        yield Text.assemble(("note: ", "yellow"), note["text"])
        if note["remedy"]:
            yield f"  → {note['remedy']}"
    for item in told["compiled"]:
        if item["asking"]:
            names = ", ".join(item["asking"])
            yield f"Not compiled for {item['engine']} without a connection, since they query it: {names}"


def _faults(found: DbtCheck) -> Iterator[Any]:
    for fault in found.faults:
        yield from _fault(fault)


def _fault(fault: Fault) -> Iterator[Any]:
    from rich.text import Text

    from dataops_cli.console import table, visible

    place = f"{visible(str(fault.place))}: " if fault.place.file else ""
    first, *rest = fault.message.splitlines() or ["failed"]
    yield Text.assemble(("failed ", "bold red"), f"{place}{fault.what}: {first}")
    for line in rest:
        yield Text(f"  {line}")
    if fault.rows and fault.rows.rows:
        yield table(fault.rows.columns, fault.rows.rows)
    if fault.remedy:
        yield f"  → {fault.remedy}"


def _verdict(told: Mapping[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    tests, units = told["tests"], told["code_tests"] or {"run": 0, "passed": 0}
    built = sum(row["status"] == "success" for row in told["models"])
    compiled = ", ".join(f"{item['statements']} for {item['engine']}" for item in told["compiled"])
    verdict = ("Passed", "bold green") if told["ok"] else ("Failed", "bold red")
    yield Text.assemble(
        verdict,
        f": {plural(built, 'model')} built, {tests['passed']} of {plural(tests['run'], 'data test')} and "
        f"{units['passed']} of {units['run']} tests of the code passed, compiled {compiled or 'nothing'}, "
        f"{sum(told['timings'].values()):.0f} s",
    )
    yield f"  {told['sqlserver']['is']}"
    yield f"  Logs, manifests and SQL: {told['artifacts']}"
