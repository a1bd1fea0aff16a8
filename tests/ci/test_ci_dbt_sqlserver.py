"""The tests on a SQL Server: pytest runs, on modules that stand in for the platform's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataops_cli.ci.dbt_places import Place
from dataops_cli.ci.dbt_sqlserver import ADDRESS, MODULE, run_tests, would_run

pytestmark = pytest.mark.slow


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    address = "Server=127.0.0.1,1433;UID=sa;PWD={Very-Secret-1};Encrypt=yes"  # kingfisher:ignore
    monkeypatch.setenv(ADDRESS, address)
    (tmp_path / MODULE).parent.mkdir(parents=True)
    return tmp_path


def test_failures_are_told_and_the_password_is_not(platform: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", "somewhere")
    (platform / MODULE).write_text(
        "import os\n"
        "def test_address(): assert 'UID=sa' in os.environ['DATAOPS_TEST_SQLSERVER']\n"
        "def test_login(): raise OSError('no login with Very-Secret-1')\n"
        "def test_alone(): assert 'GITHUB_OUTPUT' not in os.environ\n"
    )
    found = run_tests(platform, "data/", platform)
    assert found.ran
    assert found.told.startswith("SQL Server: 1 failed, 2 passed in ")
    (fault,) = found.faults
    assert (fault.what, fault.message) == ("test test_login on SQL Server", "OSError: no login with •••")
    assert fault.place == Place("data/tests/sqlserver/test_server.py")
    log = (platform / "sqlserver-tests.log").read_text()
    assert "no login with •••" in log
    assert "Very-Secret-1" not in log


def test_a_module_that_pytest_cannot_run_is_a_fault(platform: Path) -> None:
    (platform / MODULE).write_text("")
    (fault,) = run_tests(platform, "", platform).faults
    assert fault.message.startswith("pytest ended with exit code 5: no tests ran in ")


def test_a_module_that_skips_everything_has_passed_nothing(platform: Path) -> None:
    (platform / MODULE).write_text("import pytest\n@pytest.mark.skip\ndef test_a(): pass\n")
    (fault,) = run_tests(platform, "", platform).faults
    assert fault.message.startswith("none of them has passed: 1 skipped in ")


def test_what_does_not_run_says_why(platform: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert would_run(platform).told == f"not run on SQL Server: this platform has no {MODULE}"
    monkeypatch.delenv(ADDRESS)
    found = run_tests(platform, "", platform)
    assert (found.ran, found.told) == (False, f"not run on SQL Server: no server is named ({ADDRESS})")
