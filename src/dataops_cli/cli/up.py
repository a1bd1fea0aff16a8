"""`dataops up`: bring the environment's stack up."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line
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
    from collections.abc import Mapping

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
        int | None, typer.Option(metavar="SECONDS", min=1, help="Longest wait (default: stack.timeout).")
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
    """Bring the environment's stack up, and wait until it is healthy."""
    from dataops_cli import docker_api
    from dataops_cli.settings.load import load_environment
    from dataops_cli.stack.build_inputs import build_inputs
    from dataops_cli.stack.environment import (
        certificate_is_anothers,
        generate_first_secrets,
        load_environment_stack,
        missing_secrets,
        refuse_after_first_start,
        refuse_binds,
        with_secrets,
    )
    from dataops_cli.stack.execute import Execution
    from dataops_cli.stack.lock import changing
    from dataops_cli.stack.observe import observe
    from dataops_cli.stack.reconcile import made_elsewhere, orphans, plan_up
    from dataops_cli.stack.scale import scale as scaled
    from dataops_cli.stack.selection import select

    environment = app.environment
    whole = load_environment_stack(app.project, environment, profiles or ())
    stack = scaled(select(whole, services or ()), scale or ())
    warn_of_readable_secrets(app)
    for warning in stack.warnings:
        app.console.warn(warning)
    engine = docker_api.connect()
    refuse_binds(engine, stack)
    inputs = build_inputs(stack)

    def decide(fingerprints: Mapping[str, str]) -> tuple[Observation, list[Operation]]:
        seen = observe(engine, stack)
        return seen, plan_up(
            stack,
            seen,
            secrets=fingerprints,
            inputs=inputs,
            build=build,
            pull=pull or "",
            force_recreate=force_recreate,
            remove_orphans=remove_orphans,
        )

    def warn_of_others(seen: Observation, operations: list[Operation]) -> None:
        for folder in made_elsewhere(stack, operations):
            app.console.warn(
                f"Containers that this changes were made from the platform in {folder}",
                "If that is another platform, give this one a stack.name and a stack.prefix of its own.",
            )
        if not remove_orphans and (left := orphans(stack, seen)):
            app.console.warn(
                f"Containers of services that are gone: {', '.join(item.name for item in left)}",
                "Remove them with --remove-orphans",
            )

    if plan:
        if keys := missing_secrets(environment, stack):
            refuse_after_first_start(app.project, environment, whole, engine, keys)
            app.console.warn(f"Secrets are missing, which `up` makes: {', '.join(keys)}")
            seen, operations = decide({})
        else:
            seen, operations = decide(with_secrets(stack, environment).fingerprints())
        warn_of_others(seen, operations)
        show_plan(app, operations, "Nothing would change.")
        return
    with changing(engine, stack.name, command_line()) as lock:
        if missing_secrets(environment, stack):
            lock()
            made = generate_first_secrets(app.project, environment, whole, engine)
            app.console.progress(f"Made {', '.join(made)} in environments/{environment.name}.secrets.env")
            environment = load_environment(app.project, environment.name, app.overrides)
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
            seen, operations = decide(fingerprints)
        with reporting(app, "Bringing the stack up") as report:
            Execution(engine, stack, full.secrets, fingerprints, inputs, seen.containers, report).up(
                operations,
                wait_until_healthy=wait,
                timeout=timeout or environment.settings.stack.timeout,
            )
    app.console.result(
        {"environment": environment.name, "changes": len(operations), "services": sorted(stack.services)},
        *(str(item) for item in operations),
        f"{environment.name} is up{' and healthy' if wait else ''}: "
        f"{counted(len(stack.services), 'service')}, {counted(len(operations), 'change')}.",
    )
