"""What is given for a run, against what its DAG declares."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.airflow.params import fitted
from dataops_cli.errors import UsageError

# As the pipeline declares them.
DECLARED: dict[str, dict[str, Any]] = {
    "layer": {"type": "array", "items": {"enum": ["bronze", "silver", "gold"]}},
    "select": {"type": "array", "items": {"type": "string"}},
    "as_of_date": {"type": ["null", "string"], "format": "date"},
    "count": {"type": "integer"},
    "anything": {},
}


@pytest.mark.parametrize(
    ("value", "fit"),
    [
        ({"layer": "gold"}, {"layer": ["gold"]}),
        ({"layer": ["silver", "gold"]}, {"layer": ["silver", "gold"]}),
        ({"select": "tag:a,tag:b"}, {"select": ["tag:a,tag:b"]}),
        ({"as_of_date": "2014-06-30"}, {"as_of_date": "2014-06-30"}),
        ({"as_of_date": None}, {"as_of_date": None}),
        ({"count": 3, "anything": {"a": 1}}, {"count": 3, "anything": {"a": 1}}),
    ],
)
def test_what_fits(value: dict[str, Any], fit: dict[str, Any]) -> None:
    assert fitted("shop", DECLARED, value) == fit


@pytest.mark.parametrize(
    ("value", "reason", "hint"),
    [
        ({"layers": "gold"}, "DAG shop has no parameter layers", "Did you mean layer?"),
        (
            {"foo": 1},
            "DAG shop has no parameter foo",
            "It has: layer, select, as_of_date, count, anything",
        ),
        (
            {"layer": "copper"},
            'Parameter layer of DAG shop: "copper" is none of bronze, silver, gold',
            """Write it as --conf '{"layer": ["bronze"]}'""",
        ),
        (
            {"select": 5},
            "Parameter select of DAG shop: 5 is not text",
            """Write it as --conf '{"select": ["…"]}'""",
        ),
        (
            {"as_of_date": "yesterday"},
            'Parameter as_of_date of DAG shop: "yesterday" is not a date',
            """Write it as --conf '{"as_of_date": "2014-06-30"}'""",
        ),
        (
            {"count": True},
            "Parameter count of DAG shop: true is not a whole number",
            """Write it as --conf '{"count": 1}'""",
        ),
    ],
)
def test_what_does_not_fit(value: dict[str, Any], reason: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        fitted("shop", DECLARED, value)
    assert (error.value.reason, error.value.hint) == (reason, hint)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), JSON))
def test_a_dag_that_declares_nothing_takes_everything(value: dict[str, Any]) -> None:
    assert fitted("shop", {}, value) == value


@given(st.sampled_from(sorted(DECLARED)), JSON)
def test_any_value_fits_or_is_told(name: str, value: Any) -> None:
    with suppress(UsageError):
        assert fitted("shop", DECLARED, {name: value})[name] in (value, [value])
