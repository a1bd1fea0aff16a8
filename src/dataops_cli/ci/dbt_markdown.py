"""What a check found as Markdown: the job's summary, and the comment on the pull request.

Whatever comes from the change, such as names and messages, is escaped: nothing in it is Markdown, HTML or a mention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataops_cli.console import shown, visible
from dataops_cli.deploy.commit import SHORT
from dataops_cli.health.markdown import cell

Document = Mapping[str, Any]
# Names in one list; a change of everything would fill the page.
MOST_NAMES = 25
MOST_LINES = 12


def markdown(found: Document) -> str:
    """From the document of a check."""
    sections = (_verdict, _faults, _notes, _changes, _diff, _models, _timings)
    return "\n".join(line for section in sections for line in section(found)).rstrip() + "\n"


def unfinished(head: str | None) -> str:
    """What stands there until a check has ended, and stays where it does not."""
    return f"### ❌ dbt: did not finish{_at(head)}\n\nThe job's log says how far it came.\n"


def _at(head: str | None) -> str:
    """GitHub makes a link of it, and whoever reads an older comment sees that it is one."""
    return f" at {head[:SHORT]}" if head else ""


def _verdict(found: Document) -> Iterator[str]:
    verdict = "✅ dbt: all is well" if found["ok"] else f"❌ dbt: {plural(len(found['faults']), 'fault')}"
    yield f"### {verdict}{_at(found['head'])}"
    yield ""
    parts = [_built(found), _tested(found), *_compiled(found), _text(found["sqlserver"]["is"])]
    yield " · ".join(part for part in parts if part)
    yield ""
    yield (f"Compared with {_text(found['base']['is'])}" if found["changes"] else "Compared with nothing")
    yield ""


def _built(found: Document) -> str:
    built = sum(row["status"] == "success" for row in found["models"])
    selection = found["selection"]
    if selection is None or not built:
        return "nothing built"
    how = "all" if selection["everything"] else "changed and downstream"
    return f"{plural(built, 'model')} built ({how})"


def _tested(found: Document) -> str:
    tests, units = found["tests"], found["code_tests"]
    told = f"{tests['passed']} of {tests['run']} data tests passed" if tests["run"] else ""
    if units and units["run"]:
        told += f"{', ' if told else ''}{units['passed']} of {units['run']} tests of the code"
    return told


def _compiled(found: Document) -> Iterator[str]:
    for item in found["compiled"]:
        told = f"{item['statements']} statements compiled for {item['engine']}"
        if item["asking"]:
            told += f" (not tried without a connection: {_names(item['asking'])})"
        yield told


def _faults(found: Document) -> Iterator[str]:
    for fault in found["faults"]:
        place = f"{fault['file']}:{fault['line']}" if fault["line"] else fault["file"]
        yield f"#### ❌ {_text(fault['what'])}"
        yield ""
        if place:
            yield _text(visible(place))
            yield ""
        lines = [line for line in fault["message"].splitlines() if line.strip()]
        yield "<br>".join(_text(line.strip()) for line in lines[:MOST_LINES])
        yield ""
        if fault["rows"]:
            columns = list(fault["rows"][0])
            yield from _table(columns, [[row[column] for column in columns] for row in fault["rows"]])
        if fault["remedy"]:
            yield f"→ {_text(fault['remedy'])}"
            yield ""


def _notes(found: Document) -> Iterator[str]:
    for note in found["notes"]:
        yield f"> ⚠️ {_text(note['text'])}" + (f". {_text(note['remedy'])}" if note["remedy"] else "")
        yield ""


def _changes(found: Document) -> Iterator[str]:
    changes = found["changes"]
    if changes is None:
        return
    yield "#### Models"
    yield ""
    rows = [[name, "new"] for name in changes["added"]]
    rows += [[name, "removed"] for name in changes["removed"]]
    rows += [[item["model"], f"changed: {'; '.join(item['causes'])}"] for item in changes["changed"]]
    rows += [
        [item["model"], f"may get other rows: {'; '.join(item['causes'])}"] for item in changes["downstream"]
    ]
    rows += [["every model", cause] for cause in changes["every_model"]]
    if rows:
        yield from _table(["model", "change"], rows)
    else:
        yield "No model changed."
        yield ""
    for key, words in (("tests_added", "new"), ("tests_changed", "changed"), ("tests_removed", "removed")):
        if changes[key]:
            yield f"Tests {words}: {_names(changes[key])}"
            yield ""


def _diff(found: Document) -> Iterator[str]:
    for line in found["breaking"] if found["allowed_by"] else ():
        yield f"> ⚠️ breaks who reads gold: {_text(line)}. Allowed by: {_text(found['allowed_by'])}"
        yield ""
    if found["data_diff"] is None:
        return
    yield "#### Gold, base and change on the same sample data"
    yield ""
    rows = [
        [
            table["table"],
            table["rows"]["before"],
            table["rows"]["after"],
            _difference(table["rows"]["before"], table["rows"]["after"]),
            len(table["totals"]) if table["totals"] else "",
            "; ".join(table["columns"]),
        ]
        for table in found["data_diff"]
    ]
    yield from _table(["table", "rows before", "rows now", "Δ", "totals that differ", "columns"], rows)
    totals = totals_that_differ(found["data_diff"])
    if totals:
        yield f"<details><summary>{plural(len(totals), 'total')} of numeric columns</summary>"
        yield ""
        yield from _table(["table", "column", "before", "now"], totals)
        yield "</details>"
        yield ""


def totals_that_differ(diff: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Table, column, total of the base and of the change."""
    return [
        [table["table"], column, total["before"], total["after"]]
        for table in diff
        for column, total in table["totals"].items()
    ]


def _difference(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return "new" if before is None else "removed"
    return f"{after - before:+d}" if after != before else ""


def _models(found: Document) -> Iterator[str]:
    if not found["models"]:
        return
    yield f"<details><summary>{plural(len(found['models']), 'model')} built</summary>"
    yield ""
    columns = ["model", "status", "rows", "seconds", "passed", "failed", "warned", "skipped"]
    yield from _table(columns, [[row[column] for column in columns] for row in found["models"]])
    yield "</details>"
    yield ""


def _timings(found: Document) -> Iterator[str]:
    total = sum(found["timings"].values())
    yield f"<details><summary>{total:.0f} seconds</summary>"
    yield ""
    yield from _table(["step", "seconds"], [[name, seconds] for name, seconds in found["timings"].items()])
    yield "</details>"
    yield ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(_text(column) for column in columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join('' if value is None else _text(shown(value)) for value in row)} |"
    yield ""


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(_text(name) for name in names[:MOST_NAMES]) + more


def _text(text: str) -> str:
    """Escaped, and nobody is told of it: the comment keeps `@name` from being a mention."""
    return cell(text).replace("@", "@<!-- -->")


def plural(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {noun}{'s' * (number != 1)}"
