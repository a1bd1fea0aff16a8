"""`dataops up`: bring the environment's stack up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_change import changing_stack
from dataops_cli.cli.stack_options import (
    PlanOption,
    Profiles,
    Services,
    counted,
    reporting,
    show_plan,
    warn_of_readable_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dataops_cli.deploy.workspace import Workspace
    from dataops_cli.docker_api import Engine
    from dataops_cli.stack.observe import Observation
    from dataops_cli.stack.reconcile import Operation

app = typer.Typer(
    add_completion=False, help="Bring the environment's stack up, and wait until it is healthy."
)


class Pull(StrEnum):
    ALWAYS = "always"
    MISSING = "missing"
    NEVER = "never"


@command(app)
@audited
def up(
    app: Application,
    services: Services = None,
    plan: PlanOption = False,
    build: Annotated[bool, typer.Option("--build", help="Build images, also those that are there.")] = False,
    pull: Annotated[
        Pull | None, typer.Option("--pull", help="When to pull images (default: as the files say).")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is healthy.")] = True,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest wait, such as 10m (default: stack.timeout).")
    ] = None,
    force_recreate: Annotated[
        bool, typer.Option("--force-recreate", help="Make every container anew; volumes stay.")
    ] = False,
    remove_orphans: Annotated[
        bool, typer.Option("--remove-orphans", help="Remove containers of services that are gone.")
    ] = False,
    scale: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE=N", help="N containers of a service, such as dbt=2 (default: 1)."),
    ] = None,
    profiles: Profiles = None,
) -> None:
    """Bring the environment's stack up, and wait until it is healthy.

    Where a release is in force (`dataops deploy`), it is that release; else the files as they are here.
    """
    from dataops_cli.cli.deploy_options import site_of
    from dataops_cli.deploy.journal import current, explain, to_put_right
    from dataops_cli.durations import timeout_seconds
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.stack.environment import load_environment_stack

    limit = timeout_seconds(timeout)
    try:
        site = site_of(app)
    except DataopsError:
        load_environment_stack(
            app.project, app.environment, profiles or ()
        )  # what is wrong there is said first
        raise
    found = to_put_right(site.journal.deployments())
    if found and not site.is_being_changed():
        raise DataopsError(
            f"{explain(found)}. What is to come up is not known",
            hint="Put it right: dataops repair; or leave it as it is: dataops repair --give-up",
            exit_code=ExitCode.REFUSED,
        )
    asked = Asked(
        services or (), plan, build, pull or "", wait, limit, force_recreate, remove_orphans, scale or ()
    )
    with site.in_force(profiles or ()) as workspace:
        if workspace.release:
            app.console.progress(f"The release in force is {workspace.release}")
        release = workspace.release or None
        _bring_up(app, site.engine, workspace, asked, lambda: current(site.journal.deployments()) == release)


@dataclass(frozen=True)
class Asked:
    services: Sequence[str]
    plan: bool
    build: bool
    pull: str
    wait: bool
    timeout: float | None
    force_recreate: bool
    remove_orphans: bool
    scale: Sequence[str]


def _bring_up(
    app: Application,
    engine: Engine,
    workspace: Workspace,
    asked: Asked,
    still_in_force: Callable[[], bool],
) -> None:
    """`still_in_force` says, once the lock is held, whether no deployment has ended meanwhile."""
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.settings.load import load_environment
    from dataops_cli.stack.environment import (
        certificate_is_anothers,
        generate_first_secrets,
        missing_secrets,
        refuse_after_first_start,
        refuse_binds,
        with_secrets,
    )
    from dataops_cli.stack.execute import Execution
    from dataops_cli.stack.observe import observe
    from dataops_cli.stack.reconcile import made_elsewhere, orphans, plan_up
    from dataops_cli.stack.scale import scale as scaled
    from dataops_cli.stack.selection import select

    environment, whole = workspace.environment, workspace.stack
    stack = scaled(select(whole, asked.services), asked.scale)
    warn_of_readable_secrets(app)
    for warning in stack.warnings:
        app.console.warn(warning)
    refuse_binds(engine, stack)

    def decide(fingerprints: Mapping[str, str]) -> tuple[Observation, list[Operation]]:
        seen = observe(engine, stack)
        return seen, plan_up(
            stack,
            seen,
            secrets=fingerprints,
            inputs=workspace.inputs,
            build=asked.build,
            pull=asked.pull,
            force_recreate=asked.force_recreate,
            remove_orphans=asked.remove_orphans,
        )

    def warn_of_others(seen: Observation, operations: list[Operation]) -> None:
        for folder in made_elsewhere(stack, operations):
            app.console.warn(
                f"Containers that this changes were made from the platform in {folder}",
                "If that is another platform, give this one a stack.name and a stack.prefix of its own.",
            )
        if not asked.remove_orphans and (left := orphans(stack, seen)):
            app.console.warn(
                f"Containers of services that are gone: {', '.join(item.name for item in left)}",
                "Remove them with --remove-orphans",
            )

    if asked.plan:
        if keys := missing_secrets(environment, stack):
            refuse_after_first_start(app.project, environment, whole, engine, keys)
            app.console.warn(f"Secrets are missing, which `up` makes: {', '.join(keys)}")
            seen, operations = decide({})
        else:
            seen, operations = decide(with_secrets(stack, environment).fingerprints())
        warn_of_others(seen, operations)
        show_plan(app, operations, "Nothing would change.")
        return
    with changing_stack(app, engine, stack.name) as lock:
        if missing_secrets(environment, stack):
            lock()
            made = generate_first_secrets(app.project, environment, whole, engine)
            app.console.progress(f"Made {', '.join(made)} in environments/{environment.name}.secrets.env")
            environment = load_environment(
                workspace.project, environment.name, app.overrides, secrets_of=app.project
            )
        if certificate_is_anothers(environment):
            app.console.warn(
                "worker.certificate is not the stack's: workers on other machines will refuse it",
                f"Put there what this prints: {app.hint('worker certificate')}",
            )
        full = with_secrets(stack, environment)
        fingerprints = full.fingerprints()
        seen, operations = decide(fingerprints)
        warn_of_others(seen, operations)
        if operations:
            lock()
            if not still_in_force():
                raise DataopsError(
                    "A deployment has ended meanwhile: another release is in force",
                    hint="Bring that one up: dataops up",
                    exit_code=ExitCode.LOCKED,
                )
            seen, operations = decide(fingerprints)
        with reporting(app, "Bringing the stack up") as report:
            Execution(
                engine, stack, full.secrets, fingerprints, workspace.inputs, seen.containers, report
            ).up(
                operations,
                wait_until_healthy=asked.wait,
                timeout=asked.timeout or environment.settings.stack.timeout,
            )
    app.console.result(
        {"environment": environment.name, "changes": len(operations), "services": sorted(stack.services)},
        *(str(item) for item in operations),
        f"{environment.name} is up{' and healthy' if asked.wait else ''}: "
        f"{counted(len(stack.services), 'service')}, {counted(len(operations), 'change')}.",
    )
