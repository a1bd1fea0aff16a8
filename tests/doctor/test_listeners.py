"""Who listens: real sockets of real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from dataops_cli.doctor.listeners import Listener, ephemeral_ports, listeners, process_of
from dataops_cli.doctor.ports import Published, holding_socket

HOLD = """\
import socket, sys
held = socket.create_server((sys.argv[1], 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_port_held_by_another_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, "127.0.0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        found = holding_socket(Published("db", "127.0.0.1", port, "tcp"), listeners())
        assert found is not None
        assert (found.address, found.port) == (ip_address("127.0.0.1"), port)
        pid, name = process_of(found) or (0, "")
        assert pid == holder.pid
        assert name == Path(f"/proc/{pid}/comm").read_text().strip() != ""
        assert holding_socket(Published("db", "127.0.0.2", port, "tcp"), listeners()) is None
        assert holding_socket(Published("db", "127.0.0.1", port, "udp"), listeners()) is None
        holder.communicate("")
    assert holding_socket(Published("db", "127.0.0.1", port, "tcp"), listeners()) is None


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, ""), (socket.AF_INET6, "::")])
def test_who_listens_on_all_addresses_is_in_the_way_of_each(family: int, address: str) -> None:
    with socket.socket(family) as held:
        held.bind((address, 0))
        held.listen()
        found = holding_socket(Published("db", "127.0.0.1", held.getsockname()[1], "tcp"), listeners())
        assert found is not None
        assert (process_of(found) or (0, ""))[0] == os.getpid()


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        port = client.getsockname()[1]
        assert holding_socket(Published("", "", port, "tcp"), listeners()) is None
        assert port in ephemeral_ports()


def test_a_process_that_cannot_be_seen(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()  # without `fd`, as another user's is
    (tmp_path / "net").mkdir()
    assert process_of(Listener("tcp", ip_address("127.0.0.1"), 1, "7"), tmp_path) is None
    assert list(listeners(tmp_path)) == []


def test_an_address_of_ipv6(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    row = "   0: {}:1F90 {}:0000 0A 0:0 0:0 0 0 0 42 1"
    one, mapped, other = "0" * 24 + "01000000", "0" * 16 + "FFFF00000100007F", "0" * 32
    (tmp_path / "net" / "tcp6").write_text(
        "\n".join(["head", row.format(one, other), row.format(mapped, other)]) + "\n"
    )
    assert list(listeners(tmp_path)) == [
        Listener("tcp", ip_address("::1"), 8080, "42"),
        Listener("tcp", ip_address("127.0.0.1"), 8080, "42"),
    ]


def test_ports_that_are_reserved_are_given_to_no_connection(tmp_path: Path) -> None:
    assert ephemeral_ports(tmp_path) == set()
    (folder := tmp_path / "sys" / "net" / "ipv4").mkdir(parents=True)
    (folder / "ip_local_port_range").write_text("100\t109\n")
    (folder / "ip_local_reserved_ports").write_text("\n")
    assert ephemeral_ports(tmp_path) == set(range(100, 110))
    (folder / "ip_local_reserved_ports").write_text("80,101,103-105,109-120\n")
    assert ephemeral_ports(tmp_path) == {100, 102, 106, 107, 108}
