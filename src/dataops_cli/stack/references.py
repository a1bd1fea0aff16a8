"""Whether what the services of a stack name is there, and fits together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataops_cli.errors import UsageError
from dataops_cli.stack.yaml_source import Source


def check_references(
    services: Mapping[str, Any],
    active: Mapping[str, Any],
    document: Mapping[str, Any],
    sources: Sequence[Source],
) -> None:
    """Raises UsageError with file and line for a name that stands for nothing, a cycle, or a contradiction."""
    for name, service in active.items():
        if "image" not in service and "build" not in service:
            raise _at(sources, ("services", name), "needs image or build", "Add image: NAME:TAG.")
        for other, how in service.get("depends_on", {}).items():
            if other not in services or (other not in active and how.get("required", True)):
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
            ("volumes", {item["source"] for item in service.get("volumes", []) if is_named(item)}),
        ):
            if missing := sorted(wanted - {*document.get(kind, {})}):
                raise _at(
                    sources,
                    ("services", name, kind),
                    f"names {missing[0]}, which does not exist",
                    f"Declare it under {kind}: at the top level.",
                )
        _refuse_two_limits(name, service, sources)
        _refuse_shared_name(name, active, sources)
    _refuse_cycles(active, sources)
    for name, volume in document.get("volumes", {}).items():
        if volume.get("external") and (rest := sorted({*volume} - {"external", "name"})):
            raise _at(
                sources, ("volumes", name), f"is external and has {rest[0]}", "Take one of the two out."
            )
    for name, secret in document.get("secrets", {}).items():
        if len({*secret} & {"environment", "file"}) != 1:
            raise _at(
                sources, ("secrets", name), "needs either environment or file", "Write: file: ./NAME.txt"
            )


def _refuse_shared_name(name: str, active: Mapping[str, Any], sources: Sequence[Source]) -> None:
    """A container's name of its own is for one container."""
    service = active[name]
    own = service.get("container_name")
    count = service.get("scale", service.get("deploy", {}).get("replicas", 1))
    others = [other for other, item in active.items() if other != name and item.get("container_name") == own]
    if own and (count > 1 or others):
        raise _at(
            sources,
            ("services", name, "container_name"),
            f"is shared by service {others[0]}" if others else f"is one name for {count} containers",
            "Take container_name out: then each gets a name of its own.",
        )


def _refuse_two_limits(name: str, service: Mapping[str, Any], sources: Sequence[Source]) -> None:
    """A limit may be said in two places, but not in two ways."""
    deploy = service.get("deploy", {})
    limits = deploy.get("resources", {}).get("limits")
    for key, there, other in (
        ("scale", deploy.get("replicas", service.get("scale")), "deploy.replicas"),
        ("cpus", (limits or {}).get("cpus"), "deploy.resources.limits.cpus"),
        ("mem_limit", (limits or {}).get("memory"), "deploy.resources.limits.memory"),
    ):
        if key in service and (limits is not None or key == "scale") and service[key] != there:
            raise _at(
                sources, ("services", name, key), f"and {other} differ", "Say it in one of the two places."
            )


def is_named(item: Mapping[str, Any]) -> bool:
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
