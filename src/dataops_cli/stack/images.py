"""Getting images: pulled, or built with the engine's classic builder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dataops_cli.docker_api import Engine, EngineError, packed_context, refusal
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack import labels
from dataops_cli.stack.model import Stack
from dataops_cli.stack.own_package import PROTOCOL, files_for, own_fingerprint

OUTPUT_LINES = 20
# The classic builder colours what a step writes to its stderr.
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def pull_image(engine: Engine, reference: str, report: Callable[[str], None]) -> None:
    """Pull an image. Raises DataopsError (exit 3) with the registry's own words where it refuses."""
    reason = f"Cannot pull {reference}"
    hint = f"Check the name and `docker login`, or name a mirror's image in its place; by hand: docker pull {reference}"
    try:
        _follow(engine.pull(reference), reason, hint, ExitCode.UNAVAILABLE, report)
    except EngineError as error:
        if error.status == 0:  # that the engine gave no answer says it better
            raise
        raise DataopsError(f"{reason}: {error.reason}", hint=hint, exit_code=ExitCode.UNAVAILABLE) from error


def push_image(engine: Engine, reference: str, report: Callable[[str], None]) -> None:
    """Push an image. Raises DataopsError (exit 3) with the registry's own words where it refuses."""
    reason = f"Cannot push {reference}"
    hint = f"Check stack.registry and `docker login`; by hand: docker push {reference}"
    try:
        _follow(engine.push(reference), reason, hint, ExitCode.UNAVAILABLE, report)
    except EngineError as error:
        if error.status == 0:
            raise
        raise DataopsError(f"{reason}: {error.reason}", hint=hint, exit_code=ExitCode.UNAVAILABLE) from error


def build_image(
    engine: Engine, stack: Stack, service: str, tag: str, inputs: str, report: Callable[[str], None]
) -> None:
    """Build a service's image. Raises DataopsError with the last lines of the build where it fails.

    `inputs` is the hash of what it is built from, kept on the image.
    """
    build = stack.services[service]["build"]
    dockerfile = build.get("dockerfile", "Dockerfile")
    own = files_for(build)
    context: dict[str, Any] = {"path": build["context"]}
    # What the SDK does not do by itself.
    if own or Path(build["context"], f"{dockerfile}.dockerignore").is_file():
        packed = packed_context(Path(build["context"]), dockerfile, own)
        context = {"fileobj": packed, "custom_context": True}
    options = context | {
        "dockerfile": dockerfile,
        "tag": tag,
        "buildargs": {key: value for key, value in build.get("args", {}).items() if value is not None},
        "target": build.get("target"),
        "labels": build.get("labels", {})
        | {labels.INPUTS: inputs}
        | ({labels.CLI: own_fingerprint(), labels.PROTOCOL: PROTOCOL} if own else {}),
        "network_mode": build.get("network"),
    }
    reason = f"Cannot build {tag} for service {service}"
    hint = "Mend it there, then run the command again: what was built before is not built again."
    try:
        documents = engine.build(**{key: value for key, value in options.items() if value is not None})
        _follow(documents, reason, hint, ExitCode.FAILED, report)
    except EngineError as error:
        if error.status == 0:
            raise
        raise DataopsError(f"{reason}: {error.reason}", hint=hint) from error


def _follow(
    documents: Iterable[dict[str, Any]],
    reason: str,
    hint: str,
    exit_code: ExitCode,
    report: Callable[[str], None],
) -> None:
    output: list[str] = []
    for document in documents:
        if error := document.get("error"):
            if "no space left" in str(error).lower():
                raise refusal(f"{reason}: {error}", 0)
            details = tuple(output[-OUTPUT_LINES:])
            raise DataopsError(f"{reason}: {error}", hint=hint, exit_code=exit_code, details=details)
        text = _ESCAPES.sub("", str(document.get("stream") or document.get("status") or "")).strip()
        if text:
            output.append(text)
            layer, progress = document.get("id", ""), document.get("progress", "")
            report(" ".join(part for part in (layer, text, progress) if part))
