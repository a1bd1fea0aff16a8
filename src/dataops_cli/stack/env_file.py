"""A file of variables, `NAME=VALUE` a line, as Compose reads `env_file` and `.env`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path

from dataops_cli.errors import UsageError
from dataops_cli.stack.interpolation import InterpolationError, interpolate


def read_env_file(
    path: Path, variables: Mapping[str, str], unset: Callable[[str], None], before: Mapping[str, str]
) -> dict[str, str]:
    """The file's variables, with `${…}` replaced but in single quotes.

    A name alone takes its value from `variables` and is left out where they lack it. Expressions see what
    files `before` this one said, then `variables`, then the file's own lines above. `unset` hears of every
    variable that counts as empty. Raises UsageError with file and line for what cannot be read.
    """
    from dotenv.parser import parse_stream

    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"cannot read {path}", hint="Put the file there, as UTF-8 text.") from None
    result: dict[str, str] = {}
    for binding in parse_stream(StringIO(content)):
        place = f"{path}:{binding.original.line + _blank_lines(binding.original.string)}"
        if binding.error:
            raise UsageError(f"{place}: no variable", hint="Write: NAME=VALUE, with quotes around blanks.")
        if binding.key is None:
            continue
        if binding.value is None:
            if binding.key in variables:
                result[binding.key] = variables[binding.key]
            continue
        written = binding.original.string.partition("=")[2].lstrip()
        if written.startswith("'"):
            result[binding.key] = binding.value
            continue
        value = binding.value.replace(r"\$", "$$") if written.startswith('"') else binding.value
        try:
            result[binding.key] = interpolate(value, {**result, **variables, **before}, unset)
        except InterpolationError as error:
            raise UsageError(
                f"{place}: {binding.key} {error}", hint="Set the variable, or mend it; $$ is a dollar."
            ) from None
    return result


def _blank_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")
