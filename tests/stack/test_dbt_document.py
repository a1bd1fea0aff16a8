"""What a command in dbt's container may answer when it is asked for a document."""

from __future__ import annotations

import json

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.stack.dbt_document import UPDATE, document_of

ERROR = {"reason": "No such command", "hint": "Usage: dataops --help", "exit_code": 2, "details": ["status"]}


def test_a_document_with_the_key_is_what_was_asked_for() -> None:
    """Whatever the exit code: checks that fail are an answer."""
    assert document_of("health", "checks", 1, '{"checks": []}') == {"checks": []}


@pytest.mark.parametrize(("other_version", "hint"), [(False, ERROR["hint"]), (True, UPDATE)])
def test_an_error_is_passed_on(other_version: bool, hint: str) -> None:
    with pytest.raises(DataopsError) as raised:
        document_of("status", "data", 2, json.dumps({"error": ERROR}), other_version=other_version)
    error = raised.value
    assert (error.reason, error.hint, error.exit_code, error.details) == (
        "No such command",
        hint,
        2,
        ("status",),
    )


@pytest.mark.parametrize("output", ["", "{}", "[]", "[1]", "3", "Terminated", '{"checks": []}'])
def test_no_document_is_said(output: str) -> None:
    with pytest.raises(DataopsError) as raised:
        document_of("status", "data", 124, output)
    assert (
        raised.value.reason == "dataops status in dbt's container ended with exit code 124, and said nothing"
    )
    assert (raised.value.hint, raised.value.exit_code) == (UPDATE, 3)
