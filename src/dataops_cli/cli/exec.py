"""`dataops exec`: a command in a container of the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption, Profiles

app = typer.Typer(add_completion=False, help="Run a command in a container of the stack.")


@command(app, context_settings={"allow_interspersed_args": False})
def exec_(
    app: Application,
    service: Annotated[str, typer.Argument(help="The service.")],
    arguments: Annotated[list[str], typer.Argument(metavar="[--] CMD [ARGS]…", help="The command.")],
    user: Annotated[str, typer.Option("--user", "-u", help="As this user (default: the container's).")] = "",
    workdir: Annotated[str | None, typer.Option("--workdir", "-w", help="In this folder.")] = None,
    index: Annotated[int | None, typer.Option(min=1, help="Which of the service's containers.")] = None,
    one_off: Annotated[
        bool, typer.Option("--one-off", help="In a new container without ports, removed afterwards.")
    ] = False,
    profiles: Profiles = None,
    plan: PlanOption = False,
) -> None:
    """Run a command in a container of the stack.

    In a terminal it is interactive; otherwise stdin, stdout and stderr are passed on. Its exit code is ours.
    Options of ours come before SERVICE.
    """
    import shlex

    from dataops_cli import docker_api
    from dataops_cli.errors import UsageError
    from dataops_cli.stack.environment import (
        load_environment_stack,
        refuse_binds,
        require_stack,
        with_secrets,
    )
    from dataops_cli.stack.observe import observe, observe_containers
    from dataops_cli.stack.one_off import refuse_incomplete, run_one_off
    from dataops_cli.stack.run_command import not_running, run_command, running_container
    from dataops_cli.stack.selection import only

    if app.as_json:
        raise UsageError(
            "The command writes its own output, so --json says nothing to it", hint="Leave it out."
        )
    given = arguments[1:] if arguments[0] == "--" else arguments
    if not given:
        raise UsageError("There is no command to run", hint="Usage: dataops exec --help")
    if given is arguments and given[0].startswith("-"):
        raise UsageError(
            f"{given[0]} stands where the command is expected",
            hint="Options of ours come before SERVICE, those of the command after it.",
        )
    if one_off and index:
        raise UsageError("--index names a container, --one-off makes one", hint="Give one of them.")
    if one_off:
        stack = only(load_environment_stack(app.project, app.environment, profiles or ()), [service])
        engine = docker_api.connect()
        refuse_binds(engine, stack)
        refuse_incomplete(stack, service, observe(engine, stack), f"Make it: {app.hint(f'up {service}')}")
        if plan:
            app.console.result([], f"run {shlex.join(given)} in a new container of {service}, then remove it")
            return
        code = run_one_off(
            engine, with_secrets(stack, app.environment), service, given, user=user, workdir=workdir
        )
    else:
        engine = docker_api.connect()
        containers = observe_containers(engine, require_stack(app.environment))
        container = running_container(containers, service, index)
        if container is None:
            stack = load_environment_stack(app.project, app.environment, profiles or ())
            known = {*stack.services, *stack.disabled, *(item.service for item in containers)}
            raise not_running(service, known, f"Start it: {app.hint(f'up {service}')}")
        if plan:
            app.console.result([], f"run {shlex.join(given)} in {container.name}")
            return
        code = run_command(engine, container, given, user=user, workdir=workdir)
    if code:
        raise typer.Exit(code)
