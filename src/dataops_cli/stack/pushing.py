"""Which images go to the registry: those that are built, as the platform's commit says they are."""

from __future__ import annotations

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.project import Project
from dataops_cli.release import release_of
from dataops_cli.settings.load import Environment
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.environment import load_environment_stack
from dataops_cli.stack.observe import observe


def images_to_push(project: Project, environment: Environment, engine: Engine) -> list[str]:
    """The stack's images that are built and are the registry's, such as our own; one of another name, which is built
    for this machine, would go to a registry of that name. Raises UsageError without a registry; DataopsError (exit 5)
    where no commit says what is in them, and (exit 3) where one is not built."""
    registry = environment.settings.stack.registry
    if not registry:
        raise UsageError(
            f"The environment {environment.name} has no registry (stack.registry is not set)",
            hint='Set it, such as: registry = "registry.example.net/data"',
        )
    require_commit(project, hint="Commit, build, and push again.")
    stack = load_environment_stack(project, environment)
    inputs = {
        image: wanted for image, wanted in build_inputs(stack).items() if image.startswith(f"{registry}/")
    }
    there = observe(engine, stack).inputs or {}
    for image, wanted in inputs.items():
        if there.get(image) != wanted:
            raise DataopsError(
                f"{image} is not built", hint="Build it: dataops build", exit_code=ExitCode.UNAVAILABLE
            )
    return list(inputs)


def require_commit(project: Project, *, hint: str) -> None:
    """Raises DataopsError (exit 5) where no commit says what is in the platform's images."""
    release = release_of(project.root)
    if release is None or release.endswith("-dirty"):
        raise DataopsError(
            "The platform is no git repository, so that no commit says what is in the images"
            if release is None
            else "There are uncommitted changes, so that no commit says what is in the images",
            hint=hint,
            exit_code=ExitCode.REFUSED,
        )
