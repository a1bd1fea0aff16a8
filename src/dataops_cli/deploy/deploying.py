"""`deploy`, `rollback` and `repair` from the lock to the clean-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from dataops_cli.deploy.building import bring_artifacts, build_data
from dataops_cli.deploy.checkout import Checkout, renewed
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.deployment import Change, Request
from dataops_cli.deploy.hooks import run_deploy_hook
from dataops_cli.deploy.journal import (
    Deployment,
    Kind,
    Outcome,
    current,
    explain,
    release_before,
    succeeded,
    to_put_right,
)
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.release import Image, Release, find
from dataops_cli.deploy.retention import prune
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.telling import carry_out_and_tell, repair_and_tell
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.environment import generate_first_secrets, missing_secrets
from dataops_cli.stack.lock import StackLease, changing


@contextmanager
def alone(
    site: Site,
    command: str,
    *,
    reason: str = "",
    wait: float = 0,
    give_up: bool = False,
    goes_on: Callable[[Deployment], bool] = lambda _found: False,
) -> Iterator[tuple[Site, StackLease]]:
    """The lock of the stack, held while the block runs. What an earlier deployment has left is put right first, but for
    one that the block `goes_on` with; to `give_up` is to write down that it stays as it is, where that can never succeed.

    Yields the site to write to while the lock is held.

    Raises DataopsError (exit 4) where somebody else holds it for longer than `wait` seconds.
    """
    console = site.console
    with changing(
        site.engine,
        site.project,
        command,
        reason=reason,
        wait=wait,
        on_wait=lambda holder: console.progress(f"Waiting for {holder}"),
        on_takeover=lambda holder: console.warn(f"Took over the lock of {holder}, which has ended"),
    ) as lock:
        lease = lock()
        site = site.held(lease.check)
        try:
            found = to_put_right(site.journal.deployments())
            if found and give_up and not found.lacks_its_end_only:
                site.journal.end(found.beginning, Outcome.LEFT, found.message or "it was cut off")
            elif found and goes_on(found):
                console.warn(f"{explain(found)}. It goes on where it stopped")
            elif found:
                console.warn(f"{explain(found)}. It is put right first")
                repair_and_tell(site, found, lease.check)
            _let_go(site)
            yield site, lease
        finally:
            site.state.shut()


def _let_go(site: Site) -> None:
    """End what a rollback that was killed while it built the data again has left: nobody waits for it."""
    last = next(iter(site.journal.deployments()), None)
    if last is None or last.beginning.kind is not Kind.ROLLBACK:
        return
    data = Data(site.engine, site.project, site.caller(last.beginning), f"{last.beginning.key}-again")
    if data.is_reachable():
        data.end_what_is_left()
        data.abandon()


def deploy(site: Site, checkout: Checkout, request: Request, lease: StackLease) -> Deployment:
    """Take a commit to the environment, or go on with a deploy of it that was cut off. Raises DataopsError (exit 1) where that failed, after the way back."""
    if missing := missing_secrets(site.environment, checkout.workspace.stack):
        generate_first_secrets(site.own, site.environment, checkout.workspace.stack, site.engine)
        site.console.progress(f"Made {', '.join(missing)} in environments/{site.name}.secrets.env")
    site, checkout = renewed(site, checkout)

    def keep(images: Mapping[str, Image], manifest: bytes | None) -> None:
        site.releases.keep(checkout.release(dict(images)), checkout.source, manifest or b"{}")

    cut_off = to_put_right(site.journal.deployments())
    change = Change(site, Kind.DEPLOY, checkout.workspace, request, lease.check, keep, cut_off=cut_off)
    done = carry_out_and_tell(site, change)
    _prune(site, lease)
    _after(site, checkout.workspace, done)
    return done


def target_of_rollback(site: Site, asked: str | None) -> Release:
    """The release that a rollback goes to. Raises DataopsError (exit 5), with the candidates, where there is none."""
    deployments = site.journal.deployments()
    now = current(deployments)
    releases = site.releases.all()
    targets = [name for name in succeeded(deployments) if name != now and name in releases]
    if now is None:
        raise DataopsError(
            f"{site.name} has no release yet, so there is none to go back to",
            hint="Deploy one: dataops deploy",
            exit_code=ExitCode.REFUSED,
        )
    if asked in (None, "previous"):
        before = release_before(deployments)
        if deployments[0].was_cut_off_while_it_built_again:
            raise DataopsError(
                f"{site.name} is on {now} already, by a rollback that was cut off while it built the data again. "
                f"Before {now} there was {before or 'nothing'}",
                hint=f"Build the data with {now}: dataops run; "
                + (
                    f"or go further back: dataops rollback {before}" if before else "or deploy another commit"
                ),
                exit_code=ExitCode.REFUSED,
            )
        if before not in targets:
            named = f"Name the one that you want: dataops rollback {targets[0]}" if targets else ""
            raise DataopsError(
                f"{site.name} has no release before {now}, or it is not kept",
                hint=named or "All that is known: dataops releases",
                exit_code=ExitCode.REFUSED,
            )
        return releases[str(before)]
    found = find(releases, as_sha(site, str(asked), releases), targets)
    if found.name == now:
        raise DataopsError(
            f"{site.name} is on {now} already",
            hint=f"Releases to go back to: {', '.join(targets) or 'none'}",
            exit_code=ExitCode.REFUSED,
        )
    return found


def asks_for_the_way_back(site: Site, asked: str | None) -> Deployment | None:
    """The deployment that was cut off or could not be put back, where a rollback from it is asked for: to the release
    that the environment was on before it. To put it right is all that is to be done."""
    deployments = site.journal.deployments()
    found = to_put_right(deployments)
    if found is None or found.lacks_its_end_only or site.is_being_changed():
        return None
    if asked in (None, "previous"):
        return found
    releases = site.releases.all()
    targets = [name for name in succeeded(deployments) if name in releases]
    meant = find(releases, as_sha(site, str(asked), releases), targets)
    return found if meant.name == found.beginning.previous else None


def rollback(site: Site, target: Release, request: Request, lease: StackLease) -> Deployment:
    """Bring an earlier release back, code and data. Raises DataopsError (exit 1) where that failed, after the way
    back."""
    with site.kept(target.name) as workspace:

        def keep(images: Mapping[str, Image], manifest: bytes | None) -> None:
            if images != target.images or manifest:  # they were built again
                old = site.releases.manifest(target.name) or b"{}"
                source = site.releases.source(target.name)
                site.releases.keep(replace(target, images=dict(images)), source, manifest or old)

        cut_off = to_put_right(site.journal.deployments())
        change = Change(site, Kind.ROLLBACK, workspace, request, lease.check, keep, cut_off=cut_off)
        done = carry_out_and_tell(site, change)
        _prune(site, lease)
        _after(site, workspace, done)
    return done


def rebuild(site: Site, done: Deployment, lease: StackLease) -> str | None:
    """Build the data again with the release's code, from today's source, and publish it when it passes.

    Returns the generation; None where it failed, which is told, and what was published before stays.
    """
    beginning = done.beginning
    data = Data(site.engine, site.project, site.caller(beginning), f"{beginning.key}-again")
    steps = Steps(site.console, site.journal, beginning, lease.check, after_the_end=True)
    site.journal.build_again(beginning)
    try:
        return build_data(data, steps, test=True)
    except KeyboardInterrupt:
        raise DataopsError(
            f"Interrupted: {site.name} is on {beginning.release}, and healthy; its data were not built again",
            hint="Build them when you want: dataops run",
            exit_code=ExitCode.INTERRUPTED,
        ) from None
    except DataopsError as error:
        lease.check()  # where it is lost, whoever has it now has ended the build
        bring_artifacts(site)
        site.console.warn(
            f"The data stay those of {done.generation}: they could not be built again: {error.reason}",
            error.hint,
        )
        for line in error.details:
            site.console.progress(f"  {line}")
        return None


def as_sha(site: Site, asked: str, releases: Mapping[str, Release]) -> str:
    """A tag or branch as the SHA that it names, where this machine's git knows it."""
    from dataops_cli.deploy.commit import resolve

    if any(asked == name or (len(asked) >= 4 and name.startswith(asked)) for name in releases):
        return asked
    try:
        return resolve(site.own.root, asked).sha
    except DataopsError:
        return asked


def _after(site: Site, workspace: Workspace, done: Deployment) -> None:
    """The hook for it. Raises DataopsError (exit 1) where it fails; the deployment stays."""
    name = f"post-{done.beginning.kind}"
    try:
        run_deploy_hook(
            site, workspace, done.beginning, name, lambda line: site.console.progress(f"  {line}")
        )
    except DataopsError as error:
        raise DataopsError(
            f"{site.name} is on {done.beginning.release}, and healthy, but: {error.reason}",
            hint=error.hint,
            details=error.details,
        ) from error


def _prune(site: Site, lease: StackLease) -> None:
    """A clean-up that fails is told, and fails nothing."""
    try:
        lease.check()
        prune(site)
    except DataopsError as error:
        site.console.warn(f"Old releases were not cleaned up: {error.reason}", error.hint)
