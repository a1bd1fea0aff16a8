"""The line of a test in its YAML file, and of what dbt or DuckDB complains of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataops_cli.ci.dbt_places import Place, Places, line_in_yaml

YAML = """\
version: 2
sources:
  - name: sales
    tables:
      - name: orders
        columns:
          - name: id
            data_tests:
              - unique
models:
  - name: days
    data_tests:
      - tests.same_total:
          name: days_make_the_total
      - tests.rule
    columns:
      - {name: day, data_tests: [unique, not_null]}
      - name: Total
        data_tests:
          - not_null:
              config: {severity: warn}
          - name: total_is_known
            test_name: accepted_values
  - name: customers
    columns:
      - name: day
        tests:
          - not_null
unit_tests:
  - name: days_are_counted
    model: days
"""


def generic(
    owner: str, kind: str, column: str | None = None, name: str = "made_by_dbt", **more: Any
) -> dict[str, Any]:
    namespace, _, kind = kind.rpartition(".")
    return {
        "name": name,
        "file_key_name": owner,
        "column_name": column,
        "test_metadata": {"name": kind, "namespace": namespace or None},
        **more,
    }


@pytest.mark.parametrize(
    ("test", "line"),
    [
        (generic("models.days", "tests.same_total", name="days_make_the_total"), "          name: days_make_the_total"),
        (generic("models.days", "tests.rule"), "      - tests.rule"),
        (generic("models.days", "unique", "day"), "      - {name: day, data_tests: [unique, not_null]}"),
        (generic("models.days", "not_null", "total"), "          - not_null:"),
        (generic("models.days", "accepted_values", "Total", name="total_is_known"), "          - name: total_is_known"),
        (generic("models.customers", "not_null", "day"), "          - not_null"),
        (generic("models.customers", "unique", "day"), "      - name: day"),
        (generic("sources.sales", "unique", "id", sources=[["sales", "orders"]]), "              - unique"),
        ({"name": "days_are_counted"}, "  - name: days_are_counted"),
    ],
)  # fmt: skip
def test_the_line_of_a_test(test: dict[str, Any], line: str) -> None:
    found = line_in_yaml(YAML, test)
    assert found is not None
    assert YAML.splitlines()[found - 1] == line


def test_what_is_not_in_the_file_has_no_line() -> None:
    assert line_in_yaml(YAML, generic("models.nothing", "unique")) is None
    assert line_in_yaml("a: [", generic("models.days", "unique")) is None
    assert line_in_yaml("", {"name": "days"}) is None


SQL = "\n-- days, in order\nselect\n    count(*) as n,\n    orders.{{ nothing() }} as m\nfrom {{ ref('order') }}\n"
COMPILED = '\n-- days, in order\nselect\n    count(*) as n,\n    orders.nothing as m\nfrom "a"."orders"\n'
COLUMN = (
    'Binder Error: Table "orders" has no column "nothing"\n\nLINE 12:     orders.nothing as m\n             ^'
)
CUT = "Binder Error: x\n\nLINE 12: ...orders.nothing as...\n             ^"
JINJA = (
    "dbt: Compilation Error in model days (models/gold/days.sql)\n  unexpected '}'\n    line 2\n      select"
)
REFERENCE = "dbt: Compilation Error\n  Model 'model.p.days' (models/gold/days.sql) depends on a node named 'order' which"
SOURCE = "dbt: Compilation Error\n  Model 'model.p.days' (models/gold/days.sql) depends on a source named 'x.order' which"
WRONG_YAML = (
    "dbt: Parsing Error\n  Error reading p: gold/days.yml - Runtime Error\n    Syntax error near line 3"
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    folder = tmp_path / "models" / "gold"
    folder.mkdir(parents=True)
    (folder / "days.sql").write_text(SQL)
    (folder / "days.yml").write_text(YAML)
    return Places(tmp_path, "data/dbt")


@pytest.mark.parametrize(
    ("message", "line"), [(COLUMN, 5), (CUT, 5), ("Binder Error: something else", 1), ("", 1)]
)
def test_the_line_of_a_model_that_cannot_be_built(message: str, line: int, places: Places) -> None:
    node = {"original_file_path": "models/gold/days.sql"}
    assert places.of_node(node, message, COMPILED) == Place("data/dbt/models/gold/days.sql", line)


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (JINJA, Place("data/dbt/models/gold/days.sql", 3)),
        (REFERENCE, Place("data/dbt/models/gold/days.sql", 6)),
        (SOURCE, Place("data/dbt/models/gold/days.sql", 6)),
        (WRONG_YAML, Place("data/dbt/models/gold/days.yml", 3)),
        ("dbt: Runtime Error\n  in ../../etc/passwd.sql", Place()),
        ("dbt: Runtime Error", Place()),
    ],
)
def test_the_place_that_dbt_names(message: str, place: Place, places: Places) -> None:
    assert places.of_message(message) == place


def test_the_line_of_a_column_that_goes_is_its_models(places: Places) -> None:
    node = {
        "name": "days",
        "patch_path": "p://models/gold/days.yml",
        "original_file_path": "models/gold/days.sql",
    }
    assert places.of_column(node, "total") == Place("data/dbt/models/gold/days.yml", 18)
    assert places.of_column(node, "gone") == Place("data/dbt/models/gold/days.yml", 11)
    assert places.of_column({**node, "patch_path": None}, "gone") == Place("data/dbt/models/gold/days.sql", 1)


CONTRACT = """Compilation Error in model days (models/gold/days.sql)
  This model has an enforced contract that failed.
  Please ensure the name, data_type, and number of columns in your contract match the columns in your model's definition.

  | column_name | definition_type | contract_type | mismatch_reason       |
  | ----------- | --------------- | ------------- | --------------------- |
"""


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("| Total | INTEGER | BIGINT | data type mismatch |", Place("data/dbt/models/gold/days.yml", 18)),
        ("| young | DATE    |        | missing in contract |", Place("data/dbt/models/gold/days.yml", 11)),
        ("| gone  |         | DATE   | missing in definition |", Place("data/dbt/models/gold/days.sql", 1)),
    ],
)
def test_a_contract_that_is_not_kept_is_mended_where_it_is_wrong(
    row: str, place: Place, places: Places
) -> None:
    node = {
        "name": "days",
        "patch_path": "p://models/gold/days.yml",
        "original_file_path": "models/gold/days.sql",
    }
    assert places.of_node(node, f"{CONTRACT}  {row}\n") == place


def test_a_model_that_is_removed_is_where_it_is_described_or_was(places: Places) -> None:
    node = {
        "name": "days",
        "patch_path": "p://models/gold/days.yml",
        "original_file_path": "models/gold/days.sql",
    }
    assert places.of_removed(node) == Place("data/dbt/models/gold/days.yml", 11)
    for gone in ({"name": "old"}, {"patch_path": None}, {"patch_path": "p://models/gold/old.yml"}):
        assert places.of_removed(node | gone) == Place("data/dbt/models/gold/days.sql")


def test_a_file_of_a_package_has_no_place(places: Places) -> None:
    assert places.of_node({"original_file_path": "macros/of_a_package.sql"}) == Place()
