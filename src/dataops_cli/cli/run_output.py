"""What `dataops run` shows of a run, and what a step of one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataops_cli.layers import LAYERS

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application
    from dataops_cli.pipeline.execution import RunOutcome


def document(outcome: RunOutcome) -> dict[str, Any]:
    """The JSON document of a run: models with their tests, and the failures."""
    by_id = {result.unique_id: result for result in outcome.results}
    rows = []
    for node in outcome.graph.built():
        result = by_id.get(node.unique_id)
        if result is None:
            continue
        tests = [
            by_id[test.unique_id].status
            for test in outcome.graph.tests()
            if node.unique_id in test.parents and test.layer == node.layer and test.unique_id in by_id
        ]
        rows.append(
            {
                "model": node.name,
                "layer": node.layer,
                "status": result.status,
                "rows": outcome.rows.get(node.name),
                "seconds": result.seconds,
                "passed": tests.count("pass"),
                "failed": tests.count("fail") + tests.count("error"),
                "warned": tests.count("warn"),
                "skipped": tests.count("skipped"),
            }
        )
    rows.sort(key=lambda row: (LAYERS.index(str(row["layer"])), str(row["model"])))
    tests_run = [by_id[test.unique_id] for test in outcome.graph.tests() if test.unique_id in by_id]
    return {
        "run_id": outcome.record.run_id,
        "environment": outcome.record.facts["environment"],
        "published": outcome.published,
        "release": outcome.record.facts["release"],
        "as_of_date": outcome.record.facts.get("as_of_date"),
        "seconds": outcome.seconds,
        "timings": outcome.record.facts.get("timings") or {},
        "tests": {"run": len(tests_run), "passed": sum(result.status == "pass" for result in tests_run)},
        "models": rows,
        "failures": [failure.document() for failure in outcome.failures],
    }


def show(app: Application, outcome: RunOutcome) -> None:
    from rich.text import Text

    from dataops_cli.console import table

    shown = document(outcome)
    rows = shown["models"]
    columns = ["model", "rows", "seconds", "passed", "failed", "warned", "skipped"]
    renderables: list[Any] = ["", table(columns, [[row[column] for column in columns] for row in rows]), ""]
    if outcome.published:
        verdict = Text.assemble(
            ("Published ", "bold green"),
            f"{outcome.record.run_id}: {len(rows)} models, {shown['tests']['passed']} of {shown['tests']['run']} "
            f"tests passed, {outcome.seconds} s",
        )
        renderables.append(verdict)
    else:
        for failure in outcome.failures:
            renderables += failure_lines(failure)
        renderables.append(
            Text.assemble(
                ("Not published", "bold red"),
                f": {len(outcome.failures)} failed; what consumers read is as it was ({outcome.seconds} s)",
            )
        )
        mend = "Free some space" if outcome.out_of_space else "Mend the model or test"
        renderables.append(f"  → {mend}, then continue from there: {app.hint('run --retry')}")
        if outcome.source_changed:
            renderables.append(f"  → The source was loaded anew since: to build from it, {app.hint('run')}")
        else:
            renderables.append(f"  → After mending the source data, start over: {app.hint('run')}")
    app.console.result(shown, *renderables)


def in_words(outcome: RunOutcome) -> str:
    """What was built and tested; empty where nothing was."""
    shown = document(outcome)
    models, tests = shown["models"], shown["tests"]
    return f"{len(models)} models, {tests['passed']} of {tests['run']} tests passed" if models else ""


def failure_lines(failure: Any) -> list[Any]:
    """A failed model or test, with the rows that made it fail."""
    from rich.text import Text

    from dataops_cli.console import table

    kind = "test" if failure.node.kind == "test" else failure.node.kind
    lines: list[Any] = [
        Text.assemble(("failed ", "bold red"), f"{kind} {failure.node.name}: {failure.message}")
    ]
    if failure.rows and failure.rows.rows:
        lines.append(table(failure.rows.columns, failure.rows.rows))
        if failure.rows.more:
            lines.append(Text(f"  … {failure.failures} rows in all", "dim"))
    if failure.compiled:
        lines.append(Text(f"  compiled SQL: {failure.compiled}", "dim"))
    lines.append("")
    return lines
