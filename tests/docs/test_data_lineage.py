"""The lineage page says what the models say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT

PAGE = (ROOT / "docs" / "DATA_LINEAGE.md").read_text()
MODELS = ROOT / "dbt" / "models"
LAYERS = ("bronze", "silver", "gold")
MAY_READ = {"bronze": {"source"}, "silver": {"bronze", "silver"}, "gold": {"silver"}}


def _declared(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    """The entries of this kind in the models' YAML, each with its file."""
    return [
        (path, entry)
        for path in sorted(MODELS.glob("*/*.yml"))
        for entry in yaml.safe_load(path.read_text()).get(kind) or []
    ]


def _columns(entry: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["data_type"] for column in entry["columns"]}


SOURCES = {table["name"]: _columns(table) for _, source in _declared("sources") for table in source["tables"]}
RELATIONS = {model["name"]: _columns(model) for _, model in _declared("models")}
LAYER = {model["name"]: path.parent.name for path, model in _declared("models")} | dict.fromkeys(
    SOURCES, "source"
)


def _read_by(name: str) -> set[str]:
    """What the model's SQL refers to."""
    sql = (MODELS / LAYER[name] / f"{name}.sql").read_text()
    return set(re.findall(r"ref\('(\w+)'\)", sql)) | set(re.findall(r"source\('\w+', '(\w+)'\)", sql))


def _documented() -> dict[str, tuple[str, list[list[str]]]]:
    """The page's tables: relation → the layer it stands under, and its rows."""
    tables: dict[str, tuple[str, list[list[str]]]] = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        layer = part.split("\n", 1)[0].lower()
        for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
            name, *lines = section.splitlines()
            cells = [
                [cell.strip() for cell in line.strip("|").split("|")]
                for line in lines
                if line.startswith("|")
            ]
            assert cells[0] == ["Column", "Type", "Comes from", "How"], name
            assert name not in tables, f"{name} is there twice"
            tables[name] = layer, cells[2:]
    return tables


DOCUMENTED = _documented()


def test_the_page_has_every_relation_under_its_layer() -> None:
    assert {name: layer for name, (layer, _) in DOCUMENTED.items()} == {
        name: LAYER[name] for name in RELATIONS
    }
    assert {layer for layer, _ in DOCUMENTED.values()} == set(LAYERS)


@pytest.mark.parametrize("name", RELATIONS)
def test_a_table_has_the_contracts_columns_in_order_with_their_types(name: str) -> None:
    assert [(row[0].strip("`"), row[1]) for row in DOCUMENTED[name][1]] == list(RELATIONS[name].items())


@pytest.mark.parametrize("name", RELATIONS)
def test_every_column_comes_from_columns_of_what_the_model_reads(name: str) -> None:
    read = _read_by(name)
    for row in DOCUMENTED[name][1]:
        column, _, comes_from, how = row
        assert how, f"{name}.{column} does not say how"
        for origin in comes_from.split(", "):
            named = re.fullmatch(r"`(\w+)\.(\w+)`", origin)
            assert named, f"{name}.{column}: {origin!r} is not `relation.column`"
            relation, upstream = named.groups()
            assert upstream in (SOURCES | RELATIONS)[relation], f"{name}.{column}: no column {origin}"
            assert LAYER[relation] in MAY_READ[LAYER[name]], f"{name}.{column} must not read {origin}"
            assert relation in read, f"{name} does not read {relation}"


@pytest.mark.parametrize("name", RELATIONS)
def test_every_column_a_rule_names_is_of_the_same_table(name: str) -> None:
    for column, _, _, how in DOCUMENTED[name][1]:
        for named in set(re.findall(r"`(\w+)`", how)) - {"as_of_date", "order_date"}:
            assert named in RELATIONS[name], f"{name}.{column}: no column {named}"


def test_the_graph_has_the_arrows_of_the_models() -> None:
    arrows = set(re.findall(r"^ +(\w+) --> (\w+)$", PAGE, flags=re.MULTILINE))
    assert arrows == {(read, name) for name in RELATIONS for read in _read_by(name)}
    boxes = re.findall(r"^ {8}(\w+)$", PAGE, flags=re.MULTILINE)
    assert sorted(boxes) == sorted([*SOURCES, *RELATIONS])
