"""`dataops ci lint`: every file of the platform by the tool of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption

if TYPE_CHECKING:
    from dataops_cli.ci.lint.check import Check, Subject

app = typer.Typer(add_completion=False)


@command(app)
def lint(
    app: Application,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="NAME", help="Only this check; may be given several times."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="BRANCH",
            help="What is compared with, to look for secrets in the difference (default: the base of the pull "
            "request, or main).",
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="First have sqlfluff and ruff mend the files that they can.")
    ] = False,
    tracked: Annotated[
        bool, typer.Option("--tracked", help="Leave out files that git does not track, as for a commit.")
    ] = False,
    plan: PlanOption = False,
) -> None:
    """Check SQL, Python, YAML, Dockerfiles, shell scripts, Compose files, workflows, and for secrets.

    Exit code 1 where anything was found.
    """
    import time

    from dataops_cli.ci.actions import add_summary, annotate
    from dataops_cli.ci.lint.check import Subject
    from dataops_cli.ci.lint.examination import examine, exit_code
    from dataops_cli.ci.lint.registry import chosen
    from dataops_cli.ci.lint.report import as_annotations, document, line, rendered, summary

    checks = chosen(check or [])
    subject = Subject(app.project, base, tracked)
    if plan:
        _show_plan(app, subject, checks)
        return
    begun = time.monotonic()
    fixed = _fixed(app, subject, checks) if fix else []
    with app.console.activity("Looking"):
        looked = examine(subject, checks, lambda item: app.console.progress(line(item)))
    seconds = time.monotonic() - begun
    for annotation in as_annotations(looked, subject.repository.prefix):
        annotate(annotation)
    add_summary(summary(looked, seconds))
    app.console.result({**document(looked, seconds), "fixed": fixed}, *rendered(looked, seconds))
    raise typer.Exit(exit_code(looked))


def _fixed(app: Application, subject: Subject, checks: list[Check]) -> list[str]:
    from dataops_cli.ci.lint.fixing import fix
    from dataops_cli.console import visible

    with app.console.activity("Mending"):
        changed = fix(subject, checks)
    for file in changed:
        app.console.progress(f"mended: {visible(file)}")
    return changed


def _show_plan(app: Application, subject: Subject, checks: list[Check]) -> None:
    from dataops_cli.ci.lint.examination import planned
    from dataops_cli.console import table

    found = planned(subject, checks)
    app.console.result(
        {
            "plan": [
                {"name": check.name, "about": check.about, "tools": check.tools, "files": files}
                for check, files in found.items()
            ]
        },
        table(
            ["check", "files", "what is done"],
            [[check.name, len(files), check.about] for check, files in found.items()],
        ),
    )
