"""What dbt's container may answer when it is asked for the data's facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataops_cli.console import Console
from dataops_cli.errors import DataopsError
from dataops_cli.facts import gathering
from dataops_cli.facts.asking import UPDATE, data_of
from dataops_cli.facts.model import Lacking
from dataops_cli.project import Project
from status import made_up


def test_facts_come_back_as_they_were() -> None:
    data = made_up.well().data
    assert isinstance(data, made_up.Data)
    found = data_of(json.loads(json.dumps(data.document())))
    assert found.document() == data.document()
    assert found.published == data.published
    nothing = made_up.Data(None, [])
    assert data_of(nothing.document()).document() == nothing.document()


@pytest.mark.parametrize(
    "document", [{"published": None}, None, {**made_up.Data(None, []).document(), "runs": 3}]
)
def test_facts_of_another_version_are_said_to_be(document: object) -> None:
    with pytest.raises(DataopsError, match="told nothing that is known here") as raised:
        data_of(document)
    assert raised.value.hint == UPDATE


def test_a_fault_of_ours_costs_its_own_part_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def faulty(*_arguments: object) -> made_up.Data:
        raise KeyError("a run of tomorrow")

    monkeypatch.setattr(gathering, "read_data", faulty)
    project = Project(tmp_path)
    found = gathering.gather(project, made_up.local(), Console(as_json=True), {})
    assert isinstance(found.data, Lacking)
    assert found.data.reason.startswith("Unexpected KeyError in gathering.py, line ")
    assert "report it" in found.data.hint
