"""Variables are replaced by the Compose specification's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.stack.interpolation import InterpolationError, interpolate

VARIABLES = {"SET": "value", "EMPTY": "", "DOLLAR": "$SET"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET ${SET}", "value value"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${SET:-x}${EMPTY:-x}${UNSET:-x}", "valuexx"),
        ("${SET-x}${EMPTY-x}${UNSET-x}", "valuex"),
        ("${SET:+x}${EMPTY:+x}${UNSET:+x}", "x"),
        ("${SET+x}${EMPTY+x}${UNSET+x}", "xx"),
        ("${UNSET:-${EMPTY:-${SET}}}", "value"),
        ("${UNSET:-a:b-c}", "a:b-c"),
        ("${DOLLAR}", "$SET"),
        ("${SET:?no}", "value"),
        ("${UNSET:-}", ""),
        ("$ $1 5$ $-", "$ $1 5$ $-"),
        ('${UNSET:-{"a": {}}}${SET:-{"a": {}}}}', '{"a": {}}value}'),
    ],
)
def test_values(text: str, expected: str) -> None:
    unset: list[str] = []
    assert interpolate(text, VARIABLES, unset.append) == expected
    assert unset == []


def test_a_variable_without_value_and_default_is_reported() -> None:
    unset: list[str] = []
    assert interpolate("a${UNSET}b$OTHER", VARIABLES, unset.append) == "ab"
    assert unset == ["UNSET", "OTHER"]


def test_what_is_not_used_warns_of_nothing() -> None:
    unset: list[str] = []
    assert interpolate("${SET:-$UNSET}", VARIABLES, unset.append) == "value"
    assert unset == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${UNSET:?give one}", "needs the variable UNSET: give one"),
        ("${EMPTY:?}", "needs the variable EMPTY: it is not set"),
        ("${UNSET?}", "needs the variable UNSET: it is not set"),
        ("${SET", "broken expression"),
        ("${SET:-x", "not closed"),
        ("${}", "without a variable's name"),
        ("${UNSET:-{x}", "not closed"),
        ("${SET!x}", "broken expression"),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(InterpolationError, match=message.replace("$", r"\$")):
        interpolate(text, VARIABLES, lambda _name: None)


@given(st.text(st.characters(exclude_characters="$")))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert interpolate(text, {}, lambda _name: None) == text


@given(st.text())
def test_a_doubled_dollar_is_a_dollar(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}, lambda _name: None) == text


@given(st.text(), st.text(st.characters(exclude_characters="${}")))
def test_a_default_serves_where_there_is_nothing(value: str, default: str) -> None:
    assert interpolate(f"${{V:-{default}}}", {"V": value}, lambda _name: None) == (value or default)
