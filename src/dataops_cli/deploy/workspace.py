"""A release's files in a folder for a while, and what they make of the environment: its settings and its stack."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from dataops_cli.deploy.changes import locked_version
from dataops_cli.docker_api import Engine
from dataops_cli.errors import UsageError
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment, load_environment
from dataops_cli.settings.model import is_secret, known_keys
from dataops_cli.stack import labels
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.environment import load_environment_stack
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.observe import image_of, observe_containers
from dataops_cli.stack.own_package import PROTOCOL


@dataclass(frozen=True)
class Workspace:
    """A release's platform, with the settings that it gives the environment and its stack as a release.

    `inputs` has the hash of what each image is built from. `named_again` are images that are there under another
    name, which the stack uses: the release's own name → that name. `left_out` names the mounts of the platform's own
    files that its containers do without, such as `dbt: dbt/models at /opt/dataops/dbt/models`.
    """

    release: str
    project: Project
    environment: Environment
    stack: Stack
    inputs: Mapping[str, str]
    named_again: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()

    @property
    def airflow(self) -> str:
        """Airflow's version; empty where the platform has none."""
        requirements = self.project.root / "airflow" / "requirements.txt"
        pinned = requirements.read_text(encoding="utf-8") if requirements.is_file() else ""
        return locked_version(pinned, "apache-airflow") or ""

    def shown_settings(self) -> dict[str, str]:
        """The settings that are set, by key, without secrets."""
        return {
            key: str(attrgetter(key)(self.environment.settings))
            for key in known_keys()
            if not is_secret(key) and self.environment.history.get(key)
        }


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a release's files."""
    with tempfile.TemporaryDirectory(prefix="dataops-release-") as name:
        yield Path(name) / "platform"


def open_workspace(
    root: Path,
    release: str,
    own: Project,
    name: str,
    options: Mapping[str, tuple[str, Any]],
    profiles: Collection[str] = (),
) -> Workspace:
    """The files in `root` as release `release` of environment `name`, with the secrets of the platform `own`."""
    project = Project(root)
    if name not in project.environment_names():
        raise UsageError(
            f"Release {release} has no environment {name}: no file environments/{name}.toml in it",
            hint=f"Commit the file, or name one of those that it has: {', '.join(project.environment_names()) or 'none'}",
        )
    environment = load_environment(project, name, options, secrets_of=own)
    stack = load_environment_stack(project, environment, profiles, release=release)
    left_out = [
        f"{key}: {Path(mount['source']).relative_to(root)} at {mount['target']}"
        for key, service in stack.services.items()
        for mount in service.get("volumes", ())
        if _is_live_code(mount, root)
    ]
    services = {key: _without_live_code(service, root) for key, service in stack.services.items()}
    disabled = {key: _without_live_code(service, root) for key, service in stack.disabled.items()}
    stack = replace(stack, folder=own.root / "compose", services=services, disabled=disabled)
    return Workspace(release, project, environment, stack, build_inputs(stack), left_out=left_out)


def _without_live_code(service: Service, root: Path) -> Service:
    """A release's containers have its files from their images: what is mounted from the platform, so that an edit is
    live, is left out."""
    if "volumes" not in service:
        return service
    kept = [mount for mount in service["volumes"] if not _is_live_code(mount, root)]
    result: Service = {**service, "volumes": kept}
    return result


def _is_live_code(mount: Mapping[str, Any], root: Path) -> bool:
    return mount["type"] == "bind" and Path(mount["source"]).is_relative_to(root)


def as_many_as_there_are(engine: Engine, workspace: Workspace) -> Workspace:
    """The workspace with as many containers of each service as run now (`up --scale`), where no file says how many."""
    there = [item for item in observe_containers(engine, workspace.stack.name) if not item.one_off]
    services = {}
    for name, service in workspace.stack.services.items():
        # A change that was cut off has left two of one number.
        number = len({item.number for item in there if item.service == name})
        said = "scale" in service or "replicas" in service.get("deploy", {})
        scaled: Service = service if said or number < 2 else {**service, "scale": number}
        services[name] = scaled
    return replace(workspace, stack=replace(workspace.stack, services=services))


def with_images_that_are_there(engine: Engine, workspace: Workspace) -> Workspace:
    """The workspace with what the engine has of its images.

    An image of the release's name is the release's for ever, also when the CLI, which is built into it, is another by
    now; unless this one cannot talk to that any more: then it is built anew. One that a container runs already, built from the same under another release's name, is used as it is: the
    container need not be made anew.
    """
    stack = workspace.stack
    running = [item for item in observe_containers(engine, stack.name) if not item.one_off]
    inputs, names = dict(workspace.inputs), dict[str, str]()
    for image in workspace.inputs:
        there = engine.image(image)
        inputs[image] = _inputs_of(there) or inputs[image]
        using = {name for name in stack.services if image_of(stack, name) == image}
        for container in running:
            found = engine.image(container.image) if container.service in using else None
            same = found is not None and found["Id"] == container.image_id
            if same and container.image != image and _inputs_of(found) == inputs[image]:
                names[image] = container.image
    services = {
        key: _of_image(service, names.get(image_of(stack, key))) for key, service in stack.services.items()
    }
    return replace(
        workspace,
        stack=replace(stack, services=services),
        inputs={names.get(image, image): value for image, value in inputs.items()},
        named_again=names,
    )


def _of_image(service: Service, image: str | None) -> Service:
    result: Service = {**service, "image": image} if image else service
    return result


def _inputs_of(image: Mapping[str, Any] | None) -> str | None:
    """What an image says that it was built from; None where its CLI talks in another way than this one."""
    its_labels = (image or {}).get("Config", {}).get("Labels") or {}
    if labels.CLI in its_labels and its_labels.get(labels.PROTOCOL) != PROTOCOL:
        return None
    return its_labels.get(labels.INPUTS)
