"""`dataops push`: the stack's own images, for other machines."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption

app = typer.Typer(
    add_completion=False, help="Push the images that were built to the registry, by their commit."
)


@command(app)
def push(app: Application, plan: PlanOption = False) -> None:
    """Push the images that were built to the registry, by their commit."""
    from dataops_cli import docker_api
    from dataops_cli.stack.images import push_image
    from dataops_cli.stack.pushing import images_to_push

    engine = docker_api.connect()
    images = images_to_push(app.project, app.environment, engine)
    if not plan:
        with app.console.activity("Pushing images") as rename:
            for image in images:
                rename(f"Pushing {image}")
                push_image(engine, image, lambda line, image=image: app.console.detail(f"{image}: {line}"))  # type: ignore[misc]
    rows = [{"action": "push", "subject": image, "cause": "it was asked for"} for image in images]
    said = [f"push {image}: it was asked for" for image in images]
    app.console.result(
        rows, *(said or ["Nothing to push: no image that is built has stack.registry in its name."])
    )
