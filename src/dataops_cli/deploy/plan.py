"""What a deploy or rollback would do, before it does anything."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataops_cli.dbt.session import DbtSession
from dataops_cli.deploy.airflow_schema import change_of
from dataops_cli.deploy.backup_services import airflow_version
from dataops_cli.deploy.changes import AirflowChange, SettingChange, describe, settings_changes
from dataops_cli.deploy.checkout import Checkout
from dataops_cli.deploy.commit import commits_between
from dataops_cli.deploy.conditions import require_same_secrets
from dataops_cli.deploy.converge import planned_containers, planned_images
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.deployment import Request
from dataops_cli.deploy.hooks import has_hook
from dataops_cli.deploy.journal import Kind, current, explain, to_put_right
from dataops_cli.deploy.model_changes import ModelChanges, compare_models
from dataops_cli.deploy.release import Release
from dataops_cli.deploy.resumption import can_go_on
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.environment import missing_secrets
from dataops_cli.stack.reconcile import Operation
from dataops_cli.warehouse.select import open_warehouse

# How the hooks that come before the change are called.
BEFORE = " pre-"
# Commits that are named one by one.
SHOWN = 20


@dataclass(frozen=True)
class Difference:
    """What one release has and another has not. `models` is None where a manifest is not kept."""

    commits: Sequence[str]
    models: ModelChanges | None
    settings: Sequence[SettingChange]
    airflow: AirflowChange | None

    def lines(self) -> list[str]:
        return [*self.commits, *describe(self.models, self.settings, self.airflow)]

    def document(self) -> dict[str, Any]:
        return {
            "commits": list(self.commits),
            "breaking": list(self.models.breaking) if self.models else [],
            "changes": self.lines()[len(self.commits) :],
        }


@dataclass(frozen=True)
class Plan:
    """One deploy or rollback. `first` is what comes before all else, `hooks` and `backup` what comes before the change,
    `data` what becomes of the data."""

    kind: Kind
    environment: str
    release: str
    subject: str
    previous: str | None
    difference: Difference
    images: Sequence[Operation]
    containers: Sequence[Operation]
    data: Sequence[str]
    first: Sequence[str] = ()
    hooks: Sequence[str] = ()
    backup: Sequence[str] = ()

    def lines(self) -> list[str]:
        verb = "deploy" if self.kind is Kind.DEPLOY else "roll back to"
        head = f"{verb} {self.release} ({self.subject}) on {self.environment}, "
        return [
            head + (f"from {self.previous}" if self.previous else "its first release"),
            *self.first,
            *self.difference.lines(),
            *(str(item) for item in self.images),
            *(hook for hook in self.hooks if BEFORE in hook),
            "wait for the pipeline's run, and pause the pipeline",
            *self.backup,
            *([str(item) for item in self.containers] or ["No container changes."]),
            *self.data,
            "check the health; whatever fails is put back",
            *(hook for hook in self.hooks if BEFORE not in hook),
        ]

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "environment": self.environment,
            "release": self.release,
            "previous": self.previous,
            "first": list(self.first),
            **self.difference.document(),
            "images": [str(item) for item in self.images],
            "hooks": list(self.hooks),
            "backup": list(self.backup),
            "containers": [str(item) for item in self.containers],
            "data": list(self.data),
        }


def plan_deploy(site: Site, checkout: Checkout, request: Request) -> Plan:
    """What deploying a commit would do. Changes nothing."""
    previous = current(site.journal.deployments())
    before = site.releases.all().get(previous or "")
    new = checkout.release({})
    manifest = _parsed(checkout.workspace)
    tested = "build all models aside with the new code, and test them there"
    return Plan(
        Kind.DEPLOY,
        site.name,
        new.name,
        new.subject,
        previous,
        _difference(site, before, new, manifest, airflow_version(site.engine, site.project)),
        planned_images(site.engine, checkout.workspace),
        planned_containers(site.engine, checkout.workspace),
        (
            tested if request.test else "build all models aside with the new code, without tests",
            "publish them at once",
        ),
        _first(site, checkout.workspace, Kind.DEPLOY, test=request.test),
        _hooks(checkout.workspace, Kind.DEPLOY),
        _backup(site),
    )


def plan_rollback(site: Site, target: Release, *, rebuild: bool) -> Plan:
    """What going back to a release would do. Changes nothing."""
    previous = current(site.journal.deployments())
    releases = site.releases.all()
    data = Data(site.engine, site.project, "", "plan")
    kept, asked = None, data.is_reachable()
    if asked:
        try:
            kept = data.newest_of(target.name)
        except DataopsError:  # the release that is to be left may be broken
            asked = False
    with site.kept(target.name) as workspace:
        images = planned_images(site.engine, workspace)
        containers = planned_containers(site.engine, workspace)
        first, hooks = _first(site, workspace, Kind.ROLLBACK), _hooks(workspace, Kind.ROLLBACK)
    if kept:
        lines = [f"switch the data back to {kept['run_id']}, built at {kept['built_at']}"]
        lines += ["then build them again with the old code, test them, and publish them"] if rebuild else []
    elif not asked:
        lines = ["switch the data back, where they are kept: dbt's container cannot be asked now"]
    else:
        lines = ["no data of it are kept: build all models aside with the old code, test them, publish them"]
    manifest = site.releases.manifest(target.name)
    return Plan(
        Kind.ROLLBACK,
        site.name,
        target.name,
        target.subject,
        previous,
        _difference(
            site,
            releases.get(previous or ""),
            target,
            json.loads(manifest or b"{}"),
            airflow_version(site.engine, site.project),
        ),
        images,
        containers,
        lines,
        first,
        hooks,
        _backup(site),
    )


def _first(site: Site, workspace: Workspace, kind: Kind, *, test: bool = True) -> list[str]:
    found = None if site.is_being_changed() else to_put_right(site.journal.deployments())
    missing = missing_secrets(workspace.environment, workspace.stack)
    refused = []
    try:
        require_same_secrets(site)
    except DataopsError as error:
        refused = [f"it would be refused: {error.reason}"]
    lines = []
    if found:
        goes_on = can_go_on(site, found, kind, workspace.release, test=test)
        lines = [f"{'go on with' if goes_on else 'put right first'}: {explain(found)}"]
    lines += [f"secrets that have no value yet: {', '.join(missing)}"] if missing else []
    return (
        lines
        + refused
        + [f"a release has no mount of the platform's own files: {item}" for item in workspace.left_out]
    )


def _hooks(workspace: Workspace, kind: Kind) -> list[str]:
    names = {f"pre-{kind}": "", f"post-{kind}": "", "on-failure": " where it fails"}
    found = (name for name in names if has_hook(workspace.project.root, name))
    return [f"run the hook {name}{names[name]}" for name in found]


def _backup(site: Site) -> list[str]:
    return ["back up the databases"] if site.environment.settings.backup.before_deploy else []


def require_compatible(plan: Plan) -> None:
    """Raises DataopsError (exit 5) where readers of gold would miss something."""
    models = plan.difference.models
    if models is None or models.first or not models.breaking:
        return
    command = "dataops deploy --sha" if plan.kind is Kind.DEPLOY else "dataops rollback"
    raise DataopsError(
        f"{plan.release} breaks who reads gold: {models.breaking[0]}",
        hint=f"If they know of it: {command} {plan.release} --allow-breaking. "
        f"All that changes: {command} {plan.release} --plan",
        details=tuple(models.breaking) if len(models.breaking) > 1 else (),
        exit_code=ExitCode.REFUSED,
    )


def compare_releases(site: Site, old: Release, new: Release) -> Difference:
    """What differs between two releases that are kept."""
    manifest = site.releases.manifest(new.name)
    return _difference(site, old, new, json.loads(manifest or b"{}"))


def _difference(
    site: Site,
    before: Release | None,
    new: Release,
    manifest: Mapping[str, Any],
    running: str | None = None,
) -> Difference:
    """`running` is the version of the Airflow that runs: the database has its schema, whatever release is in force."""
    old = json.loads(site.releases.manifest(before.name) or b"{}") if before else None
    known = "nodes" in manifest and (old is None or "nodes" in old)
    return Difference(
        _commits(site, before, new),
        compare_models(old, manifest) if known else None,
        settings_changes(before.settings, new.settings) if before else (),
        change_of(running or (before.airflow if before else ""), new.airflow),
    )


def _commits(site: Site, before: Release | None, new: Release) -> list[str]:
    if before is None or before.sha == new.sha:
        return []
    try:
        found = commits_between(site.own.root, before.sha, new.sha)
    except DataopsError:
        found = None
    if found is None:
        return ["The commits between them are not known to this clone: git fetch"]
    lines = [f"commit {item.short} {item.subject} ({item.author})" for item in found.gained[:SHOWN]]
    lines += [f"left behind: commit {item.short} {item.subject}" for item in found.lost[:SHOWN]]
    more = len(found.gained) + len(found.lost) - len(lines)
    return lines + ([f"and {more} commits more"] if more else [])


def _parsed(workspace: Workspace) -> Mapping[str, Any]:
    """dbt's manifest of a release, for the environment's warehouse. No database is asked."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = workspace.environment.settings
        freshness = settings.freshness
        session = DbtSession(
            project=workspace.project.dbt,
            target=folder / "target",
            logs=folder / "logs",
            environment=open_warehouse(settings, folder / "home").dbt_environment(),
            variables={
                "freshness_warn_after_days": freshness.warn_after_days,
                "freshness_error_after_days": freshness.error_after_days,
            },
        )
        try:
            session.install_packages()
            return dict(json.loads(session.parse().read_text(encoding="utf-8")))
        except DataopsError as error:
            raise DataopsError(
                f"The dbt project of {workspace.release} cannot be read: {error.reason}",
                hint="Mend it and commit; then deploy again. Nothing was changed.",
                exit_code=error.exit_code,
                details=error.details,
            ) from error
        finally:
            session.close()
