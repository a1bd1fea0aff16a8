"""Variables in values: `$V`, `${V}`, `:-` `-` `:?` `?` `:+` `+`, nested, and `$$` for a dollar.

A dollar before anything else stands for itself.

Source of the rules: the Compose specification, "Interpolation".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":-|:\?|:\+|-|\?|\+")


class InterpolationError(ValueError):
    """A value whose variables cannot be replaced; the text says why."""


def interpolate(text: str, variables: Mapping[str, str], unset: Callable[[str], None]) -> str:
    """The text with its variables replaced. `unset` hears of every variable that is blank for want of a value.

    Raises InterpolationError for a broken expression and for `${V:?message}` without a value.
    """
    result, position = _until(text, 0, variables, unset, closing=False)
    assert position == len(text)  # noqa: S101 - nothing but the end stops an outermost text
    return result


def _until(
    text: str, position: int, variables: Mapping[str, str], unset: Callable[[str], None], *, closing: bool
) -> tuple[str, int]:
    """Replace from `position` to the end, or to the brace that closes the expression around it."""
    parts: list[str] = []
    open_braces = 0
    while position < len(text):
        character = text[position]
        if closing and character == "}" and not open_braces:
            return "".join(parts), position
        if character != "$":
            # A default may be JSON: ${V:-{"a": 1}}
            open_braces += {"{": 1, "}": -1}.get(character, 0)
            parts.append(character)
            position += 1
        elif text.startswith("$$", position):
            parts.append("$")
            position += 2
        elif text.startswith("${", position):
            value, position = _braced(text, position + 2, variables, unset)
            parts.append(value)
        elif name := _NAME.match(text, position + 1):
            parts.append(_plain(name[0], variables, unset))
            position = name.end()
        else:
            parts.append("$")
            position += 1
    if closing:
        raise InterpolationError("has a ${ that is not closed")
    return "".join(parts), position


def _braced(
    text: str, position: int, variables: Mapping[str, str], unset: Callable[[str], None]
) -> tuple[str, int]:
    name = _NAME.match(text, position)
    if name is None:
        raise InterpolationError(f"has a ${{ without a variable's name: {_near(text, position - 2)}")
    if text.startswith("}", name.end()):
        return _plain(name[0], variables, unset), name.end() + 1
    operator = _OPERATOR.match(text, name.end())
    if operator is None:
        raise InterpolationError(f"has a broken expression: {_near(text, position - 2)}")
    value = variables.get(name[0])
    given = bool(value) if operator[0].startswith(":") else value is not None
    kind = operator[0][-1]
    # What stands for a value that is not used is not looked at, so that it warns of nothing.
    used = kind == "+" if given else kind in "-?"
    alternative, end = _until(
        text, operator.end(), variables, unset if used else (lambda _name: None), closing=True
    )
    if kind == "?" and not given:
        raise InterpolationError(f"needs the variable {name[0]}: {alternative or 'it is not set'}")
    if kind == "+":
        return (alternative if given else ""), end + 1
    return (value or "" if given else alternative), end + 1


def _plain(name: str, variables: Mapping[str, str], unset: Callable[[str], None]) -> str:
    if name not in variables:
        unset(name)
    return variables.get(name, "")


def _near(text: str, position: int) -> str:
    return text[position : position + 20]
