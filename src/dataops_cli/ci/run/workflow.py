"""A workflow of GitHub's, as far as its `run:` steps go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings.layers import nearest

FOLDER = Path(".github") / "workflows"
ENDINGS = (".yml", ".yaml")


@dataclass(frozen=True)
class Step:
    """`variables` are those of the workflow, the job and the step together, as they are written."""

    name: str
    run: str | None = None
    uses: str | None = None
    condition: str = ""
    folder: str = ""
    may_fail: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """`uses` is the workflow that is called in place of steps; `matrix`: it is run several times, with values;
    `containers`: GitHub starts some for it."""

    name: str
    steps: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()
    condition: str = ""
    uses: str | None = None
    matrix: bool = False
    containers: bool = False


def find_workflow(top: Path, name: str) -> Path:
    """The file of a workflow, with or without its ending. Raises UsageError with the nearest name."""
    there = sorted(path for path in (top / FOLDER).glob("*") if path.suffix in ENDINGS)
    for path in there:
        if name in (path.name, path.stem):
            return path
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    meant = nearest(stem, [path.stem for path in there])
    raise UsageError(
        f"There is no workflow {name} in {FOLDER}",
        hint=f"Did you mean {meant}?"
        if meant
        else f"Workflows: {', '.join(path.stem for path in there) or 'none'}",
    )


def read_workflow(path: Path) -> list[Job]:
    """The jobs, each after those that it needs. Raises UsageError for what is no workflow."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        jobs = [_job(name, job, document) for name, job in document["jobs"].items()]
        return _in_order(jobs)
    except OSError as error:
        raise DataopsError(
            f"Cannot read {path}: {error.strerror}",
            hint="Check the file's permissions.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        raise UsageError(
            f"{path.name} is no workflow", hint="See what is wrong with it: dataops ci lint --check workflows"
        ) from None


def _job(name: str, job: Mapping[str, Any], workflow: Mapping[str, Any]) -> Job:
    variables = {**_variables(workflow), **_variables(job)}
    needs = job.get("needs", ())
    return Job(
        name,
        tuple(_step(step, variables, _default_folder(workflow, job)) for step in job.get("steps", ())),
        (needs,) if isinstance(needs, str) else tuple(needs),
        str(job.get("if", "")),
        job.get("uses"),
        "matrix" in (job.get("strategy") or {}),
        bool(job.get("services") or job.get("container")),
    )


def _step(step: Mapping[str, Any], variables: Mapping[str, str], folder: str) -> Step:
    run, uses = step.get("run"), step.get("uses")
    return Step(
        str(step.get("name") or uses or str(run).strip().partition("\n")[0]),
        run,
        uses,
        str(step.get("if", "")),
        str(step.get("working-directory", folder)),
        step.get("continue-on-error") is True,
        {**variables, **_variables(step)},
    )


def _default_folder(workflow: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    for part in (job, workflow):
        if folder := ((part.get("defaults") or {}).get("run") or {}).get("working-directory"):
            return str(folder)
    return ""


def _variables(part: Mapping[str, Any]) -> dict[str, str]:
    """As a shell sees them: YAML's own words for truth in lower case."""
    return {
        key: str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        for key, value in (part.get("env") or {}).items()
    }


def _in_order(jobs: list[Job]) -> list[Job]:
    """Each after what it needs, else as they are written. Raises KeyError for a need that is no job, or a circle."""
    waiting, done = list(jobs), dict[str, Job]()
    while waiting:
        ready = next((job for job in waiting if all(need in done for need in job.needs)), None)
        if ready is None:
            raise KeyError(waiting[0].name)
        done[ready.name] = ready
        waiting.remove(ready)
    return list(done.values())
