"""Whether containers run the images that are wanted."""

from __future__ import annotations

from collections.abc import Mapping

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.health.installation import Installation
from dataops_cli.stack.observe import image_of

LATE = "See whether the engine answers: docker info"


def look(subject: Subject) -> Finding:
    installed = subject.installed
    names = {image_of(installed.wanted.stack, name) for name in installed.wanted.stack.services}
    return decide(installed, {name: (installed.engine.image(name) or {}).get("Id") for name in names})


def decide(installed: Installation, images: Mapping[str, str | None]) -> Finding:
    """`images` has the id of each image that is wanted, None where the engine has none of that name."""
    wanted = installed.wanted
    missing = Result.FAIL if wanted.release else Result.WARN
    findings = []
    for name in wanted.stack.services:
        image = image_of(wanted.stack, name)
        for item in installed.of(name):
            if images[image] is None:
                found = f"{item.name} should run {image}, which the engine does not have"
                findings.append(Finding(missing, found, f"dataops up {name}"))
            elif item.image_id != images[image]:
                found = f"{item.name} runs another image than {image}"
                findings.append(Finding(Result.FAIL, found, f"dataops up {name}"))
            else:
                findings.append(Finding(Result.OK, f"{item.name} runs {image}"))
    if not findings:
        return Finding(Result.SKIPPED, "no container is there")
    of = f"those of release {wanted.release}" if wanted.release else "as wanted"
    return combined(findings, f"{len({*images})} images, {of}")
