"""What dbt's container may answer when it is asked for the data's facts."""

from __future__ import annotations

import json

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.facts.asking import UPDATE, answered
from status import made_up

ERROR = {
    "reason": "No such command 'status'.",
    "hint": "Usage: dataops --help",
    "exit_code": 2,
    "details": [],
}


def test_facts_come_back_as_they_were() -> None:
    data = made_up.well().data
    assert isinstance(data, made_up.Data)
    found = answered(0, json.dumps({"data": data.document()}))
    assert found.document() == data.document()
    assert found.published == data.published
    nothing = made_up.Data(None, [])
    assert answered(0, json.dumps({"data": nothing.document()})).document() == nothing.document()


@pytest.mark.parametrize(
    ("output", "other_version", "reason", "hint"),
    [
        (json.dumps({"error": ERROR}), False, "No such command 'status'.", "Usage: dataops --help"),
        (json.dumps({"error": ERROR}), True, "another version: No such command 'status'.", UPDATE),
        ("", False, "ended with exit code 124", UPDATE),
        ("{}", False, "ended with exit code 124", UPDATE),
        ('{"data": {"published": null}}', False, "ended with exit code 124", UPDATE),
    ],
)
def test_what_is_none_is_said(output: str, other_version: bool, reason: str, hint: str) -> None:
    with pytest.raises(DataopsError) as raised:
        answered(124, output, other_version=other_version)
    assert raised.value.reason.endswith(reason) or reason in raised.value.reason
    assert raised.value.hint == hint
