"""Deploys and rollbacks: an environment ends on the release asked for, proven healthy, or exactly as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from functools import cached_property

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.place import place_of
from dataops_cli.deploy.airflow_schema import QUIET, change_of, prepare
from dataops_cli.deploy.backup import prune as prune_backups
from dataops_cli.deploy.backup_create import create
from dataops_cli.deploy.backup_services import airflow_version
from dataops_cli.deploy.conditions import (
    require_data_in_the_stack,
    require_same_secrets,
    require_secrets,
    require_way_back,
)
from dataops_cli.deploy.converge import bring_containers, bring_images
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.gate import Gate
from dataops_cli.deploy.hooks import has_hook, run_hook
from dataops_cli.deploy.journal import (
    Beginning,
    Deployment,
    Kind,
    Outcome,
    current,
    next_number,
    to_put_right,
)
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.proof import Proof
from dataops_cli.deploy.release import Image
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.way_back import PATIENCE, put_back, reopen
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.settings.load import Environment
from dataops_cli.stack.dbt_container import dbt_container
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
    built. `keep` writes the release down; `begun` is called once nothing refuses it any more.
    """

    site: Site
    kind: Kind
    workspace: Workspace
    request: Request
    check: Callable[[], None]
    keep: Callable[[dict[str, Image], bytes | None], None]
    begun: Callable[[], None] = lambda: None

    @cached_property
    def before(self) -> Environment:
        """The environment as the release in force sets it. Read before anything is changed."""
        return self.site.environment_in_force()

    def carry_out(self) -> Deployment:
        """Raises DataopsError (exit 1) where it failed, saying what the environment is on now; exit 130 where it was
        interrupted."""
        deployments = self.site.journal.deployments()
        beginning = self._begin(deployments)
        steps = Steps(self.site.console, self.site.journal, beginning, self.check)
        try:
            self.begun()
            generation = self._steps(beginning, steps)
        except BaseException as error:
            raise self._failed(beginning, steps, error) from error
        self.site.journal.end(beginning, Outcome.SUCCEEDED, generation=generation)
        return self.site.journal.deployments()[0]

    def _begin(self, deployments: list[Deployment]) -> Beginning:
        site, before = self.site, current(deployments)
        require_data_in_the_stack(self.workspace.environment)
        require_secrets(site, self.workspace)
        require_same_secrets(site)
        if before and before != self.workspace.release and self.request.way_back:
            require_way_back(site, before)
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
        with steps.step("images", "Build or pull the images") as step:
            images = bring_images(site.engine, workspace, step.report)
            step.detail = ", ".join(sorted({image.reference for image in images.values()}))
        self._hook(beginning, steps, f"pre-{self.kind}")
        steps.changed = True
        with steps.step("pause", "Pause the pipeline") as step:
            step.detail = self._pause(beginning, step.say)
            self._wait_for_runs(data, step.say)
        beginning = self._prepare_airflow(beginning, steps)
        if beginning.backup is None:
            self._back_up(beginning, steps)
        self._prune_backups()
        switched = self._publish_again(data, beginning, steps)
        with steps.step("containers", "Restart the containers that differ") as step:
            changes = bring_containers(site.engine, workspace, step.report, steps.check)
            step.detail = f"{changes} changes"
        manifest = None
        switched = switched or self._publish_again(data, beginning, steps, must_answer=True)
        if switched is None:
            switched = build_data(
                data,
                steps,
                test=self.request.test,
                before_publishing=lambda: self._note_switch(data, beginning, data.built),
            )
            manifest = data.manifest()
        with steps.step("health", "Check the health") as step:
            step.detail = Proof(site.engine, workspace, data).require(switched, step.say, PATIENCE)
        self.check()
        self.keep(images, manifest)
        reopen(site, workspace, beginning, steps)
        self.check()
        return switched

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
        if has_hook(self.workspace.project.root, name):
            with steps.step(name, f"Run the hook {name}") as step:
                run_deploy_hook(self.site, self.workspace, beginning, name, step.say)

    def _note_switch(self, data: Data, beginning: Beginning, generation: str) -> None:
        """Write down what consumers read before, now that it is about to change: a run may have published since the
        beginning, and its data are not to be lost on the way back."""
        self.site.journal.found(beginning, generation=data.published(), switched_to=generation)

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
        gate = Gate(Airflow(place_of(self.before)), say)
        return gate.close(now=self.request.now, timeout=self.request.run_wait)

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

    def _failed(self, beginning: Beginning, steps: Steps, error: BaseException) -> DataopsError:
        """The error to end with, after the way back."""
        what = f"The {self.kind} of {self.workspace.release}"
        cause = _as_known(error)
        if self._lock_is_lost():  # whoever has it now puts things right
            return _left_in_the_midst(what, cause)
        # What was found out on the way is in the journal.
        beginning = self.site.journal.deployments()[0].beginning
        interrupted = cause.exit_code == ExitCode.INTERRUPTED
        if steps.changed:
            bring_artifacts(self.site)
        if steps.changed and not self.request.way_back:
            self.site.journal.end(beginning, Outcome.BROKEN, cause.reason)
            self._tell_of_failure(beginning)
            return DataopsError(
                f"{what} failed, and was left as it is (--no-rollback): {cause.reason}",
                hint="Look at it, then put it right: dataops repair",
                details=cause.details,
                exit_code=ExitCode.INTERRUPTED if interrupted else ExitCode.FAILED,
            )
        self.site.console.warn(f"{what} failed: {cause.reason}")
        try:
            if steps.changed:
                put_back(self.site, beginning, steps)
        except BaseException as fault:
            if self._lock_is_lost():
                return _left_in_the_midst(what, _as_known(fault))
            self._tell_of_failure(beginning)
            reason = f"{what} failed: {cause.reason}. It could not be put back: {_as_known(fault).reason}"
            return _broken(self.site, beginning, reason, _as_known(fault))
        self.site.journal.end(beginning, Outcome.UNDONE, cause.reason)
        self._tell_of_failure(beginning)
        name = self.site.name
        back = beginning.previous is not None and steps.changed
        on = f"back on {beginning.previous}, and healthy" if back else "as it was"
        return DataopsError(
            f"{what} {'was interrupted' if interrupted else f'failed: {cause.reason}'}. {name} is {on}",
            hint=cause.hint,
            details=cause.details,
            exit_code=ExitCode.INTERRUPTED if interrupted else ExitCode.FAILED,
        )

    def _tell_of_failure(self, beginning: Beginning) -> None:
        """The hook for it, whose own failure is a warning."""
        try:
            run_deploy_hook(
                self.site,
                self.workspace,
                beginning,
                "on-failure",
                lambda line: self.site.console.progress(f"  {line}"),
            )
        except DataopsError as error:
            self.site.console.warn(error.reason, error.hint)

    def _lock_is_lost(self) -> bool:
        try:
            self.check()
        except DataopsError:
            return True
        return False


