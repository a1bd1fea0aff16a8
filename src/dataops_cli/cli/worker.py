"""`dataops worker`: a worker on another machine than the stack's; and letting any worker finish and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.logs import Follow, Since, Tail, show_logs
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_change import changing_stack
from dataops_cli.cli.stack_options import (
    PlanOption,
    counted,
    document,
    reporting,
    show_plan,
    warn_of_readable_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataops_cli.docker_api import Engine
    from dataops_cli.stack.observe import Container
    from dataops_cli.stack.reconcile import Operation

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Run a worker for a stack on another machine; let workers finish and stop.",
)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[WORKER…]", help="Workers by container (default: all here).")
]


@command(app)
@audited
def up(
    app: Application,
    plan: PlanOption = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest wait, such as 10m (default: stack.timeout).")
    ] = None,
) -> None:
    """Bring a worker up on this machine, for the environment's stack on another, and wait until it takes tasks."""
    from dataops_cli import docker_api
    from dataops_cli.durations import timeout_seconds
    from dataops_cli.stack.build_inputs import build_inputs
    from dataops_cli.stack.environment import refuse_binds
    from dataops_cli.stack.execute import Execution
    from dataops_cli.stack.observe import observe
    from dataops_cli.stack.reconcile import plan_up
    from dataops_cli.stack.workers import load_worker_stack, with_worker_secrets

    limit = timeout_seconds(timeout)
    stack = load_worker_stack(app.project, app.environment)
    full = with_worker_secrets(stack, app.environment)
    warn_of_readable_secrets(app)
    for warning in stack.warnings:
        app.console.warn(warning)
    engine = docker_api.connect()
    refuse_binds(engine, stack)
    inputs, fingerprints = build_inputs(stack), full.fingerprints()
    seen = observe(engine, stack)
    operations = plan_up(stack, seen, secrets=fingerprints, inputs=inputs)
    if plan:
        show_plan(app, operations, "Nothing would change.")
        return
    with changing_stack(app, engine, stack.name) as lock:
        if operations:
            lock()
            seen = observe(engine, stack)
            operations = plan_up(stack, seen, secrets=fingerprints, inputs=inputs)
        with reporting(app, "Bringing the worker up") as report:
            Execution(engine, stack, full.secrets, fingerprints, inputs, seen.containers, report).up(
                operations,
                wait_until_healthy=True,
                timeout=limit or app.environment.settings.stack.timeout,
            )
    app.console.result(
        {"environment": app.environment.name, "changes": len(operations)},
        *(str(item) for item in operations),
        f"The worker takes tasks of {app.environment.name}: {counted(len(operations), 'change')}.",
    )


@command(app)
def ps(app: Application) -> None:
    """List the environment's workers on this machine, with what they work on."""
    from dataops_cli import docker_api
    from dataops_cli.console import table
    from dataops_cli.stack.dbt_container import REVISION
    from dataops_cli.stack.workers import called_tasks, complaint, workers

    engine = docker_api.connect()
    found = []
    for item in workers(engine, app.environment):
        found.append(
            document(item)
            | {
                "commit": item.labels.get(REVISION),
                "tasks": called_tasks(engine, item) if item.running else [],
                "status": item.status,
                "says": (complaint(engine, item) if item.running else "") or None,
            }
        )
    if not found:
        app.console.result([], f"No worker on this machine. Bring one up with: {app.hint('worker up')}")
        return
    rows = [[row["name"], row["status"], row["commit"], ", ".join(row["tasks"])] for row in found]
    said = [f"{row['name']}: {row['says']}" for row in found if row["says"]]
    app.console.result(found, table(["worker", "status", "commit", "works on"], rows), *said)


@command(app)
@audited
def stop(
    app: Application,
    names: Names = None,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Longest wait for the tasks that run, such as 10m.")
    ] = "10m",
    plan: PlanOption = False,
) -> None:
    """Let workers on this machine take no more tasks, finish those that run, and end; the stack's own, too."""
    from dataops_cli import docker_api
    from dataops_cli.durations import timeout_seconds
    from dataops_cli.stack.reconcile import Action, plan_lifecycle
    from dataops_cli.stack.workers import drain

    seconds = timeout_seconds(timeout)
    engine = docker_api.connect()
    chosen = _chosen(app, engine, names)
    operations = plan_lifecycle(Action.STOP, chosen)
    if operations and not plan:
        running = [item.container for item in operations if item.container]
        drain(engine, running, seconds, lambda name, text: app.console.progress(f"{name}: {text}"))
    show_plan(app, operations, "Nothing to stop.")


@command(app)
def logs(app: Application, follow: Follow = False, tail: Tail = None, since: Since = None) -> None:
    """Show what the worker for a stack on another machine wrote. The stack's own: dataops logs dbt"""
    from dataops_cli.stack.workers import worker_project

    show_logs(app, worker_project(app.environment), None, follow=follow, tail=tail, since=since)


@command(app)
@audited
def down(app: Application, plan: PlanOption = False) -> None:
    """Remove the worker for a stack on another machine, once its tasks are done; its volumes stay."""
    from dataops_cli import docker_api
    from dataops_cli.stack import labels
    from dataops_cli.stack.lifecycle import down as take_down
    from dataops_cli.stack.observe import observe_containers
    from dataops_cli.stack.reconcile import plan_down
    from dataops_cli.stack.workers import worker_project

    project = worker_project(app.environment)
    engine = docker_api.connect()

    def decide() -> list[Operation]:
        found = engine.networks(f"{labels.PROJECT}={project}")
        networks = {item["Name"]: item["Labels"] or {} for item in found}
        return plan_down(observe_containers(engine, project), networks, [])

    operations = decide()
    if operations and not plan:
        with changing_stack(app, engine, project) as lock:
            lock()
            operations = decide()
            take_down(engine, operations, lambda subject, text: app.console.detail(f"{subject}: {text}"))
    show_plan(app, operations, "Nothing to remove.")


@command(app)
def certificate(app: Application) -> None:
    """Show the line for worker.certificate, by which workers know the stack. It is no secret."""
    from dataops_cli.errors import DataopsError, ExitCode, UsageError
    from dataops_cli.stack.certificate import as_line, key_and_certificate

    settings = app.environment.settings
    if not settings.worker.host:
        raise UsageError(
            "The certificate is for the name in worker.host, which is not set",
            hint="Set worker.host to the name or address by which workers reach this machine.",
        )
    if not settings.secrets.tls_key:  # an empty one, as CI gives for a secret that it lacks, is none
        raise DataopsError(
            "The certificate is made from secrets.tls_key, which this machine does not have",
            hint="Run it where the stack is. Where the stack is older than the secret: "
            + app.hint("secrets set secrets.tls_key"),
            exit_code=ExitCode.UNAVAILABLE,
        )
    line = as_line(key_and_certificate(settings.secrets.tls_key.get_secret_value(), settings.worker.host)[1])
    app.console.result({"host": settings.worker.host, "certificate": line}, line)


def _chosen(app: Application, engine: Engine, names: Sequence[str] | None) -> list[Container]:
    """The named workers, or all. Raises UsageError for one that is not there."""
    from dataops_cli.errors import UsageError
    from dataops_cli.stack.workers import workers

    found = workers(engine, app.environment)
    known = {item.name: item for item in found}
    for name in names or ():
        if name not in known:
            raise UsageError(f"No worker {name} here", hint=f"Workers: {', '.join(known) or 'none'}")
    return [known[name] for name in dict.fromkeys(names)] if names else found
