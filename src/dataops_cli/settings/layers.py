"""The layers that settings come from, lowest first, each value with its place of origin.

base.toml < <env>.toml < <env>.secrets.env < files of DATAOPS_SECRETS_DIR < DATAOPS_… variables < options of
the command.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings.model import ENV_PREFIX, NESTED_DELIMITER, is_secret, known_keys

# The folder of the secrets that a container is given, a file each.
SECRETS_DIR = "DATAOPS_SECRETS_DIR"
# `variables`: the environment has no file here, as in a container that is told its settings.
SETTINGS_FROM = "DATAOPS_SETTINGS_FROM"
# `ignored`: another dataops says the settings, which may have one that this one does not know. The name has not our
# prefix, as one that did not know it would refuse it.
UNKNOWN_SETTINGS = "UNKNOWN_DATAOPS_SETTINGS"
# Variables with our prefix that are no settings: options of the command line, what a container is told besides
# settings, and what dbt's profile reads.
NOT_SETTINGS = {
    "DATAOPS_CALL",
    "DATAOPS_CALLER",
    "DATAOPS_ENV",
    "DATAOPS_PROJECT_DIR",
    "DATAOPS_RELEASE",
    SECRETS_DIR,
    SETTINGS_FROM,
}
NOT_SETTINGS_PREFIXES = (
    "DATAOPS_DBT_DUCKDB_",
    "DATAOPS_DBT_SOURCE_",
    "DATAOPS_DBT_SQLSERVER_",
    "DATAOPS_DBT_TARGET",
    "DATAOPS_HOOK_",
    "DATAOPS_TEST_",
)

_TABLE = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*([A-Za-z0-9_\-."' ]+?)\s*=""")


@dataclass(frozen=True)
class Value:
    """One value in one layer. `origin` is what a user looks up: `environments/dev.toml:12`."""

    raw: Any
    origin: str


Layer = Mapping[str, Value]


