"""A restore through the real driver: its messages are read to the end, its errors understood, Ctrl-C cancels it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.warehouse.sqlserver import watched
from dataops_cli.warehouse.sqlserver.connection import Server
from dataops_cli.warehouse.sqlserver.restore import Restored, restore
from sqlserver.scripted import INT, NVARCHAR, Reply, ScriptedServer, done, result
from sqlserver.settings import settings
from tsql_server import tokens

NAME = "AdventureWorks2014"


@contextlib.contextmanager
def placed() -> Iterator[str]:
    yield "/b/it's.bak"


def restored(server: ScriptedServer) -> Restored | None:
    chosen = settings(server="127.0.0.1", port=server.port, trust_server_certificate=True)
    return restore(Server(chosen), placed, [("Sales", "Customer")], force=False)


class Script:
    """A server without the database, which answers RESTORE DATABASE with `answer`."""

    def __init__(self, answer: Reply) -> None:
        self.answer = answer
        self.states: list[str] = []
        self.restoring = threading.Event()

    def __call__(self, sql: str) -> Reply:
        if "ProductMajorVersion" in sql:
            return Reply(result([("e", INT), ("v", INT)], [[2, 16]]))
        if "EngineEdition" in sql:
            return Reply(result([("e", INT), ("d", NVARCHAR), ("l", NVARCHAR)], [[2, "/data/", "/log/"]]))
        if "sp_getapplock" in sql:
            return Reply(result([("", INT)], [[0]]))
        if "sys.databases" in sql:
            rows = [[self.states.pop(0), "MULTI_USER"]] if self.states else []
            return Reply(result([("s", NVARCHAR), ("a", NVARCHAR)], rows))
        if "sys.tables" in sql:
            return Reply(result([("s", NVARCHAR), ("t", NVARCHAR)], [["Sales", "Customer"]]))
        if "@@SPID" in sql:
            return Reply(result([("", INT)], [[51]]))
        if "percent_complete" in sql:
            return Reply(result([("p", INT)], []))
        if sql.startswith("RESTORE FILELISTONLY"):
            columns = [
                ("LogicalName", NVARCHAR),
                ("PhysicalName", NVARCHAR),
                ("Type", NVARCHAR),
                ("Group", NVARCHAR),
                ("Size", INT),
            ]
            return Reply(
                result(
                    columns,
                    [["Data", "x", "D", "PRIMARY", 1], ["Log", "x", "L", "", 1]],
                )
            )
        if sql.startswith("RESTORE DATABASE"):
            self.states = ["RESTORING"]
            self.restoring.set()
            return self.answer
        return Reply(done())


def test_every_message_is_read_before_the_restore_is_over() -> None:
    messages = [tokens.info(3211, f"{percent} percent processed.") for percent in range(5, 105, 5)]
    end = tokens.info(3014, "RESTORE DATABASE successfully processed 24336 pages.")
    with ScriptedServer(Script(Reply(b"".join(messages) + end + done()))) as server:
        found = restored(server)
    assert found is not None
    assert [move.target for move in found.files] == [f"/data/{NAME}.mdf", f"/log/{NAME}_log.ldf"]
    changes = [sql for sql in server.batches if sql.startswith(("RESTORE", "ALTER", "DROP"))]
    assert changes == [
        "RESTORE FILELISTONLY FROM DISK = N'/b/it''s.bak'",
        f"RESTORE DATABASE [{NAME}] FROM DISK = N'/b/it''s.bak' WITH\n"
        f"    MOVE N'Data' TO N'/data/{NAME}.mdf',\n    MOVE N'Log' TO N'/log/{NAME}_log.ldf',\n    STATS = 5",
        f"ALTER DATABASE [{NAME}] SET MULTI_USER",
    ]


def test_an_error_behind_messages_is_an_error() -> None:
    answer = (
        tokens.info(3211, "5 percent processed.")
        + tokens.error(
            3183, "RESTORE detected an error on page (1:9) in database as read from the backup set."
        )
        + tokens.error(3013, "RESTORE DATABASE is terminating abnormally.")
        + done(error=True)
    )
    with (
        ScriptedServer(Script(Reply(answer))) as server,
        pytest.raises(DataopsError, match="damaged") as error,
    ):
        restored(server)
    assert error.value.details == (f"{NAME}, half restored, has been dropped.",)
    assert server.batches[-1] == f"DROP DATABASE [{NAME}]"


def test_ctrl_c_cancels_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK", 0.05)
    script = Script(Reply(silent=True))

    def press() -> None:
        assert script.restoring.wait(120)
        threading.Event().wait(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with ScriptedServer(script) as server, pytest.raises(DataopsError, match="Interrupted while") as error:
        restored(server)
    assert (error.value.exit_code, server.cancelled) == (130, 1)
    assert server.batches[-1] == f"DROP DATABASE [{NAME}]"
