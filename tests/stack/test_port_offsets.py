"""The ports of the tests' own stacks."""

from __future__ import annotations

import re

from dataops_cli.stack.environment import PORTS
from support import OWN_PORTS, ROOT


def test_no_connection_gets_a_port_of_a_stack() -> None:
    offsets = {
        int(offset)
        for folder in ("tests", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        for offset in re.findall(r"port_offset ?= ?{?(\d+)", file.read_text())
    }
    assert len(offsets) > 5
    assert max(offsets) + max(PORTS.values()) < OWN_PORTS.start
