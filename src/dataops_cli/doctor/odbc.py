"""Whether dbt in this process finds an ODBC driver for SQL Server, and whether it can be loaded."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from dataops_cli.doctor.finding import Case, Finding, Result, known
from dataops_cli.settings.model import Engine, Runner

# What dbt/profiles.yml reads, and what it takes without it.
VARIABLE = "DATAOPS_DBT_SQLSERVER_DRIVER"
NAME = "ODBC Driver 18 for SQL Server"
OLDER = "ODBC Driver 17 for SQL Server"
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


def look(case: Case) -> Finding:
    settings = known(case.environment).settings
    if settings.warehouse.engine is not Engine.SQLSERVER:
        return Finding(Result.SKIPPED, f"the warehouse is {settings.warehouse.engine.value}")
    finding = _look()
    if finding.result is not Result.OK and settings.dbt.runner is not Runner.PROCESS:
        found = f"{finding.found}; only `dataops dbt` needs it, runs take their image's"
        return Finding(Result.WARN, found, finding.remedy)
    return finding


def decide(asked: str, registered: dict[str, str], bundled: str | None) -> tuple[str, Finding]:
    """The driver's file, and the finding if that can be loaded.

    `asked` is what dbt is told to take, a name or a file; `registered` are the system's drivers, by name.
    """
    if asked in registered:
        return registered[asked], Finding(Result.OK, f"{asked}, of the system")
    if "/" in asked:
        return asked, Finding(Result.OK, asked)
    if OLDER in registered:
        remedy = f"Tell dbt to take it: export {VARIABLE}='{OLDER}'"
        return registered[OLDER], Finding(
            Result.WARN, f"{OLDER}, of the system; dbt asks for {asked}", remedy
        )
    if bundled is None:
        remedy = "Install msodbcsql18 from Microsoft, or: pip install mssql-python-odbc"
        return "", Finding(Result.FAIL, f"{asked} is not there", remedy)
    found = "that of the package mssql-python-odbc; dbt does not look there by itself"
    return bundled, Finding(Result.WARN, found, f"Tell dbt to take it: export {VARIABLE}='{bundled}'")


def missing(complaint: str) -> Finding:
    """For what the loader, or Python, complains of: `libltdl.so.7: cannot open shared object file: …`."""
    library = re.match(r"(?:.*/)?(\S+\.so[.\d]*): cannot open", complaint)
    if library is None:
        return Finding(Result.FAIL, f"it cannot be loaded: {complaint}", "Install the driver again.")
    if package := PACKAGES.get(library[1]):
        remedy = f"Install it: sudo apt-get install {package}"
    else:
        remedy = f"Install the package that has it: apt-file search {library[1]}"
    return Finding(Result.FAIL, f"{library[1]} is missing", remedy)


def bundled_driver(libraries: Path, os_release: dict[str, str], machine: str) -> str | None:
    """Microsoft's driver in a wheel's folder `libs`, for a distribution as os-release(5) describes it."""
    names = [os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()]
    family = next((FAMILIES[name] for name in names if name in FAMILIES), "rhel")
    found = sorted((libraries / "linux" / family / machine / "lib").glob("libmsodbcsql-18*.so*"))
    return str(found[-1]) if found else None


def _look() -> Finding:
    try:
        pyodbc = import_module("pyodbc")
    except ImportError as error:  # the driver manager is a library of the system
        return missing(str(error))
    registered = {name: _registered_file(name) for name in pyodbc.drivers()}
    file, finding = decide(os.environ.get(VARIABLE, NAME), registered, _bundled())
    if not file:
        return finding
    try:
        ctypes.CDLL(file)
    except OSError as error:
        return missing(str(error))
    return finding


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
