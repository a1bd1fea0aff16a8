"""From Compose files to a Stack: read, interpolate, check, merge, complete. Touches no engine."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.stack.env_file import read_env_file
from dataops_cli.stack.interpolation import InterpolationError, interpolate
from dataops_cli.stack.merge import merge, unique, without
from dataops_cli.stack.model import Stack
from dataops_cli.stack.readers import Fault
from dataops_cli.stack.references import check_references, is_named
from dataops_cli.stack.schema import FILE
from dataops_cli.stack.yaml_source import Source, parse

MEND_VARIABLE = "Set the variable, or mend it; $$ is a dollar."
KINDS = ("networks", "volumes", "secrets")
MOUNTS = ("bind", "tmpfs", "volume")
# Where an empty value, zero or false says something.
WITH_A_BLANK = ("command", "entrypoint", "environment", "init", "scale", "retries")


def load_stack(
    files: Sequence[Path],
    *,
    variables: Mapping[str, str],
    profiles: Collection[str] = (),
    name: str | None = None,
) -> Stack:
    """The stack that the files describe together, a later file over an earlier one.

    `variables` are all that `${…}` may name. Raises UsageError with file, line and key for whatever is
    wrong or not supported, before anything else is done; DataopsError for a file that cannot be read.
    """
    warnings: dict[str, None] = {}
    document: dict[str, Any] = {}
    sources = [_read(path) for path in files]
    folder = files[0].resolve().parent
    project = _project(sources, name or variables.get("COMPOSE_PROJECT_NAME"), folder, variables)
    variables = {**variables, "COMPOSE_PROJECT_NAME": project}
    for source in sources:
        values = _interpolated(source, variables, warnings)
        try:
            canonical = FILE(values)
        except Fault as fault:
            raise _refusal(source, fault) from None
        for replaced in source.replaced:
            document = without(document, replaced)
        document = merge(document, canonical)
    document = unique(document)
    services: dict[str, Any] = {
        key: _completed(key, service, folder, variables, warnings)
        for key, service in document.get("services", {}).items()
    }
    active = {
        key: service
        for key, service in services.items()
        if not service.get("profiles") or "*" in profiles or {*service["profiles"]} & {*profiles}
    }
    check_references(services, active, document, sources)
    used = _resources(document, active, project, folder)
    return Stack(
        name=project,
        folder=folder,
        files=tuple(path.resolve() for path in files),
        services=active,
        disabled={key: service for key, service in services.items() if key not in active},
        warnings=tuple(warnings),
        **used,
    )


def _read(path: Path) -> Source:
    here = Path.cwd()
    resolved = path.resolve()
    shown = str(resolved.relative_to(here) if resolved.is_relative_to(here) else path)
    try:
        return parse(path.read_text(encoding="utf-8"), shown)
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8 text", hint="Save the file as UTF-8.") from None
    except OSError as error:
        raise DataopsError(
            f"Cannot read the Compose file {shown}: {error.strerror}",
            hint="Put it there, or correct the setting stack.files.",
            exit_code=ExitCode.USAGE if isinstance(error, FileNotFoundError) else ExitCode.UNAVAILABLE,
        ) from None


def _project(sources: Sequence[Source], given: str | None, folder: Path, variables: Mapping[str, str]) -> str:
    """The project's name: as given, else the files' last `name`, else the folder's, in letters that Compose takes."""
    wanted = given or folder.name
    for source in () if given else sources:
        if own := source.values.get("name"):
            try:
                wanted = interpolate(str(own), variables, lambda _name: None) or wanted
            except InterpolationError as error:
                raise source.error(("name",), str(error), MEND_VARIABLE) from None
    project = re.sub("[^-_a-z0-9]", "", wanted.lower()).lstrip("_-")
    if not project or (given and given != project):
        raise UsageError(
            f"{wanted!r} can be no name of a Compose project",
            hint="Name it with small letters, digits, - and _: stack.name of the environment, or COMPOSE_PROJECT_NAME.",
        )
    return project


