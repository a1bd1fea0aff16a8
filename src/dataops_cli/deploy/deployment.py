"""Deploys and rollbacks: an environment ends on the release asked for, proven healthy, or exactly as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.place import place_of
from dataops_cli.deploy.airflow_schema import QUIET, change_of, prepare
from dataops_cli.deploy.backup import prune as prune_backups
from dataops_cli.deploy.backup_create import create
from dataops_cli.deploy.backup_services import airflow_version
from dataops_cli.deploy.building import build_data
from dataops_cli.deploy.conditions import (
    require_data_in_the_stack,
    require_same_secrets,
    require_secrets,
    require_way_back,
)
from dataops_cli.deploy.converge import bring_containers, bring_images
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.failure import Failure, as_known
from dataops_cli.deploy.gate import Gate
from dataops_cli.deploy.hooks import has_hook, run_deploy_hook
from dataops_cli.deploy.journal import (
    DOCUMENTATION,
    Beginning,
    Deployment,
    Kind,
    Outcome,
    current,
    next_number,
)
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.proof import Proof
from dataops_cli.deploy.release import Image
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.way_back import PATIENCE, reopen
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.load import Environment
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.run_command import running_container


@dataclass(frozen=True)
class Request:
    """What was asked for besides the release. `run_wait` is in seconds."""

    reason: str = ""
    test: bool = True
    way_back: bool = True
    now: bool = False
    run_wait: float = 3600.0


@dataclass(frozen=True)
class Change:
    """One deploy or rollback that is carried out while the stack's lock is held; `check` raises where it is lost.

    A rollback publishes the release's own data again, where a generation of it is kept; else, as in a deploy, they are
    built. `keep` writes the release down; `begun` is called once nothing refuses it any more. `cut_off` is the same change
    where a command that was killed has begun it: it is gone on with.
    """

    site: Site
    kind: Kind
    workspace: Workspace
    request: Request
    check: Callable[[], None]
    keep: Callable[[dict[str, Image], bytes | None], None]
    begun: Callable[[], None] = lambda: None
    cut_off: Deployment | None = None

    @cached_property
    def before(self) -> Environment:
        """The environment as the release in force sets it. Read before anything is changed."""
        return self.site.environment_in_force()

    def carry_out(self) -> Deployment:
        """Raises DataopsError (exit 1) where it failed, saying what the environment is on now; exit 130 where it was
        interrupted."""
        beginning = self._begin()
        steps = Steps(self.site.console, self.site.journal, beginning, self.check)
        if self.cut_off is not None:
            steps.go_on_after(self.cut_off.steps)
        try:
            self.begun()
            generation = self._steps(beginning, steps)
        except BaseException as error:
            raise self._failed(steps, as_known(error)) from error
        self.site.journal.end(beginning, Outcome.SUCCEEDED, generation=generation)
        return self.site.journal.deployments()[0]

    def _begin(self) -> Beginning:
        site, deployments = self.site, self.site.journal.deployments()
        before = current(deployments)
        require_data_in_the_stack(self.workspace.environment)
        require_secrets(site, self.workspace)
        if before and before != self.workspace.release and self.request.way_back:
            require_way_back(site, before)
        if self.cut_off is not None:
            return self.cut_off.beginning
        require_same_secrets(site)
        number = next_number(deployments)
        data = Data(site.engine, site.project, "", f"{number:06d}")
        generation = None
        if data.is_reachable():
            with suppress(DataopsError):  # it is asked for again before anything is published
                generation = data.published()
        return site.journal.begin(
            number,
            self.kind,
            self.workspace.release,
            previous=before,
            generation=generation,
            was_paused=self._was_paused(),
            had_containers=bool(observe_containers(site.engine, site.project)),
            reason=self.request.reason,
            tested=self.request.test,
        )

    def _steps(self, beginning: Beginning, steps: Steps) -> str | None:
        """Returns the generation that is published at the end."""
        site, workspace = self.site, self.workspace
        data = Data(site.engine, site.project, site.caller(beginning), beginning.key)
        if self.cut_off is not None:
            data.end_what_is_left()
            data.abandon()
        with steps.step("images", "Build or pull the images") as step:
            images = bring_images(site.engine, workspace, step.report)
            step.detail = ", ".join(sorted({image.reference for image in images.values()}))
        self._hook(beginning, steps, f"pre-{self.kind}")
        steps.changed = True
        with steps.step("pause", "Pause the pipeline") as step:
            step.detail = self._pause(beginning, step.say)
            self._wait_for_runs(data, step.say)
        beginning = self._prepare_airflow(beginning, steps)
        if beginning.backup is None and "backup" not in steps.done:
            self._back_up(beginning, steps)
        self._prune_backups()
        switched = self._publish_again(data, beginning, steps)
        with steps.step("containers", "Restart the containers that differ") as step:
            changes = bring_containers(site.engine, workspace, step.report, steps.check)
            step.detail = f"{changes} changes"
        manifest = None
        switched = switched or self._publish_again(data, beginning, steps, must_answer=True)
        if switched is None:
            switched = self._build(data, beginning, steps)
            manifest = data.manifest()
        with steps.step("health", "Check the health") as step:
            step.detail = Proof(site.engine, workspace, data).require(switched, step.say, PATIENCE)
        self.check()
        self.keep(images, manifest)
        reopen(site, workspace, beginning, steps)
        self.check()
        return switched

    def _build(self, data: Data, beginning: Beginning, steps: Steps) -> str:
        """All layers. What the same deployment had published before it was cut off stays."""
        if DOCUMENTATION in steps.done:
            # The container, and with it what is known of the run, may have been restarted.
            with suppress(DataopsError):
                if data.published() == beginning.switched_to == data.built:
                    return data.built
        return build_data(
            data,
            steps,
            test=self.request.test,
            before_publishing=lambda: self._note_switch(data, beginning, data.built),
        )

    def _back_up(self, beginning: Beginning, steps: Steps) -> None:
        """Where the settings ask for it, and there is something to back up."""
        if not self.site.environment.settings.backup.before_deploy or not beginning.had_containers:
            return
        with steps.step("backup", "Back up the databases") as step:
            reason = f"before {self.kind} {beginning.number} of {beginning.release}"
            made = create(
                self.site.engine,
                self.site.own,
                self.before,
                reason=reason,
                was_paused=beginning.was_paused,
                report=step.report,
            )
            step.detail = made.id

    def _prune_backups(self) -> None:
        """Now and not at the end: deployments that fail make backups, too."""
        try:
            prune_backups(self.site.state, self.site.environment.settings.backup.keep)
        except DataopsError as error:
            self.site.console.warn(f"Old backups were not cleaned up: {error.reason}", error.hint)

    def _prepare_airflow(self, beginning: Beginning, steps: Steps) -> Beginning:
        """Where the release has another Airflow than the one that runs."""
        if "airflow" in steps.done:
            return beginning
        site = self.site
        before = site.releases.all().get(beginning.previous or "")
        running = airflow_version(site.engine, site.project) or (before.airflow if before else "")
        change = change_of(running, self.workspace.airflow)
        if change is None or not beginning.had_containers:
            return beginning
        with steps.step("airflow", f"Stop Airflow {change.before}, and back up its database") as step:
            beginning = prepare(site, self.before, beginning, change, step.report)
            step.detail = beginning.backup or ""
        return beginning

    def _hook(self, beginning: Beginning, steps: Steps, name: str) -> None:
        if has_hook(self.workspace.project.root, name) and name not in steps.done:
            with steps.step(name, f"Run the hook {name}") as step:
                run_deploy_hook(self.site, self.workspace, beginning, name, step.say)

    def _note_switch(self, data: Data, beginning: Beginning, generation: str) -> None:
        """Write down what consumers read before, now that it is about to change: a run may have published since the
        beginning, and its data are not to be lost on the way back."""
        published = data.published()
        if published in beginning.switches:  # by the same deployment, before it was cut off
            published = beginning.generation
        self.site.journal.found(beginning, generation=published, switched_to=generation)

    def _publish_again(
        self, data: Data, beginning: Beginning, steps: Steps, *, must_answer: bool = False
    ) -> str | None:
        """Of a rollback: publish the newest generation of the release's own; None where none is kept, or where the
        release that is to be left, which may be broken, cannot say."""
        if self.kind is not Kind.ROLLBACK:
            return None
        try:
            kept = data.newest_of(self.workspace.release)
        except DataopsError:
            if must_answer:
                raise
            return None
        if kept is None:
            return None
        with steps.step("publish", "Switch the data back") as step:
            self._note_switch(data, beginning, kept["run_id"])
            data.publish(kept["run_id"])
            step.detail = f"{kept['run_id']}, built at {kept['built_at']}"
        return str(kept["run_id"])

    def _was_paused(self) -> bool | None:
        """None where there is no Airflow yet, or it has no such DAG. Raises DataopsError (exit 3) where it runs and
        cannot be asked."""
        there = observe_containers(self.site.engine, self.site.project)
        if self.before.settings.airflow.url is None and running_container(there, QUIET, None) is None:
            return None
        try:
            return Gate(Airflow(place_of(self.before)), lambda _text: None).is_paused()
        except DataopsError as error:
            if self.request.now:
                return None
            raise DataopsError(
                f"Airflow runs, and cannot be asked whether the pipeline does: {error.reason}",
                hint=f"{error.hint} Or go on, without a pause and whatever runs: --now",
                exit_code=ExitCode.UNAVAILABLE,
                details=error.details,
            ) from error

    def _pause(self, beginning: Beginning, say: Callable[[str], None]) -> str:
        if beginning.was_paused is None:
            return "Airflow is not there, or has no such DAG"
        try:
            gate = Gate(Airflow(place_of(self.before)), say)
            return gate.close(now=self.request.now, timeout=self.request.run_wait)
        except DataopsError as error:
            if self.cut_off is None or error.exit_code == ExitCode.LOCKED:
                raise
            return f"Airflow cannot be asked, as it was cut off while it was changed: {error.reason}"

    def _wait_for_runs(self, data: Data, say: Callable[[str], None]) -> None:
        """A run without Airflow ends before its container is made anew. A rollback waits when it switches the data."""
        if self.request.now or self.kind is not Kind.DEPLOY or not data.is_reachable():
            return
        say("waiting for runs without Airflow")
        try:
            data.wait_for_runs(self.request.run_wait)
        except DataopsError as error:
            if error.exit_code == ExitCode.LOCKED:
                raise

    def _failed(self, steps: Steps, cause: DataopsError) -> DataopsError:
        """The error to end with, after the way back."""
        # What was found out on the way is in the journal.
        beginning = self.site.journal.deployments()[0].beginning
        failure = Failure(self.site, self.workspace, beginning, steps, self.check, cause)
        return failure.leave() if steps.changed and not self.request.way_back else failure.put_back()
