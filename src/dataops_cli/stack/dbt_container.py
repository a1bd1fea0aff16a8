"""The CLI in the stack's dbt container, which reaches the database and keeps the runs of all operators."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import read_state
from dataops_cli.processes import CALLER, user_name
from dataops_cli.project import Project
from dataops_cli.release import RELEASE, release_of
from dataops_cli.settings.load import Environment
from dataops_cli.stack import labels
from dataops_cli.stack.bring_back import bring_back, names_in
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.environment import for_a_command, load_environment_stack, require_stack
from dataops_cli.stack.forwarding import TOKEN, Forwarding
from dataops_cli.stack.observe import Container, observe_containers
from dataops_cli.stack.own_package import own_fingerprint
from dataops_cli.stack.run_command import not_running, run_command, running_container
from dataops_cli.stack.selection import only

SERVICE = "dbt"
# The platform's root in the container: see dbt/Dockerfile.
ROOT = "/opt/dataops"
REVISION = "org.opencontainers.image.revision"
# What says how output is to look.
LOOK = ("COLORTERM", "FORCE_COLOR", "NO_COLOR", "TERM")
# What says who reads it: see streams.without_commands.
READER = ("GITHUB_ACTIONS",)
# A run begins with its time, so that names are in order.
RUN = re.compile(r"\d{8}T\d{6}-\d+")


@dataclass(frozen=True)
class DbtContainer:
    """The running container of an environment's service `dbt`."""

    engine: Engine
    container: Container
    project: Project
    environment: Environment

    @property
    def other_version(self) -> bool:
        """Whether the CLI in it is not the one that runs here."""
        return self.container.labels.get(labels.CLI) != own_fingerprint()

    def run(self, arguments: Sequence[str], *, recorded: bool = False) -> int:
        """Run `dataops ARGUMENTS` in it, with our streams or terminal, and signals; returns its exit code.

        `recorded` is for a command that keeps a record, which names the platform's release. A client that is killed leaves the command running to its end. Raises KeyboardInterrupt where our signal
        ended the command before it could say so, DataopsError where something else killed it, and (exit 130) where it
        may go on without us.
        """
        call = Forwarding(self.engine, self.container.id, secrets.token_hex(8))
        variables = self._variables() | {TOKEN: call.token}
        if recorded:
            variables[RELEASE] = self._release() or ""
        try:
            with call.forwarding():
                code = run_command(
                    self.engine, self.container, ["dataops", *arguments], environment=variables
                )
        except KeyboardInterrupt:
            raise DataopsError(
                "Interrupted",
                hint=f"The command in {self.container.name} may go on: dataops runs",
                exit_code=ExitCode.INTERRUPTED,
            ) from None
        except EngineError as error:
            if error.status == 404:
                raise self._killed("its container was taken away") from error
            raise
        if code > ExitCode.INTERRUPTED or code == 129:  # 128 and the number of a signal
            if call.names:
                raise KeyboardInterrupt
            raise self._killed(f"signal {code - 128}")
        return code

    def bring_runs(self) -> list[str]:
        """Copy the runs that are newer than what has been brought before, or of nothing the latest; returns them.

        Those that are not kept any more (runs.keep) are removed here.
        """
        inside = f"{ROOT}/.dataops/{self.environment.name}/runs"
        here = self.project.state(self.environment.name) / "runs"
        found = [name for name in names_in(self.engine, self.container.id, inside) if RUN.fullmatch(name)]
        known = [name for name in found if (here / name).is_dir()]
        brought = [name for name in known if _ended(here / name)]
        begin = brought[-1:] or known[:1] or found[-1:]
        newer = [name for name in found if name >= begin[0] and name not in brought]
        for name in newer:
            bring_back(self.engine, self.container.id, f"{inside}/{name}", here / name)
        kept = sorted(path.name for path in here.glob("*") if RUN.fullmatch(path.name))
        for name in kept[: -self.environment.settings.runs.keep]:
            shutil.rmtree(here / name, ignore_errors=True)
        return newer

    def bring_dbt_target(self) -> None:
        """Copy what dbt wrote into its target folder, such as compiled SQL and manifest.json."""
        folder = self.project.state(self.environment.name) / "scratch" / "target"
        bring_back(
            self.engine,
            self.container.id,
            f"{ROOT}/.dataops/{self.environment.name}/scratch/target",
            folder,
        )

    def _variables(self) -> dict[str, str]:
        return {
            **for_a_command(self.environment),
            **_given(LOOK + READER, os.environ),
            CALLER: f"{user_name()}@{socket.gethostname()}",
        }

    def _release(self) -> str | None:
        """The release that the container is of, where it was deployed. Else the commit of the project in it: ours,
        where it was built from the same files or mounts them; else that of its image, which another commit may have
        made."""
        facts = self.engine.inspect(self.container.id)
        told = dict(item.partition("=")[::2] for item in facts["Config"].get("Env") or [])
        if told.get(RELEASE):
            return str(told[RELEASE])
        mounts = facts.get("Mounts") or []
        stack = only(load_environment_stack(self.project, self.environment), [SERVICE])
        same = self.container.labels.get(labels.INPUTS) in build_inputs(stack).values()
        if same or any(mount["Type"] == "bind" for mount in mounts):
            return release_of(self.project.root)
        built_from = self.container.labels.get(REVISION, "unknown")
        return None if built_from == "unknown" else built_from

    def _killed(self, by: str) -> DataopsError:
        return DataopsError(
            f"The command in {self.container.name} was killed: {by}",
            hint=f"What it left: dataops runs. Where memory ran out, raise mem_limit of service {SERVICE}.",
        )


def dbt_container(engine: Engine, project: Project, environment: Environment) -> DbtContainer:
    """Raises DataopsError (exit 3) where it does not run, or where its image has no CLI."""
    containers = observe_containers(engine, require_stack(environment))
    container = running_container(containers, SERVICE, None)
    if container is None:
        raise not_running(SERVICE, {SERVICE}, f"Start it: dataops up {SERVICE}")
    if labels.CLI not in container.labels:
        raise DataopsError(
            f"The image of {container.name} was built without the CLI, as `docker compose build` does",
            hint=f"Build it with: dataops build {SERVICE}; then: dataops up {SERVICE}",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return DbtContainer(engine, container, project, environment)


def _given(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}


def _ended(run: Path) -> bool:
    """Whether a run is here as it was when it had ended."""
    state = read_state(run / "run.json")
    return state is not None and state.get("status") != "running"
