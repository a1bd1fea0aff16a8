"""An environment on its engine, as deployments see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.place import place_of
from dataops_cli.console import Console
from dataops_cli.deploy.gate import Gate
from dataops_cli.deploy.journal import Beginning, Journal, current
from dataops_cli.deploy.release import Releases
from dataops_cli.deploy.source import unpack_source
from dataops_cli.deploy.workspace import (
    Workspace,
    as_many_as_there_are,
    folder,
    open_workspace,
    with_images_that_are_there,
)
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.environment import load_environment_stack, require_stack
from dataops_cli.stack.fence import Fence
from dataops_cli.stack.lock import held_by
from dataops_cli.stack.lock_holder import Liveness
from dataops_cli.stack.state import State, state_of


@dataclass(frozen=True)
class Site:
    """One environment on its engine. `own` is the operator's platform, whose secrets are used; `overrides` are
    settings given as options; behind `fence` writes who holds the lock of the stack."""

    engine: Engine
    own: Project
    environment: Environment
    console: Console
    overrides: Mapping[str, tuple[str, Any]]
    fence: Fence | None = None

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def project(self) -> str:
        """The name of the Compose project."""
        return require_stack(self.environment)

    def caller(self, beginning: Beginning) -> str:
        """By whom the warehouse is said to be used during a deployment; the same for whoever puts it right."""
        return f"{beginning.kind} {beginning.number} of {beginning.who}"

    def is_being_changed(self) -> bool:
        """Whether a command that lives holds the lock of the stack."""
        holder = held_by(self.engine, self.project)
        return holder is not None and holder.liveness is Liveness.ALIVE

    @cached_property
    def state(self) -> State:
        return replace(state_of(self.engine, self.environment), fence=self.fence)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.state)

    @cached_property
    def releases(self) -> Releases:
        return Releases(self.state)

    def held(self, check: Callable[[], None]) -> Site:
        """The same for who has just taken the stack's lock; `check` raises where it is lost."""
        return replace(self, fence=self.state.behind(self.journal.last_fence(), check).fence)

    def gate(self, environment: Environment, report: Callable[[str], None]) -> Gate | None:
        """The pipeline's DAG; None where the Airflow of the environment cannot be signed in to yet."""
        try:
            return Gate(Airflow(place_of(environment)), report)
        except DataopsError:
            return None

    def workspace(self, root: Path, release: str) -> Workspace:
        """A release whose files are in `root`, with the images that the engine has of it.

        Raises DataopsError (exit 5) where its files give the stack another name: it would be another stack.
        """
        found = open_workspace(root, release, self.own, self.name, self.overrides)
        if found.stack.name != self.project:
            raise DataopsError(
                f"Release {release} calls the stack {found.stack.name}, which is {self.project} here (stack.name)",
                hint="Deploy it as that stack from a clone that is on this commit, or give the stack its name back.",
                exit_code=ExitCode.REFUSED,
            )
        return with_images_that_are_there(self.engine, as_many_as_there_are(self.engine, found))

    def as_up_makes_it(self) -> Workspace:
        """The stack of the operator's own files, which `dataops up` brings up where there is no release yet, with the
        images that are there."""
        stack = load_environment_stack(self.own, self.environment)
        found = Workspace("", self.own, self.environment, stack, build_inputs(stack))
        return with_images_that_are_there(self.engine, as_many_as_there_are(self.engine, found))

    @contextmanager
    def in_force(self, profiles: Collection[str] = ()) -> Iterator[Workspace]:
        """The release in force; where there is none, the operator's own files. The profiles are activated besides."""
        name = current(self.journal.deployments())
        if name is None:
            stack = load_environment_stack(self.own, self.environment, profiles)
            yield Workspace("", self.own, self.environment, stack, build_inputs(stack))
        else:
            with folder() as root:
                unpack_source(self.releases.source(name), root)
                found = open_workspace(root, name, self.own, self.name, self.overrides, profiles)
                yield with_images_that_are_there(self.engine, found)

    def environment_in_force(self) -> Environment:
        """The environment as the release in force sets it, which may be another than the operator's own files do."""
        with self.in_force() as workspace:
            return workspace.environment

    @contextmanager
    def kept(self, release: str) -> Iterator[Workspace]:
        """A release that is kept on the engine. Raises DataopsError (exit 3) where its files are gone."""
        source = self.releases.source(release)
        with folder() as root:
            unpack_source(source, root)
            yield self.workspace(root, release)
