"""From Compose files to a Stack: read, interpolate, check, merge, complete. Touches no engine."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.stack.interpolation import InterpolationError, interpolate
from dataops_cli.stack.merge import merge, without
from dataops_cli.stack.model import Stack
from dataops_cli.stack.schema import FILE, Fault, record
from dataops_cli.stack.yaml_source import Source, parse

KINDS = ("networks", "volumes", "secrets")


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
    sources = []
    for path in files:
        source = _read(path)
        values = _interpolated(source, variables, warnings)
        try:
            canonical = record(FILE)(values)
        except Fault as fault:
            raise _refusal(source, fault) from None
        for replaced in source.replaced:
            document = without(document, replaced)
        document = merge(document, canonical)
        sources.append(source)
    folder = files[0].resolve().parent
    project = name or variables.get("COMPOSE_PROJECT_NAME") or document.get("name") or folder.name
    services: dict[str, Any] = {
        key: _completed(key, service, folder, variables)
        for key, service in document.get("services", {}).items()
    }
    active = {
        key: service
        for key, service in services.items()
        if not service.get("profiles") or "*" in profiles or {*service["profiles"]} & {*profiles}
    }
    _check_references(services, active, document, sources)
    used = _resources(document, active, project.lower(), folder)
    return Stack(
        name=project.lower(),
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
            raise source.error(path, str(error), "Set the variable, or mend it; $$ is a dollar.") from None

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


def _completed(key: str, service: dict[str, Any], folder: Path, variables: Mapping[str, str]) -> Any:
    """The defaults, absolute paths and values from the environment."""
    result = {"command": None, "entrypoint": None} | service
    if not service.get("networks"):
        result["networks"] = {"default": None}
    if "build" in service:
        given = {"context": ".", "dockerfile": "Dockerfile"} | service["build"]
        result["build"] = given | {"context": _absolute(folder, given["context"])}
        if "args" in given:
            result["build"]["args"] = _filled(given["args"], variables)
    if "volumes" in service:
        result["volumes"] = [
            item | {"source": _absolute(folder, item["source"])} if item["type"] == "bind" else item
            for item in service["volumes"]
        ]
    if "deploy" in service:
        result["deploy"] = service["deploy"] | {"placement": {}}
    values: dict[str, str | None] = {}
    for path in result.pop("env_file", []):
        values |= _env_file(key, Path(_absolute(folder, path)), variables)
    if values or "environment" in service:
        result["environment"] = values | _filled(service.get("environment", {}), variables)
    return result


def _filled(values: Mapping[str, str | None], variables: Mapping[str, str]) -> dict[str, str | None]:
    return {key: variables.get(key) if value is None else value for key, value in values.items()}


def _env_file(service: str, path: Path, variables: Mapping[str, str]) -> dict[str, str | None]:
    from dotenv import dotenv_values

    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"services.{service}.env_file: cannot read {path}", hint="Put the file there, as UTF-8 text."
        ) from None
    return _filled(dotenv_values(stream=StringIO(content), interpolate=False), variables)


def _absolute(folder: Path, path: str) -> str:
    return os.path.normpath(folder / Path(path).expanduser())


def _check_references(
    services: Mapping[str, Any],
    active: Mapping[str, Any],
    document: Mapping[str, Any],
    sources: Sequence[Source],
) -> None:
    for name, service in active.items():
        if "image" not in service and "build" not in service:
            raise _at(sources, ("services", name), "needs image or build", "Add image: NAME:TAG.")
        for other, how in service.get("depends_on", {}).items():
            if other not in active and how.get("required", True):
                why = "whose profile is not active" if other in services else "which does not exist"
                raise _at(
                    sources,
                    ("services", name, "depends_on", other),
                    f"names a service {why}",
                    f"Services: {', '.join(sorted(services))}",
                )
        for kind, wanted in (
            ("networks", {*service["networks"]} - {"default"}),
            ("secrets", {use["source"] for use in service.get("secrets", [])}),
            ("volumes", {item["source"] for item in service.get("volumes", []) if _is_named(item)}),
        ):
            if missing := sorted(wanted - {*document.get(kind, {})}):
                raise _at(
                    sources,
                    ("services", name, kind),
                    f"names {missing[0]}, which does not exist",
                    f"Declare it under {kind}: at the top level.",
                )
    _refuse_cycles(active, sources)


def _is_named(item: Mapping[str, Any]) -> bool:
    return item["type"] == "volume" and bool(item.get("source"))


def _refuse_cycles(services: Mapping[str, Any], sources: Sequence[Source]) -> None:
    finished: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            cycle = " → ".join((*way[way.index(name) :], name))
            raise _at(
                sources, ("services", name, "depends_on"), f"goes round: {cycle}", "Take one of them out."
            )
        if name not in finished and name in services:
            for other in services[name].get("depends_on", {}):
                visit(other, (*way, name))
            finished.add(name)

    for name in services:
        visit(name, ())


def _resources(
    document: Mapping[str, Any], active: Mapping[str, Any], project: str, folder: Path
) -> dict[str, Any]:
    """The networks, volumes and secrets that active services use, with the names they have on the engine."""
    used = {
        "networks": {key for service in active.values() for key in service["networks"]},
        "volumes": {
            item["source"] for s in active.values() for item in s.get("volumes", []) if _is_named(item)
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
            result[kind][key] = item | {"name": item.get("name", plain)}
            if kind == "networks":
                result[kind][key].setdefault("ipam", {})
            if "file" in item:
                result[kind][key]["file"] = _absolute(folder, item["file"])
    return result


def _at(sources: Iterable[Source], path: tuple[str | int, ...], message: str, hint: str) -> UsageError:
    """An error at the place of the last file that has the path, or what is nearest to it."""
    known = list(sources)
    for length in range(len(path), 0, -1):
        for source in reversed(known):
            if path[:length] in source.lines:
                error = source.error(path[:length], "", "")
                place = error.reason.partition(": ")[0]
                key = ".".join(str(part) for part in path)
                return UsageError(f"{place}: {key} {message}", hint=hint)
    return UsageError(message, hint=hint)
