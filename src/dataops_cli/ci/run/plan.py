"""Which commands of a workflow can be run here, and why others cannot."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dataops_cli.ci.run.words import COMMAND, EXPRESSION, NotHereError, commands_of
from dataops_cli.ci.run.workflow import Job, Step

# Commands that change no environment.
HARMLESS = frozenset(["ci", "config", "doctor", "env", "health", "logs", "ps", "releases", "runs", "status"])
# What of them changes something all the same, or may run what does.
NOT_HARMLESS = frozenset(
    [("ci", "comment"), ("ci", "label"), ("ci", "run"), ("health", "--notify"), ("releases", "prune")]
)


class When(StrEnum):
    """When a step runs, by the outcome of those before it."""

    GOOD = "success()"
    BAD = "failure()"
    ALWAYS = "always()"


@dataclass(frozen=True)
class Planned:
    """A step: the words of its commands, without `dataops`, or why it is not run here."""

    job: str
    step: str
    commands: tuple[tuple[str, ...], ...] = ()
    why_not: str = ""
    when: When = When.GOOD
    folder: str = ""
    may_fail: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> list[str]:
        return [shlex.join([COMMAND, *words]) for words in self.commands]

    @property
    def changes(self) -> list[str]:
        """Its commands that may change an environment."""
        return [
            shown for words, shown in zip(self.commands, self.shown, strict=True) if not _is_harmless(words)
        ]

    def __str__(self) -> str:
        what = f"not run here: {self.why_not}" if self.why_not else " && ".join(self.shown)
        return f"{self.job} / {self.step}: {what}"


def _is_harmless(words: Sequence[str]) -> bool:
    first, *others = words
    return first in HARMLESS and not any((first, word) in NOT_HARMLESS for word in others)


def plan(jobs: Sequence[Job], known: Mapping[str, str]) -> list[Planned]:
    """Every step, in order. `known` are the variables there are here, for those that the workflow has from GitHub."""
    return [planned for job in jobs for planned in _job(job, known)]


def _job(job: Job, known: Mapping[str, str]) -> list[Planned]:
    try:
        _refuse_job(job)
    except NotHereError as why:
        return [Planned(job.name, "all steps", why_not=str(why))]
    return [_step(job, step, known) for step in job.steps]


def _refuse_job(job: Job) -> None:
    if job.uses:
        raise NotHereError(f"it calls another workflow, {job.uses}")
    if job.matrix:
        raise NotHereError("it is run for each value of a matrix")
    if job.containers:
        raise NotHereError("GitHub starts containers for it")
    if job.condition:
        when(job.condition)


def _step(job: Job, step: Step, known: Mapping[str, str]) -> Planned:
    try:
        if step.uses or step.run is None:
            raise NotHereError(f"it uses the action {step.uses}")
        told = dict(_told(step.variables, known))
        commands = commands_of(step.run, {**known, **told})
        if EXPRESSION in step.folder:
            raise NotHereError("its folder is an expression of GitHub's")
        return Planned(
            job.name,
            step.name,
            tuple(map(tuple, commands)),
            when=when(step.condition),
            folder=step.folder,
            may_fail=step.may_fail,
            # The command would take an expression for a value.
            variables={key: value for key, value in told.items() if EXPRESSION not in value},
        )
    except NotHereError as why:
        return Planned(job.name, step.name, why_not=str(why))


def _told(variables: Mapping[str, str], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A step's variables. Raises NotHereError where a setting of ours comes from GitHub: without it, the command would
    act on something else."""
    for key, value in variables.items():
        if EXPRESSION not in value or key in known:
            yield key, known[key] if EXPRESSION in value else value
        elif key.startswith("DATAOPS_"):
            raise NotHereError(f"the variable {key} comes from GitHub; set it to run the step")
        else:
            yield key, value


def when(condition: str) -> When:
    """When a condition lets a step run. Raises NotHereError where only GitHub knows."""
    bare = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", condition.strip()).strip()
    if bare in ("", "success()", "true"):
        return When.GOOD
    if bare in ("always()", "!cancelled()"):
        return When.ALWAYS
    if bare == "failure()":
        return When.BAD
    raise NotHereError(f"its condition needs GitHub: {bare}")
