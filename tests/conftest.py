"""What every test may use: the platform's files, the real data, the command line."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

from dataops_cli import docker_api
from local_engine import local_engine
from support import ROOT, Dataops, clean_environment

# Timings are no part of a test.
settings.register_profile("dataops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dataops")


@pytest.fixture(scope="session")
def adventureworks() -> Path:
    """The folder with the real AdventureWorks CSV files.

    DATAOPS_TEST_ADVENTUREWORKS names it and is a promise: where it is set, the data must be there.
    """
    promised = os.environ.get("DATAOPS_TEST_ADVENTUREWORKS")
    folder = Path(promised) if promised else ROOT.parent / "shared" / "adventureworks"
    if not (folder / "Sales.SalesOrderDetail.csv.gz").exists():
        if promised:
            pytest.fail(
                f"DATAOPS_TEST_ADVENTUREWORKS promises AdventureWorks in {folder}, but it is not there"
            )
        pytest.skip("no AdventureWorks CSV files: set DATAOPS_TEST_ADVENTUREWORKS to their folder")
    return folder.resolve()


@pytest.fixture(scope="session")
def engine() -> docker_api.Engine:
    """The local engine, with the stand-in image."""
    return local_engine()


@pytest.fixture(scope="session")
def dataops() -> Dataops:
    """Run `dataops ARGUMENTS` in a process of its own, as a user would, in folder `cwd`."""

    def run(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dataops_cli", *map(str, arguments)],
            cwd=cwd,
            env=clean_environment(**variables),
            capture_output=True,
            text=True,
            timeout=1200,  # whoever is the first to build Airflow's image and dbt's takes minutes
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture(scope="session")
def dataops_here() -> Dataops:
    """Like `dataops`, in this process: dbt is imported once for all tests."""

    def run(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        from dataops_cli.__main__ import run as run_command

        command = [str(argument) for argument in arguments]
        stdout, stderr = io.StringIO(), io.StringIO()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        with (
            chdir(cwd),
            mock.patch.dict(os.environ, clean_environment(**variables), clear=True),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
        ):
            code = run_command(command)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return subprocess.CompletedProcess(command, int(code), stdout.getvalue(), stderr.getvalue())

    return run


@pytest.fixture(scope="session")
def new_platform() -> Callable[[Path], Path]:
    """Scaffold a platform into a folder."""
    from dataops_cli.scaffold import create_platform

    def create(folder: Path) -> Path:
        create_platform(folder)
        return folder

    return create
