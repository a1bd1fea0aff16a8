"""Commands of environments whose dbt runs in a container: the same command is run there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import TimeoutError as TookTooLong
from typing import TYPE_CHECKING

import typer

from dataops_cli.cli.application import Application

if TYPE_CHECKING:
    from dataops_cli.stack.dbt_container import DbtContainer


# Of `dataops run`, what is about watching Airflow, which dbt's container has no need of: flags, and options with values.
OF_AIRFLOW = (("--wait", "--no-wait", "--follow-logs", "-f", "--unpause"), ("--timeout",))
# Seconds that looking for the container may take where nobody has asked for it: an engine may be busy, or far away.
LIMIT = 15.0


def delegate(app: Application, *, changes: bool = False) -> None:
    """Where the environment's dbt runs in a container: run this command there, and leave with its exit code.

    Raises DataopsError (exit 4) for one that `changes` data while somebody holds the lock of the stack.
    """
    if changes:
        refuse_while_changed(app)
    if container := _container(app):
        _leave(container.run(forwarded(app, app.arguments)))


def delegate_run(app: Application, *, plan: bool) -> None:
    """As `delegate`, and bring the artifacts of the run here."""
    if not plan:
        refuse_to_run(app)
    if container := _container(app):
        code = container.run(forwarded(app, app.arguments, *OF_AIRFLOW), recorded=not plan)
        if not plan:
            _bring(app, container, runs=True)
        _leave(code)


def delegate_dbt(app: Application, arguments: Sequence[str]) -> None:
    """As `delegate`, for `dataops dbt ARGUMENTS`, and bring dbt's target folder here."""
    if container := _container(app):
        ours = own_words(app.arguments, arguments)
        code = container.run([*forwarded(app, ours), *app.arguments[len(ours) :]])
        _bring(app, container, runs=False)
        _leave(code)


def forwarded(
    app: Application,
    arguments: Sequence[str],
    flags: Collection[str] = (),
    options: Collection[str] = (),
) -> list[str]:
    """Our part of the command line as it is in the container, where the platform lies elsewhere; without these flags,
    and without these options and their values."""
    kept = [] if app.env else ["--env", app.environment_name]
    left = iter(arguments)
    for word in left:
        if word in ("--project-dir", *options):
            next(left, None)
        elif word not in flags and not word.startswith(("--project-dir=", *(f"{name}=" for name in options))):
            kept.append(word)
    return kept


def own_words(arguments: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """A command line up to what dbt gets to see."""
    kept = list(arguments)
    for word in reversed(theirs):
        if not kept or kept[-1] != word:
            break
        kept.pop()
    return kept


def _container(app: Application) -> DbtContainer | None:
    from dataops_cli.settings.model import Runner

    if app.environment.settings.dbt.runner is Runner.PROCESS:
        return None
    from dataops_cli import docker_api
    from dataops_cli.stack.dbt_container import dbt_container

    container = dbt_container(docker_api.connect(), app.project, app.environment)
    if container.other_version:
        app.console.warn(
            "The dbt container has another version of dataops than this one",
            f"Bring it up to date: {app.hint('up dbt')}",
        )
    return container


def bring_runs(app: Application) -> None:
    """Bring the artifacts of runs that Airflow has done, where the engine and the stack's own container are at hand."""
    from dataops_cli.errors import DataopsError
    from dataops_cli.threads import in_thread

    settings = app.environment.settings
    if not settings.stack.enabled or settings.airflow.url is not None:
        return
    try:
        container = in_thread(lambda: _container(app), "dbt container").result(LIMIT)
    except (DataopsError, TookTooLong):  # who only watches may have no way to the engine
        return
    if container:
        _bring(app, container, runs=True)


def _bring(app: Application, container: DbtContainer, *, runs: bool) -> None:
    """What the command made, for `dataops docs` and for the eye. That it failed is no failure of the command."""
    from dataops_cli.errors import DataopsError

    try:
        if runs:
            for run in container.bring_runs():
                app.console.detail(f"Artifacts: .dataops/{app.environment_name}/runs/{run}")
        else:
            container.bring_dbt_target()
    except DataopsError as error:
        app.console.warn(f"The artifacts stayed in the container: {error.reason}", error.hint)


def refuse_to_run(app: Application) -> None:
    """As `refuse_while_changed`; and where a deployment was cut off, the code in the container may be of another
    release than the one in force: raises DataopsError (exit 5) then."""
    refuse_while_changed(app)
    if not app.environment.settings.stack.enabled:
        return
    from dataops_cli import docker_api
    from dataops_cli.deploy.journal import Journal, explain, to_put_right
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.stack.state import state_of

    try:
        found = to_put_right(Journal(state_of(docker_api.connect(), app.environment)).deployments())
    except DataopsError:
        return
    if found:
        raise DataopsError(
            f"{explain(found)}. A run might publish with the wrong release",
            hint="Put it right first: dataops repair",
            exit_code=ExitCode.REFUSED,
        )


def refuse_while_changed(app: Application) -> None:
    """One deployment or publication at a time: the data are those of a deployment just now, or of nobody. Inside the
    stack's own containers, and where this machine reaches no engine, nothing is known of it.

    Raises DataopsError (exit 4) while somebody changes the stack.
    """
    if not app.environment.settings.stack.enabled:
        return
    from dataops_cli import docker_api
    from dataops_cli.errors import DataopsError
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lock import held_by, locked
    from dataops_cli.stack.lock_holder import Liveness

    try:
        holder = held_by(docker_api.connect(), require_stack(app.environment))
    except DataopsError:
        return
    if holder is not None and holder.liveness is not Liveness.GONE:
        raise locked(holder)


def _leave(code: int) -> None:
    raise typer.Exit(code)
