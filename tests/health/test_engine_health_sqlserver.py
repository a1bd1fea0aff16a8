"""The check of SQL Server on a T-SQL server over TDS: the stand-in, or what DATAOPS_TEST_SQLSERVER names."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sqlserver.conftest import ADDRESS, TsqlPlatform, new_tsql_platform, tsql_address
from support import free_port

pytestmark = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]

__all__ = ["new_tsql_platform", "tsql_address"]  # fixtures


@pytest.fixture(scope="module")
def platform(
    new_tsql_platform: Callable[[Path], TsqlPlatform],
    tmp_path_factory: pytest.TempPathFactory,
) -> TsqlPlatform:
    return new_tsql_platform(tmp_path_factory.mktemp("tsql") / "platform")


def look(platform: TsqlPlatform, **variables: str) -> tuple[int, dict[str, Any], str]:
    ended = platform.run("health", "--check", "sqlserver", "--json", **variables)
    (found,) = json.loads(ended.stdout)["checks"]
    return ended.returncode, found, ended.stdout + ended.stderr


def test_it_answers_the_reading_login(platform: TsqlPlatform) -> None:
    code, found, _ = look(platform)
    assert code == 0, found
    assert f"{platform.address.host}:{platform.address.port} answers in " in found["found"]
    assert "the database is online" in found["found"]
    assert found["value"] > 0
    assert found["threshold"] == 1000
    assert found["result"] == ("warn" if found["value"] > 1000 else "ok")  # as busy as this machine is


def test_the_password_is_wrong(platform: TsqlPlatform) -> None:
    code, found, output = look(platform, **{"DATAOPS_WAREHOUSE__READER_PASSWORD": "Wrong;1{x"})
    assert (code, found["result"]) == (1, "fail")
    assert f"refused the login {platform.reader_user}" in found["found"]
    assert "dataops secrets list --env dev-tsql" in found["remedy"]
    assert "Wrong" not in output
    assert look(platform)[0] == 0


def test_there_is_no_such_database(platform: TsqlPlatform) -> None:
    code, found, _ = look(platform, DATAOPS_WAREHOUSE__DATABASE="nowhere")
    assert (code, found["result"]) == (1, "fail")
    assert "dataops source grants --env dev-tsql" in found["remedy"]


def test_nothing_listens(platform: TsqlPlatform) -> None:
    port = free_port()
    code, found, _ = look(platform, DATAOPS_WAREHOUSE__SERVER="127.0.0.1", DATAOPS_WAREHOUSE__PORT=str(port))
    assert (code, found["result"]) == (1, "fail")
    assert f"Cannot reach SQL Server at 127.0.0.1:{port}" in found["found"]


def test_it_takes_connections_and_hangs(platform: TsqlPlatform) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begun = time.monotonic()
        code, found, _ = look(
            platform, DATAOPS_WAREHOUSE__SERVER="127.0.0.1", DATAOPS_WAREHOUSE__PORT=str(port)
        )
    assert (code, found["result"]) == (1, "fail")
    assert time.monotonic() - begun < 60
    assert found["seconds"] <= 10
    assert found["remedy"]
