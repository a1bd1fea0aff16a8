"""What `dataops ci dbt` shows, and what it hands to GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.ci.actions import Annotation, Level, add_summary, annotate, write_output
from dataops_cli.ci.dbt_artifacts import write_document
from dataops_cli.ci.dbt_document import document
from dataops_cli.ci.dbt_found import DbtCheck
from dataops_cli.ci.dbt_markdown import markdown, plural
from dataops_cli.cli import run_output
from dataops_cli.errors import UsageError
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
    selection = told["selection"]
    yield (
        f"compare with {told['base']['is']}"
        if told["changes"]
        else f"compare with nothing: {told['base']['is']}"
    )
    if selection is None:
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
                    ", ".join(item["totals"]),
                    "; ".join(item["columns"]),
                ]
                for item in told["data_diff"]
            ],
        )
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

    from dataops_cli.console import table

    place = f"{fault.place}: " if fault.place.file else ""
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


def write_comment(app: Application, file: Path, number: int | None) -> None:
    from dataops_cli.ci.comment import Comments, ReadOnlyTokenError, marked
    from dataops_cli.ci.pull_request import current_pull_request

    pull_request = current_pull_request()
    number = number or (pull_request.number if pull_request else None)
    if number is None:
        raise UsageError(
            "There is no pull request to comment on: this workflow runs for none",
            hint="Run it for pull_request events only, or name one: --pull-request N",
        )
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint="Write it first: dataops ci dbt --comment FILE"
        ) from None
    comments = Comments(
        api=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        repository=_required("GITHUB_REPOSITORY", "owner/name"),
        number=number,
        token=_required("GITHUB_TOKEN", "${{ github.token }}"),
    )
    # GitHub gives these two a token that may only read, whatever the workflow asks for.
    is_foreign = (
        bool(pull_request and pull_request.is_from_fork)
        or os.environ.get("GITHUB_ACTOR") == "dependabot[bot]"
    )
    try:
        address = comments.put(marked(text))
    except ReadOnlyTokenError as error:
        if not is_foreign:
            raise
        hint = "What it would say is the summary of the job."
        app.console.warn(
            f"No comment is written, since the token of this pull request may only read: {error.reason}", hint
        )
        annotate(
            Annotation(
                Level.WARNING, f"No comment: the token may only read. {hint}", title="dataops ci comment"
            )
        )
        app.console.result({"comment": None, "pull_request": number})
        return
    app.console.result({"comment": address, "pull_request": number}, f"The comment is at {address}")


def _required(variable: str, example: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UsageError(
            f"{variable} is not set", hint=f"Set it in the workflow's step: {variable}: {example}"
        )
    return value
