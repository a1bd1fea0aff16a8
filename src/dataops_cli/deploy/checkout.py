"""What is to be deployed: a commit, or in development the working tree, as a release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dataops_cli.deploy import commit as git
from dataops_cli.deploy.commit import Commit
from dataops_cli.deploy.release import Image, Release
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.source import source_archive
from dataops_cli.deploy.workspace import Workspace, folder
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.processes import user_name
from dataops_cli.project import Project
from dataops_cli.settings.certificates import is_development
from dataops_cli.settings.load import load_environment, load_environments


@dataclass(frozen=True)
class Checkout:
    """A commit's files, ready to become a release. `source` is what brings them back later."""

    commit: Commit
    workspace: Workspace
    source: bytes

    def release(self, images: dict[str, Image]) -> Release:
        """The release, once its images are there."""
        return Release(
            name=self.workspace.release,
            sha=self.commit.sha,
            subject=self.commit.subject,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            created_by=user_name(),
            images=images,
            settings=self.workspace.shown_settings(),
            airflow=self.workspace.airflow,
        )


@contextmanager
def check_out(site: Site, revision: str | None) -> Iterator[Checkout]:
    """The commit that `revision` names, or the one that is checked out.

    In development, a tree with changes that are not committed is taken as it is, under a name that says so. Raises
    DataopsError (exit 5) for such a tree elsewhere, UsageError where there is no such commit.
    """
    root = site.own.root
    found = git.resolve(root, revision or "HEAD")
    dirty = revision is None and git.is_dirty(root)
    if dirty and not is_development(site.name):
        raise DataopsError(
            "The working tree has changes that are not committed",
            hint=f"Commit them, or deploy the commit without them: dataops deploy --sha {found.short}",
            exit_code=ExitCode.REFUSED,
        )
    with folder() as files:
        name = found.short
        if dirty:
            name = f"{found.short}-dirty-{git.export_working_tree(root, files)}"
        else:
            git.export(root, found, files)
        yield Checkout(found, site.workspace(files, name), source_archive(files))


def environment_of_branch(
    project: Project, branch: str | None = None, remedy: str = "Name the environment: --env NAME"
) -> str:
    """The environment to which the commits of a branch go (deploy.branch); by default, of the branch in use.

    Raises UsageError, with `remedy` and the branches that there are, where none, or more than one, says so.
    """
    branch = branch or git.current_branch(project.root)
    environments, _faults = load_environments(project)
    named = {name: item.settings.deploy.branch for name, item in environments.items()}
    found = [name for name, its_branch in named.items() if branch and its_branch == branch]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{its_branch} → {name}" for name, its_branch in named.items() if its_branch)
    raise UsageError(
        f"The branch {branch} is that of {' and '.join(found) or 'no environment'} (deploy.branch)"
        if branch
        else "No branch is checked out, so none says which environment is meant",
        hint=f"{remedy}. Branches: {known or 'none'}",
    )


def renewed(site: Site, checkout: Checkout) -> tuple[Site, Checkout]:
    """Both as they are now that the lock is held: secrets may have been made, and others have changed the stack."""
    site = replace(site, environment=load_environment(site.own, site.name, site.overrides))
    workspace = site.workspace(checkout.workspace.project.root, checkout.workspace.release)
    return site, replace(checkout, workspace=workspace)