def toml_layer(path: Path, shown_as: str) -> Layer:
    """The keys of a TOML file. Raises UsageError for broken TOML and unknown keys, with the line."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{shown_as} is not UTF-8 text ({error.reason})", hint="Save the file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"{shown_as}:{place[1]}" if place else shown_as
        raise UsageError(
            f"{where}: no valid TOML: {re.sub(r' *[(]at .*', '', str(error))}",
            hint="Mend the TOML there; strings need quotes.",
        ) from None
    except OSError as error:
        raise DataopsError(
            f"Cannot read {shown_as}: {error.strerror}",
            hint="Check the file's permissions.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    lines = key_lines(text)
    layer = {key: Value(raw, f"{shown_as}:{lines.get(key, 1)}") for key, raw in _flatten(document).items()}
    for key, value in layer.items():
        _refuse_unknown(key, value.origin)
        if is_secret(key):
            raise UsageError(
                f"{value.origin}: {key} is a secret, and settings files are in git",
                hint=f"Take it out there, and change it: dataops secrets set {key}",
            )
    return layer


def environment_layer(environ: Mapping[str, str] = os.environ) -> Layer:
    """DATAOPS_WAREHOUSE__ENGINE=duckdb sets `warehouse.engine`. Raises UsageError for unknown names, where
    UNKNOWN_SETTINGS does not say otherwise."""
    names = [
        name
        for name in environ
        if name.startswith(ENV_PREFIX) and name not in NOT_SETTINGS and not _reserved(name)
    ]
    if environ.get(UNKNOWN_SETTINGS) == "ignored":
        names = [name for name in names if _key(name) in known_keys()]
    return _variables({name: environ[name] for name in sorted(names)}, "variable {name}")


def secrets_layer(path: Path, shown_as: str) -> Layer:
    """The secrets file, in dotenv form with the names of the variables."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{shown_as} is not UTF-8 text ({error.reason})", hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise DataopsError(
            f"Cannot read {shown_as}: {error.strerror}",
            hint=f"Make it readable for you alone: chmod 600 {shown_as}",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    # A line that is no setting may be part of a secret: it is named by its number, never by its text.
    for number, line in enumerate(text.splitlines(), start=1):
        known = line.removeprefix("export ").lstrip()
        if known and not known.startswith(("#", ENV_PREFIX)):
            raise UsageError(
                f"{shown_as}:{number}: this line sets nothing",
                hint=f"Write {ENV_PREFIX}SECTION__KEY='value' on one line.",
            )
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise UsageError(
                f"{shown_as}:{binding.original.line}: the quotes are not closed, or something follows them",
                hint=f"Write {ENV_PREFIX}SECTION__KEY='value' on one line.",
            )
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    unset = [name for name, value in values.items() if value is None]
    if unset:
        raise UsageError(
            f"{shown_as}: {unset[0]} has no value", hint="Write it as NAME='value', quotes closed."
        )
    return _variables({name: value or "" for name, value in values.items()}, f"{shown_as} ({{name}})")


def secret_files_layer(environ: Mapping[str, str] = os.environ) -> Layer:
    """The secrets in the folder of DATAOPS_SECRETS_DIR: `warehouse_password` is `warehouse.password`.

    Its other files are none of ours. Raises DataopsError for a secret that is there and cannot be read.
    """
    folder = environ.get(SECRETS_DIR)
    layer: dict[str, Value] = {}
    for key in [key for key in known_keys() if is_secret(key)] if folder else []:
        path = Path(str(folder)) / secret_file_name(key)
        try:
            # A file that was written by hand ends its line.
            layer[key] = Value(path.read_text(encoding="utf-8").removesuffix("\n"), f"file {path}")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8 text ({error.reason})", hint="Save it as UTF-8.") from None
        except OSError as error:
            raise DataopsError(
                f"Cannot read the secret {path}: {error.strerror}",
                hint=f"Make it readable for this user, or unset {SECRETS_DIR}.",
                exit_code=ExitCode.UNAVAILABLE,
            ) from None
    return layer


def secret_file_name(key: str) -> str:
    """The name of a secret's file in a container, which is the name that it has in the Compose files."""
    return key.removeprefix("secrets.").replace(".", "_")


def variable(key: str) -> str:
    """The variable that sets a key: DATAOPS_DBT__THREADS for `dbt.threads`."""
    return ENV_PREFIX + key.upper().replace(".", NESTED_DELIMITER)


def option_layer(options: Mapping[str, tuple[str, Any]]) -> Layer:
    """Options given on the command line: key → (option, value)."""
    return {key: Value(raw, f"option {option}") for key, (option, raw) in options.items()}


def key_lines(text: str) -> dict[str, int]:
    """The line on which each dotted key of a TOML text stands (tomllib does not say)."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _plain(header[1]) + "."
        elif assignment := _KEY.match(line):
            lines.setdefault(table + _plain(assignment[1]), number)
    return lines


def nearest(name: str, names: Mapping[str, Any] | set[str] | list[str]) -> str | None:
    """The known name that the user most likely meant, or None."""
    matches = get_close_matches(name, list(names), n=1, cutoff=0.75)
    return matches[0] if matches else None


def _flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _variables(values: Mapping[str, str], origin: str) -> Layer:
    layer: dict[str, Value] = {}
    for name, raw in values.items():
        key = _key(name)
        place = origin.format(name=name)
        if not name.startswith(ENV_PREFIX) or key not in known_keys():
            variables = {variable(known) for known in known_keys()} | NOT_SETTINGS
            meant = nearest(name, variables)
            raise UsageError(
                f"{place}: no setting has this name",
                hint=f"Did you mean {meant}?" if meant else "Every setting: dataops config show",
            )
        layer[key] = Value(raw, place)
    return layer


def _key(name: str) -> str:
    """The key that a variable sets, or would set."""
    return name.removeprefix(ENV_PREFIX).lower().replace(NESTED_DELIMITER, ".")


def _refuse_unknown(key: str, origin: str) -> None:
    if key in known_keys():
        return
    meant = nearest(key, known_keys())
    raise UsageError(
        f"{origin}: unknown setting {key}",
        hint=f"Did you mean {meant}?" if meant else "Every setting: dataops config show",
    )


def _reserved(name: str) -> bool:
    return name.startswith(NOT_SETTINGS_PREFIXES) and NESTED_DELIMITER not in name


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
