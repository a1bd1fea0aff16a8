"""Whether the ports that the stack publishes are free, or by whom they are held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, known
from dataops_cli.doctor.listeners import Listener, ephemeral_ports, listeners, process_of
from dataops_cli.stack import labels
from dataops_cli.stack.model import Stack

WORST_FIRST = (Result.FAIL, Result.WARN, Result.OK)


@dataclass(frozen=True)
class Published:
    """A port of the engine's machine that a service asks for."""

    service: str
    address: str
    port: int
    protocol: str

    def __str__(self) -> str:
        kind = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{self.port}{kind} ({self.service})"


def look(case: Case) -> Finding:
    stack, engine = known(case.stack), known(case.engine)
    containers = engine.containers()
    sockets, ephemeral = ([], set()) if engine.remote else (list(listeners()), ephemeral_ports())
    findings = []
    for wanted in published(stack):
        if container := holding_container(wanted, containers):
            findings.append(held_by_container(wanted, stack.name, container, case.name))
        elif socket := holding_socket(wanted, sockets):
            findings.append(held_by_process(wanted, process_of(socket), case.name))
        elif wanted.port in ephemeral:
            findings.append(free_but_ephemeral(wanted, ephemeral, case.name))
        else:
            findings.append(Finding(Result.OK, f"{wanted}: free" + " of containers" * engine.remote))
    return together(findings)


def published(stack: Stack) -> list[Published]:
    """The fixed ports; of a range, or without a number, the engine takes one that is free."""
    return [
        Published(name, port.get("host_ip", ""), int(port["published"]), port.get("protocol", "tcp"))
        for name, service in sorted(stack.services.items())
        for port in service.get("ports", [])
        if port.get("published", "").isdigit()
    ]


def holding_container(wanted: Published, containers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    for container in containers:
        for port in container.get("Ports") or []:
            same = (port.get("PublicPort"), port["Type"]) == (wanted.port, wanted.protocol)
            if same and _overlap(wanted.address, port.get("IP", "")):
                return container
    return None


def holding_socket(wanted: Published, sockets: Iterable[Listener]) -> Listener | None:
    for socket in sockets:
        same = (socket.port, socket.protocol) == (wanted.port, wanted.protocol)
        if same and _overlap(wanted.address, str(socket.address)):
            return socket
    return None


def held_by_container(
    wanted: Published, project: str, container: Mapping[str, Any], environment: str
) -> Finding:
    name = container["Names"][0].removeprefix("/")
    owner = (container.get("Labels") or {}).get(labels.PROJECT)
    if owner == project:
        return Finding(Result.OK, f"{wanted}: this stack's own, {name}")
    of = f"of the project {owner}" if owner else "of no project"
    return Finding(
        Result.FAIL,
        f"{wanted}: held by the container {name} {of}",
        f"Stop it: docker stop {name}; {_move(environment)}",
    )


def held_by_process(wanted: Published, process: tuple[int, str] | None, environment: str) -> Finding:
    """`process` is its id and name, None for one that cannot be seen."""
    if process is None:
        found = f"{wanted}: held by a process that cannot be seen"
        kind = "t" if wanted.protocol == "tcp" else "u"
        look = f"See which it is: sudo ss -ln{kind}p 'sport = :{wanted.port}'"
    else:
        found = f"{wanted}: held by the process {process[1]} (pid {process[0]})"
        look = f"Stop it: kill {process[0]}"
    return Finding(Result.FAIL, found, f"{look}; {_move(environment)}")


def free_but_ephemeral(wanted: Published, ephemeral: Collection[int], environment: str) -> Finding:
    """Free now; it is one of `ephemeral`, which the kernel gives to connections."""
    found = f"{wanted}: free now, but this machine's connections may take it at any time ({min(ephemeral)}-{max(ephemeral)})"
    remedy = f"Keep it for the stack: add it to net.ipv4.ip_local_reserved_ports; {_move(environment)}"
    return Finding(Result.WARN, found, remedy)


def together(findings: Sequence[Finding]) -> Finding:
    """Several as one: the worst result, all that was found, every remedy once."""
    if not findings:
        return Finding(Result.OK, "none published")
    result = next(result for result in WORST_FIRST if any(item.result is result for item in findings))
    remedies = dict.fromkeys(item.remedy for item in findings if item.remedy)
    return Finding(result, "\n".join(item.found for item in findings), "\n".join(remedies))


def _move(environment: str) -> str:
    return f"or move the ports: stack.port_offset in environments/{environment}.toml"


def _overlap(wanted: str, held: str) -> bool:
    one, other = (ip_address(text or "0.0.0.0") for text in (wanted, held))  # noqa: S104
    return one.is_unspecified or other.is_unspecified or one == other
