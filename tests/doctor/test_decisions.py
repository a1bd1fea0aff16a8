"""What each check makes of the facts it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor import clock, disk, git, memory, odbc, ports, sqlserver
from dataops_cli.doctor.finding import GB, Answer
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.model import Settings
from dataops_cli.stack.model import Stack
from dataops_cli.warehouse.sqlserver.driver import Driver

OK, WARN, FAIL = Result.OK, Result.WARN, Result.FAIL


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (10 * GB, Finding(OK, "10.0 GB free in /srv")),
        (10 * GB - 1, Finding(WARN, "10.0 GB free in /srv", "Tidy.")),
        (2 * GB, Finding(WARN, "2.0 GB free in /srv", "Tidy.")),
        (2 * GB - 1, Finding(FAIL, "2.0 GB free in /srv", "Tidy.")),
    ],
)
def test_disk(free: int, expected: Finding) -> None:
    assert disk.decide(free, "/srv", "Tidy.") == expected


@pytest.mark.parametrize(
    ("total", "with_sqlserver", "expected"),
    [
        (8 * GB, True, Finding(OK, "8.0 GB; the limits of the stack add up to 4.0 GB")),
        (
            3 * GB,
            True,
            Finding(
                WARN,
                "3.0 GB; the limits of the stack add up to 4.0 GB",
                "Give the engine's machine more memory, or lower mem_limit in the Compose files.",
            ),
        ),
        (
            1 * GB,
            True,
            Finding(
                FAIL,
                "1.0 GB; SQL Server does not start with less than 2 GB",
                "Give the engine's machine more memory.",
            ),
        ),
        (
            1 * GB,
            False,
            Finding(
                WARN,
                "1.0 GB; the limits of the stack add up to 4.0 GB",
                "Give the engine's machine more memory, or lower mem_limit in the Compose files.",
            ),
        ),
    ],
)
def test_memory(total: int, with_sqlserver: bool, expected: Finding) -> None:
    assert memory.decide(total, 4 * GB, with_sqlserver=with_sqlserver) == expected


def test_the_limits_of_a_stack() -> None:
    services: dict[str, Any] = {
        "one": {"mem_limit": str(GB)},
        "three": {"deploy": {"resources": {"limits": {"memory": str(GB)}}, "replicas": 3}},
        "unlimited": {},
    }
    assert memory.limits(Stack("s", Path("/"), (), services)) == 4 * GB


NOW = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "result", "found"),
    [
        (0, OK, "2026-11-25 08:30:00 UTC, as the engine's"),
        (5, OK, "2026-11-25 08:30:00 UTC, as the engine's"),
        (6, WARN, "2026-11-25 08:30:00 UTC; the engine is 6 s ahead"),
        (-3600, WARN, "2026-11-25 08:30:00 UTC; the engine is 3600 s behind"),
    ],
)
def test_the_engines_clock(ahead: int, result: Result, found: str) -> None:
    # As the engine writes it: nanoseconds, and the time zone of its machine.
    theirs = (NOW + timedelta(hours=1, seconds=ahead)).strftime("%Y-%m-%dT%H:%M:%S.000000009+01:00")
    finding = clock.decide(NOW, Answer({"SystemTime": theirs}, NOW))
    assert (finding.result, finding.found) == (result, found)
    assert bool(finding.remedy) == (result is WARN)


def test_a_clock_without_an_engine() -> None:
    assert clock.decide(NOW, None) == Finding(OK, "2026-11-25 08:30:00 UTC, compared with no engine")
    assert clock.decide(NOW.replace(year=1970), None) == Finding(
        FAIL, "1970-11-25 08:30:00 UTC is in the past", "Set the clock: sudo timedatectl set-ntp true"
    )


HEAD = "# branch.oid 0123456789abcdef0123\n# branch.head main\n"


@pytest.mark.parametrize(
    ("returncode", "status", "complaint", "expected"),
    [
        (0, HEAD, "", Finding(OK, "commit 0123456789ab on main")),
        (
            0,
            HEAD.replace("main", "(detached)"),
            "",
            Finding(OK, "commit 0123456789ab without a branch"),
        ),
        (
            0,
            HEAD + "1 .M N... 100644 100644 100644 0 0 README.md\n? new\n",
            "",
            Finding(
                WARN,
                "commit 0123456789ab on main; changed and not committed: 2",
                "Commit or stash it: git status",
            ),
        ),
        (
            0,
            "# branch.oid (initial)\n# branch.head main\n? a\n",
            "",
            Finding(WARN, "on main, without a commit", "Commit: git add --all && git commit"),
        ),
        (
            128,
            "",
            "fatal: not a git repository (or any of the parent directories): .git\n",
            Finding(
                WARN,
                "not in a git repository",
                "Keep the platform in git, so that runs and images name their commit: git init",
            ),
        ),
        (
            128,
            "",
            "fatal: detected dubious ownership in repository at '/p'\nTo add an exception for this directory, "
            "call:\n\n\tgit config --global --add safe.directory /p\n",
            Finding(
                WARN,
                "git refuses: detected dubious ownership in repository at '/p'",
                "git config --global --add safe.directory /p",
            ),
        ),
    ],
)
def test_git(returncode: int, status: str, complaint: str, expected: Finding) -> None:
    assert git.decide(returncode, status, complaint) == expected


MISSING = DataopsError(
    "libltdl.so.7, which the ODBC driver needs, is missing",
    hint="Install it: sudo apt-get install libltdl7",
    exit_code=ExitCode.UNAVAILABLE,
)


@pytest.mark.parametrize(
    ("runner", "driver", "expected"),
    [
        ("process", Driver("/wheel.so", "/wheel.so", "that of the wheel"), Finding(OK, "that of the wheel")),
        ("container", Driver("name", "", "of the system"), Finding(OK, "of the system")),
        ("process", MISSING, Finding(FAIL, MISSING.reason, MISSING.hint)),
        ("container", MISSING, Finding(WARN, f"{MISSING.reason}; {odbc.ONLY_HERE}", MISSING.hint)),
        ("airflow", MISSING, Finding(WARN, f"{MISSING.reason}; {odbc.ONLY_HERE}", MISSING.hint)),
    ],
)
def test_the_odbc_driver(
    monkeypatch: pytest.MonkeyPatch, runner: str, driver: Driver | DataopsError, expected: Finding
) -> None:
    def find() -> Driver:
        if isinstance(driver, DataopsError):
            raise driver
        return driver

    monkeypatch.setattr(odbc, "find_driver", find)
    stack = {"enabled": True}
    chosen = {"warehouse": {"engine": "sqlserver"}, "dbt": {"runner": runner}, "stack": stack}
    assert odbc.examine(Settings.model_validate(chosen)) == expected


def test_an_embedded_warehouse_needs_no_odbc_driver() -> None:
    assert odbc.examine(Settings()) == Finding(Result.SKIPPED, "the warehouse is duckdb")


WANTED = ports.Published("db", "127.0.0.1", 5432, "tcp")
MOVE = "or move the ports: stack.port_offset in environments/dev.toml"


def container(project: str | None, **port: object) -> dict[str, Any]:
    its_labels = {"com.docker.compose.project": project} if project else None
    shown = {"IP": "", "PublicPort": 5432, "PrivatePort": 5432, "Type": "tcp"} | port
    return {"Names": ["/theirs"], "Labels": its_labels, "Ports": [shown]}


@pytest.mark.parametrize(
    ("port", "holds"),
    [
        ({}, True),
        ({"IP": "0.0.0.0"}, True),  # noqa: S104 - nothing is bound
        ({"IP": "127.0.0.1"}, True),
        ({"IP": "::"}, True),
        ({"IP": "127.0.0.2"}, False),
        ({"PublicPort": 5433}, False),
        ({"Type": "udp"}, False),
    ],
)
def test_which_container_is_in_the_way(port: dict[str, Any], holds: bool) -> None:
    assert (ports.holding_container(WANTED, [container("other", **port)]) is not None) == holds


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ("mine", Finding(OK, "5432 (db): this stack's own, theirs")),
        (
            "other",
            Finding(
                FAIL,
                "5432 (db): held by the container theirs of the project other",
                f"Stop it: docker stop theirs; {MOVE}",
            ),
        ),
        (
            None,
            Finding(
                FAIL,
                "5432 (db): held by the container theirs of no project",
                f"Stop it: docker stop theirs; {MOVE}",
            ),
        ),
    ],
)
def test_a_port_held_by_a_container(project: str | None, expected: Finding) -> None:
    assert ports.held_by_container(WANTED, "mine", container(project), "dev") == expected


def test_a_port_held_by_a_process() -> None:
    assert ports.held_by_process(WANTED, (77, "postgres"), "dev") == Finding(
        FAIL, "5432 (db): held by the process postgres (pid 77)", f"Stop it: kill 77; {MOVE}"
    )
    assert ports.held_by_process(WANTED, None, "dev") == Finding(
        FAIL,
        "5432 (db): held by a process that cannot be seen",
        f"See which it is: sudo ss -lntp 'sport = :5432'; {MOVE}",
    )


def test_a_port_that_a_connection_may_take() -> None:
    wanted = ports.Published("db", "127.0.0.1", 40000, "tcp")
    assert ports.free_but_ephemeral(wanted, {32768, 40000, 60999}, "dev") == Finding(
        WARN,
        "40000 (db): free now, but this machine's connections may take it at any time (32768-60999)",
        f"Keep it for the stack: add it to net.ipv4.ip_local_reserved_ports; {MOVE}",
    )


def test_ports_together_are_as_bad_as_the_worst() -> None:
    free, held = Finding(OK, "1: free"), Finding(FAIL, "2: held", "Stop it.")
    assert ports.together([free, held, held]) == Finding(FAIL, "1: free\n2: held\n2: held", "Stop it.")
    assert ports.together([free]) == free
    assert ports.together([]) == Finding(OK, "none published")


def test_only_fixed_ports_are_looked_at() -> None:
    services: dict[str, Any] = {
        "web": {
            "ports": [
                {"target": 80, "published": "8080", "host_ip": "127.0.0.1", "protocol": "tcp"},
                {"target": 81, "published": "9000-9010", "protocol": "tcp"},
                {"target": 82, "protocol": "tcp"},
                {"target": 53, "published": "5353", "protocol": "udp"},
            ]
        }
    }
    found = [str(port) for port in ports.published(Stack("s", Path("/"), (), services))]
    assert found == ["8080 (web)", "5353/udp (web)"]


@pytest.mark.parametrize(
    ("missing", "own", "result", "remedy"),
    [
        ([], False, OK, ""),
        (["secrets.sqlserver_sa_password"], False, OK, ""),
        (["secrets.sqlserver_sa_password"], True, WARN, "dataops up"),
        (["warehouse.reader_password"], False, WARN, "dataops secrets set warehouse.reader_password"),
        (["warehouse.password"], False, FAIL, "dataops secrets set warehouse.password"),
        (["warehouse.password"], True, WARN, "dataops up"),
    ],
)
def test_passwords(missing: list[str], own: bool, result: Result, remedy: str) -> None:
    settings = Settings.model_validate({"warehouse": {"engine": "sqlserver"}, "stack": {"enabled": own}})
    finding = sqlserver.decide(missing, settings)
    assert finding.result is result
    assert all(key in finding.found for key in missing)
    assert remedy in finding.remedy
