"""A deploy or rollback under GitHub Actions: its steps and what became of it, in the job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from dataops_cli.ci.actions import Annotation, Level, add_summary, annotate, write_output
from dataops_cli.deploy.journal import Deployment, Kind, Outcome, StepRecord, next_number, to_put_right
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError
from dataops_cli.health.markdown import cell, escaped
from dataops_cli.streams import commands_are_read

WHAT = {Kind.DEPLOY: "Deploy of", Kind.ROLLBACK: "Rollback to"}
CUT_OFF = "cut off"


@contextmanager
def summarised(site: Site) -> Iterator[None]:
    """Show how the deployment ended that the block carries out, also where it failed or was refused.

    An error becomes an annotation; the outputs `release` and `outcome` of the step are those of the deployment, where
    one was begun. Elsewhere than under GitHub Actions the block is all that is done.
    """
    if not commands_are_read():
        yield
        return
    deployments = site.journal.deployments()
    left = to_put_right(deployments)  # it is put right first, or gone on with
    first = left.beginning.number if left else next_number(deployments)
    try:
        yield
    except DataopsError as error:
        annotate(Annotation(Level.ERROR, f"{error.reason}\n{error.hint}", title=f"dataops on {site.name}"))
        _tell(site, first, error)
        raise
    _tell(site, first)


def _tell(site: Site, first: int, error: DataopsError | None = None) -> None:
    """Tell of the deployments from number `first` on, the last one's outcome being the step's."""
    done: list[Deployment] = []
    with suppress(DataopsError):  # the engine may have gone, which the command's own error tells
        done = [item for item in site.journal.deployments() if item.beginning.number >= first]
    for item in reversed(done):
        add_summary(markdown(item, site.name))
        write_output("release", item.beginning.release)
        write_output("outcome", item.outcome or CUT_OFF)
    if error is not None:
        add_summary("\n".join(_error(error, refused=not done)))


def markdown(done: Deployment, environment: str) -> str:
    """One deployment: a heading with its outcome, facts, and its steps with their seconds."""
    beginning = done.beginning
    facts = {
        "Before": beginning.previous or "no release",
        "Published": done.generation or "nothing",
        "By": f"{beginning.who}, {beginning.at}",
        "Why": beginning.reason,
    }
    good = done.outcome is Outcome.SUCCEEDED
    lines = [
        f"### {'✅' if good else '❌'} {WHAT[beginning.kind]} {escaped(beginning.release)}, "
        f"{escaped(environment)}: {done.outcome or CUT_OFF}",
        "",
        *[f"- {name}: {cell(value)}" for name, value in facts.items() if value],
        "",
        *_table([*done.steps, *done.again]),
    ]
    return "\n".join(lines)


def _table(steps: Sequence[StepRecord]) -> list[str]:
    """The steps; those of the way back bear `back:` in their name."""
    rows = [
        f"| {'✅' if step.ok else '❌'} {escaped(step.name)} | {step.seconds:.1f} | {cell(step.detail)} |"
        for step in steps
    ]
    return ["| Step | Seconds | |", "| --- | ---: | --- |", *rows, ""] if rows else []


def _error(error: DataopsError, *, refused: bool) -> list[str]:
    heading = ["### ❌ Nothing was begun", ""] if refused else []
    lines = [error.reason, *error.details, f"Next: {error.hint}"]
    return [*heading, *[f"{cell(line)}  " for line in lines], ""]
