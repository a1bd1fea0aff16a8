"""The parameters that a DAG declares, and whether what is given for a run fits them.

Airflow checks them too, in the words of a JSON schema, and does not mind unknown ones.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import date
from typing import Any

from dataops_cli.errors import UsageError
from dataops_cli.settings.layers import nearest

# Parameter → its JSON schema.
Declared = Mapping[str, Mapping[str, Any]]

# JSON's type → Python's, what people call it, and an example.
TYPES: dict[str, tuple[tuple[type, ...], str, Any]] = {
    "array": ((list,), "a list", ["…"]),
    "object": ((dict,), "an object", {"…": "…"}),
    "string": ((str,), "text", "…"),
    "integer": ((int,), "a whole number", 1),
    "number": ((int, float), "a number", 1.5),
    "boolean": ((bool,), "true or false", True),
    "null": ((type(None),), "null", None),
}


def fitted(dag_id: str, declared: Declared, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run as the DAG wants them: one value where a list is wanted is a list of one.

    Raises UsageError for a name that is not declared, where any is, and for a value that Airflow would refuse.
    """
    fit = {}
    for name, value in given.items():
        if declared and name not in declared:
            meant = nearest(name, list(declared))
            raise UsageError(
                f"DAG {dag_id} has no parameter {name}",
                hint=f"Did you mean {meant}?" if meant else f"It has: {', '.join(declared)}",
            )
        schema = declared.get(name, {})
        one = "array" in types_of(schema) and not isinstance(value, list) and not _is_of_type(value, schema)
        fit[name] = [value] if one else value
        if complaint := _complaint(fit[name], schema):
            example = json.dumps({name: _example(schema)}, ensure_ascii=False)
            raise UsageError(
                f"Parameter {name} of DAG {dag_id}: {complaint}",
                hint=f"Write it as --conf {shlex.quote(example)}",
            )
    return fit


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema allows; none where it allows all."""
    found = schema.get("type") or []
    return [found] if isinstance(found, str) else list(found)


def _complaint(value: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value, or nothing. What is not looked at here, Airflow looks at."""
    shown = json.dumps(value, ensure_ascii=False)
    if not _is_of_type(value, schema):
        wanted = [TYPES[name][1] for name in types_of(schema) if name in TYPES and name != "null"]
        return f"{shown} is not {' or '.join(wanted) or 'null'}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{shown} is none of {', '.join(str(item) for item in schema['enum'])}"
    if schema.get("format") == "date" and isinstance(value, str) and not _is_date(value):
        return f"{shown} is not a date"
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        return next(filter(None, (_complaint(item, items) for item in value)), "")
    return ""


def _is_of_type(value: Any, schema: Mapping[str, Any]) -> bool:
    names = types_of(schema)
    if isinstance(value, bool):  # which Python takes for a number
        return not names or "boolean" in names
    return not names or any(name not in TYPES or isinstance(value, TYPES[name][0]) for name in names)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _example(schema: Mapping[str, Any]) -> Any:
    """A value of the right form."""
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("format") == "date":
        return "2014-06-30"
    name = next((name for name in types_of(schema) if name in TYPES and name != "null"), "string")
    if name == "array" and isinstance(schema.get("items"), Mapping):
        return [_example(schema["items"])]
    return TYPES[name][2]
