"""Which process listens on a port of this machine, and which ports may be taken at any time, from Linux's /proc.

Sources: proc_pid_net(5); ip(7), ip_local_port_range. A process of another user can be seen by its socket only, unless we are root.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

PROC = Path("/proc")
# The state that a socket is in while it holds its port for others: listening, and unconnected.
STATES = {"tcp": "0A", "udp": "07"}


@dataclass(frozen=True)
class Listener:
    """A socket that holds a port."""

    protocol: str
    address: IPv4Address | IPv6Address
    port: int
    inode: str


def listeners(proc: Path = PROC) -> Iterator[Listener]:
    for protocol, state in STATES.items():
        for table in (protocol, f"{protocol}6"):
            try:
                lines = (proc / "net" / table).read_text().splitlines()[1:]
            except OSError:  # no IPv6, or no Linux
                continue
            for line in lines:
                fields = line.split()
                if fields[3] == state:
                    address, _, port = fields[1].partition(":")
                    yield Listener(protocol, _address(address), int(port, 16), fields[9])


def process_of(listener: Listener, proc: Path = PROC) -> tuple[int, str] | None:
    """Its process id and name; None where it cannot be seen."""
    wanted = f"socket:[{listener.inode}]"
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if any(str(entry.readlink()) == wanted for entry in (folder / "fd").iterdir()):
                return int(folder.name), (folder / "comm").read_text().strip()
        except OSError:  # it is another user's, or has ended
            continue
    return None


def ephemeral_ports(proc: Path = PROC) -> set[int]:
    """The ports of which the kernel gives each connection to elsewhere one for as long as it lasts."""
    folder = proc / "sys" / "net" / "ipv4"
    try:
        first, last = map(int, (folder / "ip_local_port_range").read_text().split())
        reserved = (folder / "ip_local_reserved_ports").read_text().strip()
    except OSError:  # no Linux
        return set()
    kept = (part.partition("-") for part in reserved.split(",") if part)
    return set(range(first, last + 1)).difference(*(range(int(a), int(b or a) + 1) for a, _, b in kept))


def _address(text: str) -> IPv4Address | IPv6Address:
    """The kernel writes an address as words of four bytes, each in the order of a little-endian machine."""
    raw = bytes.fromhex(text)
    address = ip_address(b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4)))
    return getattr(address, "ipv4_mapped", None) or address
