"""Gather an environment's facts side by side: what is slow or away costs its own part only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dataops_cli import docker_api
from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.place import place_of
from dataops_cli.console import Console
from dataops_cli.deploy.journal import current
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError, fault_of_ours
from dataops_cli.facts.asking import ask_container
from dataops_cli.facts.data import Data, read_data
from dataops_cli.facts.model import Deployments, Facts, Lacking, Lock, Pipeline
from dataops_cli.health.installation import Installation, Wanted
from dataops_cli.project import Project
from dataops_cli.release import release_of
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Runner, Settings
from dataops_cli.stack.lock import held_by
from dataops_cli.stack.observe import observe_containers
from dataops_cli.threads import in_thread

# Seconds that a part may take; those of the data include the start of a Python in dbt's container.
DEADLINE, DATA_DEADLINE = 8.0, 20.0
# Runs of the DAG that are asked for.
RUNS = 5
ENGINE_AWAY = "the engine is not reachable"


@dataclass(frozen=True)
class _Asked:
    """Something being asked for, until `deadline` seconds after `begun`."""

    future: Future[Any]
    begun: float
    deadline: float = DEADLINE

    def answer(self) -> Any:
        """What came of it, or Lacking."""
        try:
            return self.future.result(max(0.0, self.begun + self.deadline - time.monotonic()))
        except TimeoutError:
            return Lacking(f"no answer within {self.deadline:g} s", "Look closer: dataops health")
        except DataopsError as error:
            return Lacking(error.reason, error.hint)
        except OSError as error:
            return Lacking(str(error), "Look closer: dataops health")
        except Exception as error:  # the other parts are worth as much as before
            fault = fault_of_ours(error)
            return Lacking(fault.reason, fault.hint)


def gather(
    project: Project, environment: Environment, console: Console, overrides: Mapping[str, tuple[str, Any]]
) -> Facts:
    """`overrides` are settings given as options. Raises nothing that a user can meet: what cannot be had says why."""
    settings, begun = environment.settings, time.monotonic()

    def ask(call: Callable[[], Any], name: str, deadline: float = DEADLINE) -> _Asked:
        return _Asked(in_thread(call, name), begun, deadline)

    connecting = ask(docker_api.connect, "engine") if settings.stack.enabled else None

    def on_engine(call: Callable[[Site], Any]) -> Callable[[], Any]:
        assert connecting is not None  # noqa: S101 (asked where there is a stack)
        return lambda: call(Site(connecting.future.result(), project, environment, console, overrides))

    there: dict[str, _Asked] = {}
    here: dict[str, _Asked] = {}
    if connecting:
        there["stack"] = ask(on_engine(_installation), "containers")
        there["deployments"] = ask(on_engine(_deployments), "deployments")
        there["lock"] = ask(on_engine(_lock), "lock")
    if settings.dbt.runner is Runner.PROCESS:
        home = project.state(environment.name)
        here["data"] = ask(lambda: read_data(settings, home), "data", DATA_DEADLINE)
    else:
        there["data"] = ask(on_engine(_data), "data", DATA_DEADLINE)
    if has_pipeline(settings):
        here["pipeline"] = ask(lambda: _pipeline(environment), "pipeline")
    release = None if connecting else release_of(project.root)

    connected = connecting.answer() if connecting else None
    is_away = isinstance(connected, Lacking)
    found = {name: Lacking(ENGINE_AWAY) if is_away else item.answer() for name, item in there.items()}
    found |= {name: item.answer() for name, item in here.items()}
    engine = connected if connected is None or is_away else docker_api.engine_place()
    return Facts(environment, datetime.now(UTC), release=release, engine=engine, **found)


def has_pipeline(settings: Settings) -> bool:
    """Whether Airflow has to do with the environment's runs."""
    is_there = settings.stack.enabled or settings.airflow.url is not None
    return settings.dbt.runner is Runner.AIRFLOW or (is_there and settings.airflow.schedule is not None)


def _installation(site: Site) -> Installation:
    containers = observe_containers(site.engine, site.project)
    with site.in_force() as workspace:
        return Installation(site.engine, Wanted(workspace.stack, workspace.release), containers)


def _deployments(site: Site) -> Deployments:
    everything = site.journal.deployments()
    name = current(everything)
    return Deployments(everything, site.releases.all().get(name) if name else None)


def _lock(site: Site) -> Lock:
    return Lock(held_by(site.engine, site.project))


def _data(site: Site) -> Data:
    return ask_container(site.engine, site.own, site.environment)


def _pipeline(environment: Environment) -> Pipeline:
    api = Airflow(place_of(environment)).impatient()
    return Pipeline(api.dag(PIPELINE), api.runs(PIPELINE, limit=RUNS))