def _interpolated(source: Source, variables: Mapping[str, str], warnings: dict[str, None]) -> dict[str, Any]:
    def unset(variable: str) -> None:
        warnings[f"{source.shown_as}: the variable {variable} is not set; it counts as empty"] = None

    def replace(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {
                key: item if key.startswith("x-") and not path else replace(item, (*path, key))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [replace(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            return interpolate(value, variables, unset)
        except InterpolationError as error:
            raise source.error(path, str(error), MEND_VARIABLE) from None

    return dict(replace(source.values, ()))


def _refusal(source: Source, fault: Fault) -> UsageError:
    from difflib import get_close_matches

    hint = "Mend it there."
    if fault.known:
        last = str(fault.path[-1])
        close = get_close_matches(last, fault.known, n=1)
        hint = (
            f"Did you mean {close[0]}?"
            if close
            else "Take the key out; compose/README.md lists those that work."
        )
    return source.error(fault.path, str(fault), hint)


def _completed(
    key: str, service: dict[str, Any], folder: Path, variables: Mapping[str, str], warnings: dict[str, None]
) -> Any:
    """The defaults, absolute paths and values from the environment."""
    result = {"command": None, "entrypoint": None} | _without_blanks(service)
    if not service.get("networks"):
        result["networks"] = {"default": None}
    if "build" in service:
        given = {"context": ".", "dockerfile": "Dockerfile"} | service["build"]
        result["build"] = given | {"context": _absolute(folder, given["context"])}
        if "args" in given:
            filled = _filled(given["args"], variables)
            result["build"]["args"] = {name: item for name, item in filled.items() if item is not None}
    if "volumes" in result:
        result["volumes"] = [
            _without_blanks(item)
            | ({"source": _absolute(folder, item["source"])} if item["type"] == "bind" else {})
            for item in service["volumes"]
        ]
    if "healthcheck" in service:
        result["healthcheck"] = _without_blanks(service["healthcheck"])
    if "deploy" in service:
        result["deploy"] = {"resources": {}} | service["deploy"] | {"placement": {}}
    values: dict[str, str | None] = {}
    for path in result.pop("env_file", []):
        values |= _env_file(key, Path(_absolute(folder, path)), variables, warnings, values)
    if values or "environment" in service:
        result["environment"] = values | _filled(service.get("environment", {}), variables)
    return result


def _without_blanks(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says no more than nothing would."""
    return {
        key: item
        for key, item in record.items()
        if key in WITH_A_BLANK or item or (item == {} and key in MOUNTS)
    }


def _filled(values: Mapping[str, str | None], variables: Mapping[str, str]) -> dict[str, str | None]:
    return {key: variables.get(key) if value is None else value for key, value in values.items()}


def _env_file(
    service: str,
    path: Path,
    variables: Mapping[str, str],
    warnings: dict[str, None],
    before: Mapping[str, str | None],
) -> dict[str, str]:
    def unset(variable: str) -> None:
        warnings[f"{path}: the variable {variable} is not set; it counts as empty"] = None

    known = {name: value for name, value in before.items() if value is not None}
    try:
        return read_env_file(path, variables, unset, known)
    except UsageError as error:
        raise UsageError(f"services.{service}.env_file: {error.reason}", hint=error.hint) from None


def _absolute(folder: Path, path: str) -> str:
    return path if path.startswith("/") else os.path.normpath(folder / Path(path).expanduser())


def _resources(
    document: Mapping[str, Any], active: Mapping[str, Any], project: str, folder: Path
) -> dict[str, Any]:
    """The networks, volumes and secrets that active services use, with the names they have on the engine."""
    used = {
        "networks": {key for service in active.values() for key in service["networks"]},
        "volumes": {
            item["source"] for s in active.values() for item in s.get("volumes", []) if is_named(item)
        },
        "secrets": {use["source"] for s in active.values() for use in s.get("secrets", [])},
    }
    result: dict[str, Any] = {}
    for kind in KINDS:
        declared = document.get(kind, {})
        if kind == "networks":
            declared = {"default": {}} | declared
        result[kind] = {}
        for key in sorted(used[kind]):
            item = declared[key]
            plain = key if item.get("external") else f"{project}_{key}"
            result[kind][key] = _without_blanks(item) | {"name": item.get("name", plain)}
            if kind == "networks":
                result[kind][key]["ipam"] = _without_blanks(item.get("ipam", {}))
            if "file" in item:
                result[kind][key]["file"] = _absolute(folder, item["file"])
    return result
