"""What is kept of releases: those that can be gone back to, with their images. The data of each is kept by the
pipeline, which publishes it (deploy.keep_releases). Images that another stack on the engine needs stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataops_cli.deploy.journal import Deployment, succeeded
from dataops_cli.deploy.neighbours import Needed, needed_by_others
from dataops_cli.deploy.release import Release
from dataops_cli.deploy.site import Site
from dataops_cli.docker_api import EngineError


@dataclass(frozen=True)
class Doomed:
    """Releases that are to be forgotten, and names that images are to lose."""

    releases: tuple[str, ...]
    images: tuple[str, ...]

    def lines(self) -> list[str]:
        lines = [f"forget release {name}" for name in self.releases]
        return lines + [f"remove image {reference}" for reference in self.images]


def doomed(
    deployments: Sequence[Deployment], releases: Mapping[str, Release], keep: int, elsewhere: Needed
) -> Doomed:
    """All but the last `keep` releases that the environment has been on, the one in force among them.

    Pure. The images of a release that is forgotten, or was never reached, go where no kept one uses them, and nobody
    `elsewhere`.
    """
    kept = set(succeeded(deployments)[:keep])
    used = {image.reference for name in kept & set(releases) for image in releases[name].images.values()}
    used |= {reference for name in kept & set(releases) for reference in _own_names(releases[name], name)}
    gone = [name for name in releases if name not in kept]
    tried = {item.beginning.release for item in deployments} - kept
    some = next(iter(releases.values()), None)
    images = {image.reference for name in gone for image in releases[name].images.values()}
    if some is not None:
        images |= {reference for name in tried for reference in _own_names(some, name)}
    return Doomed(tuple(gone), tuple(sorted(name for name in images - used if name not in elsewhere)))


def _own_names(release: Release, name: str) -> set[str]:
    """The images of a release by their own names, in the repositories that `release` has."""
    return {f"{image.reference.rpartition(':')[0]}:{name}" for image in release.images.values()}


def observe_doomed(site: Site) -> Doomed:
    """As `doomed`, for what there is. Images that are gone already are not among them."""
    found = doomed(
        site.journal.deployments(),
        site.releases.all(),
        site.environment.settings.deploy.keep_releases,
        needed_by_others(site.engine, site.project),
    )
    there = tuple(reference for reference in found.images if site.engine.image(reference))
    return Doomed(found.releases, there)


def prune(site: Site) -> Doomed:
    """Remove what is not kept. An image that a container needs stays until the next time."""
    found = observe_doomed(site)
    removed = []
    for reference in found.images:
        try:
            site.engine.remove_image(reference)
            removed.append(reference)
        except EngineError as error:
            if error.status not in (404, 409):
                raise
    site.releases.forget(list(found.releases))
    return Doomed(found.releases, tuple(removed))
