"""What other stacks on an engine need of its images, whose names tell no environment."""

from __future__ import annotations

from dataclasses import dataclass

from dataops_cli.deploy.journal import Journal, to_put_right
from dataops_cli.deploy.release import Releases
from dataops_cli.docker_api import Engine
from dataops_cli.stack import labels
from dataops_cli.stack.state import VOLUME, State


@dataclass(frozen=True)
class Needed:
    """Images that are named so, and all of these releases, by whatever name their images go."""

    images: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()

    def __contains__(self, reference: str) -> bool:
        return reference in self.images or reference.rpartition(":")[2] in self.releases


def needed_by_others(engine: Engine, project: str) -> Needed:
    """What containers of any stack were made from, and what stacks other than `project` keep, or are deploying.

    Makes the container through which their state is read, where it is missing. Raises DataopsError where it cannot be
    read: then it is not known what they need.
    """
    images = {str(item["Image"]) for item in engine.containers()}
    names = set()
    for volume in engine.volumes(f"{labels.VOLUME}={VOLUME}"):
        owner = (volume["Labels"] or {}).get(labels.PROJECT)
        if not owner or owner == project:
            continue
        state = State(engine, owner, volume["Name"])
        releases = Releases(state).all()
        images |= {image.reference for release in releases.values() for image in release.images.values()}
        names |= {*releases}
        if begun := to_put_right(Journal(state).deployments()):
            names.add(begun.beginning.release)
    return Needed(frozenset(images), frozenset(names))