def run_deploy_hook(
    site: Site, workspace: Workspace, beginning: Beginning, name: str, say: Callable[[str], None]
) -> None:
    """Run a hook of the release's own, where it has one, with what it is about as variables."""
    variables = {
        "DATAOPS_ENV": site.name,
        "DATAOPS_PROJECT_DIR": str(site.own.root),
        "DATAOPS_HOOK_KIND": beginning.kind.value,
        "DATAOPS_HOOK_NUMBER": str(beginning.number),
        "DATAOPS_HOOK_PREVIOUS": beginning.previous or "",
        "DATAOPS_HOOK_REASON": beginning.reason,
        "DATAOPS_HOOK_RELEASE": beginning.release,
        "DATAOPS_HOOK_WHO": beginning.who,
    }
    timeout = workspace.environment.settings.deploy.hook_timeout
    run_hook(workspace.project.root, name, variables, on_line=say, timeout=timeout)


def _as_known(error: BaseException) -> DataopsError:
    """Any end of a step as an error with a remedy."""
    if isinstance(error, DataopsError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return DataopsError("interrupted", hint="Run it again when you want.", exit_code=ExitCode.INTERRUPTED)
    return DataopsError(
        f"unexpected {type(error).__name__}: {error}",
        hint="This is a fault in dataops: please report it with the output of the same command and --debug.",
    )


def _left_in_the_midst(what: str, cause: DataopsError) -> DataopsError:
    return DataopsError(
        f"{what} was left in the midst of it: {cause.reason}",
        hint="Who changes the stack now: dataops lock status. When nobody does, put it right: dataops repair",
        details=cause.details,
        exit_code=cause.exit_code,
    )


def bring_artifacts(site: Site) -> None:
    """The runs' artifacts from dbt's container, such as the compiled SQL that an error names. None is no failure."""
    with suppress(DataopsError):
        dbt_container(site.engine, site.own, site.environment).bring_runs()


def build_data(
    data: Data, steps: Steps, *, test: bool, before_publishing: Callable[[], None] = lambda: None
) -> str:
    """Build all layers aside, test them there and publish them at once. Returns the generation."""
    with closing(data.build(test=test)) as building:
        with steps.step("dbt sources", "Check the sources"):
            next(building)
        for layer in LAYERS:
            with steps.step(f"dbt {layer}", f"Build {'and test ' * test}{layer} aside") as step:
                step.detail = next(building)
    with closing(data.publish_what_was_built()) as publishing:
        with steps.step("publish", "Publish") as step:
            before_publishing()
            next(publishing)
            step.detail = data.built
        with steps.step("documentation", "Write the documentation"):
            next(publishing)
    return data.built


def repair(site: Site, check: Callable[[], None]) -> Deployment | None:
    """Put right what a deployment that was cut off, or could not be put back, has left: the environment ends on the
    release before it; or on the new one, where all had been done but to write down its end. None where nothing is to be
    put right.

    Raises DataopsError (exit 1) where that cannot be done.
    """
    found = to_put_right(site.journal.deployments())
    if found is None:
        return None
    beginning = found.beginning
    if found.lacks_its_end_only and _is_in_force(site, beginning, check):
        site.journal.end(beginning, Outcome.SUCCEEDED, generation=beginning.switched_to)
        return site.journal.deployments()[0]
    steps = Steps(site.console, site.journal, beginning, check, first=len(found.steps))
    try:
        put_back(site, beginning, steps)
    except DataopsError as fault:
        check()  # where it is lost, whoever has it now puts things right
        what = (
            f"{beginning.kind.capitalize()} {beginning.number} of {beginning.release} could not be put back"
        )
        raise _broken(site, beginning, f"{what}: {fault.reason}", fault) from fault
    site.journal.end(beginning, Outcome.UNDONE, found.message or "it was cut off")
    return site.journal.deployments()[0]


def _is_in_force(site: Site, beginning: Beginning, check: Callable[[], None]) -> bool:
    """Whether the environment is on the release of a deployment that lacks its end only, and healthy."""
    data = Data(site.engine, site.project, site.caller(beginning), beginning.key)
    try:
        with site.kept(beginning.release) as workspace:
            bring_containers(site.engine, workspace, lambda _subject, _text: None, check)
            Proof(site.engine, workspace, data).require(beginning.switched_to, lambda _text: None, PATIENCE)
    except DataopsError as error:
        check()  # where it is lost, whoever has it now puts things right
        site.console.warn(f"{beginning.release} was complete, and is not healthy now: {error.reason}")
        return False
    return True


def explain(found: Deployment) -> str:
    """What is known of a deployment that has not come to a good end."""
    beginning = asdict(found.beginning)
    last = found.steps[-1].name if found.steps else "its beginning"
    how = "was cut off" if found.outcome is None else found.outcome
    return (
        "{kind} {number} of {release}, begun {at} by {who} ({where}), ".format(**beginning)
        + f"{how} after: {last}. Before it, the environment was on {found.beginning.previous or 'no release'}"
    )


def _broken(site: Site, beginning: Beginning, reason: str, fault: DataopsError) -> DataopsError:
    site.journal.end(beginning, Outcome.BROKEN, reason)
    by_hand = (
        "By hand: dataops ps, dataops logs; the containers: dataops repair; "
        f"the data: dataops generations publish {beginning.generation or 'RUN'}; "
        "the pipeline: dataops airflow unpause dataops_pipeline"
    )
    interrupted = fault.exit_code == ExitCode.INTERRUPTED
    return DataopsError(
        reason,
        hint=f"Put it right: dataops repair. {by_hand}",
        details=fault.details if interrupted else (fault.hint, *fault.details),
        exit_code=ExitCode.INTERRUPTED if interrupted else ExitCode.FAILED,
    )
