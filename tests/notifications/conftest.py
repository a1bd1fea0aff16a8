from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataops_cli.stack.certificate import key_and_certificate
from notifications.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for 127.0.0.1, which vouches for itself."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(b"".join(key_and_certificate("for these tests", "127.0.0.1")))
    return path
