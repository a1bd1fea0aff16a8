"""`dataops snapshot`: what `dataops backup` asks of the embedded warehouse, in the dbt container. It is no command for
people, so no help lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line

if TYPE_CHECKING:
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

app = typer.Typer(add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The backup's id.")]


@command(app)
def take(app: Application, name: Name) -> None:
    """Hold what is published, with its source, in a folder of its own."""
    from dataclasses import asdict

    from dataops_cli.warehouse.backup import take

    taken = take(_warehouse(app), name)
    app.console.result(
        {
            "generation": taken.generation.document() if taken else None,
            "files": [asdict(file) for file in taken.files] if taken else [],
        }
    )


@command(app)
def publish(
    app: Application,
    name: Name,
    generation: Annotated[str, typer.Option(metavar="JSON", help="The generation that it was.")],
) -> None:
    """Publish a snapshot, and make its source the source."""
    import json

    from dataops_cli.warehouse.backup import publish
    from dataops_cli.warehouse.generation import Generation

    warehouse = _warehouse(app)
    before = Generation.from_document(json.loads(generation))
    line = command_line()
    with warehouse.hold(line) as lease:
        after = publish(warehouse, name, before, line, lease)
    app.console.result(after.document())


def _warehouse(app: Application) -> EmbeddedWarehouse:
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

    return EmbeddedWarehouse(app.project.state(app.environment_name))
