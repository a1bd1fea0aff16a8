"""Microsoft's ODBC driver: that of the system, else the one that comes with our dependency mssql-python-odbc."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode

# What dbt/profiles.yml reads; set beforehand, it decides.
VARIABLE = "DATAOPS_DBT_SQLSERVER_DRIVER"
SYSTEM_DRIVERS = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server")
# Debian's and Ubuntu's package for a library that is not there.
PACKAGES = {
    "libodbc.so.2": "unixodbc",
    "libodbcinst.so.2": "unixodbc",
    "libltdl.so.7": "libltdl7",
    "libkrb5.so.3": "libkrb5-3",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
}
# The wheel's folder for a distribution, by what os-release(5) says in ID and ID_LIKE.
FAMILIES = {
    "debian": "debian_ubuntu",
    "ubuntu": "debian_ubuntu",
    "suse": "suse",
    "alpine": "alpine",
}


@dataclass(frozen=True)
class Driver:
    """`name` is what a connection string takes after DRIVER=: a registered name, or a file. `origin` is for people."""

    name: str
    file: str
    origin: str


def find_driver() -> Driver:
    """The driver to use, once it is sure that it can be loaded.

    Raises DataopsError (exit 3) with what to install where there is none, or a library of it is missing.
    """
    driver = choose(os.environ.get(VARIABLE), registered_drivers(), _bundled())
    if driver is None:
        raise _unusable("There is no ODBC driver for SQL Server", "pip install mssql-python-odbc")
    if driver.file:
        try:
            ctypes.CDLL(driver.file)
        except OSError as error:
            raise missing_library(str(error)) from error
    return driver


def choose(asked: str | None, registered: Mapping[str, str], bundled: str | None) -> Driver | None:
    """The driver asked for, else the newest of the system, else the bundled one.

    `registered` are the system's drivers: name → file, empty where that is not known.
    """
    if asked and asked in registered:
        return Driver(asked, registered[asked], f"{asked}, of the system, as {VARIABLE} says")
    if asked:
        return Driver(asked, asked if "/" in asked else "", f"{asked}, as {VARIABLE} says")
    for name in SYSTEM_DRIVERS:
        if name in registered:
            return Driver(name, registered[name], f"{name}, of the system")
    if bundled:
        return Driver(bundled, bundled, "ODBC Driver 18 for SQL Server, of the package mssql-python-odbc")
    return None


def registered_drivers() -> dict[str, str]:
    """The system's drivers. Raises DataopsError (exit 3) where the driver manager is not there."""
    try:
        pyodbc = import_module("pyodbc")
    except ImportError as error:  # the driver manager is a library of the system
        raise missing_library(str(error)) from error
    return {name: _registered_file(name) for name in pyodbc.drivers()}


def missing_library(complaint: str) -> DataopsError:
    """For what the loader, or Python, complains of: `libltdl.so.7: cannot open shared object file: …`."""
    library = re.match(r"(?:.*/)?(\S+\.so[.\d]*): cannot open", complaint)
    if library is None:
        return _unusable(
            f"The ODBC driver cannot be loaded: {complaint}",
            "pip install --force-reinstall mssql-python-odbc",
        )
    if package := PACKAGES.get(library[1]):
        return _unusable(
            f"{library[1]}, which the ODBC driver needs, is missing", f"sudo apt-get install {package}"
        )
    return DataopsError(
        f"{library[1]}, which the ODBC driver needs, is missing",
        hint=f"Install the package that has it: apt-file search {library[1]}",
        exit_code=ExitCode.UNAVAILABLE,
    )


def bundled_driver(libraries: Path, os_release: Mapping[str, str], machine: str) -> str | None:
    """Microsoft's driver in a wheel's folder `libs`, for a distribution as os-release(5) describes it."""
    names = [os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()]
    family = next((FAMILIES[name] for name in names if name in FAMILIES), "rhel")
    found = sorted((libraries / "linux" / family / machine / "lib").glob("libmsodbcsql-18*.so*"))
    return str(found[-1]) if found else None


def _unusable(reason: str, command: str) -> DataopsError:
    return DataopsError(reason, hint=f"Install it: {command}", exit_code=ExitCode.UNAVAILABLE)


def _registered_file(name: str) -> str:
    """The driver's file from odbcinst.ini, which unixODBC has read already; empty where it is elsewhere."""
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(
            [Path(os.environ.get("ODBCSYSINI", "/etc")) / "odbcinst.ini", Path.home() / ".odbcinst.ini"]
        )
    except (Error, UnicodeDecodeError):
        return ""
    return parser.get(name, "Driver", fallback="").strip()


def _bundled() -> str | None:
    package = find_spec("mssql_python_odbc")
    if package is None or package.origin is None:
        return None
    return bundled_driver(
        Path(package.origin).parent / "libs", platform.freedesktop_os_release(), platform.machine()
    )
