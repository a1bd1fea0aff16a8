"""Python: ruff's rules and format, and types where mypy is configured."""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import batches, call


def _files(subject: Subject) -> list[str]:
    return sorted({*subject.ending(".py", ".pyi"), *subject.scripts("python", "python3")})


def _look(subject: Subject, files: Sequence[str]) -> list[Finding]:
    return [
        finding for batch in batches(files) for finding in (*_rules(subject, batch), *_format(subject, batch))
    ]


def _fix(subject: Subject, files: Sequence[str]) -> None:
    always = ("--no-cache", "--force-exclude", "--quiet")
    for batch in batches(files):
        call("ruff", "check", "--fix", *always, folder=subject.root, files=batch)
        call("ruff", "format", *always, folder=subject.root, files=batch, codes=(0, 2))


def _rules(subject: Subject, files: Sequence[str]) -> Iterator[Finding]:
    output = call(
        "ruff",
        *("check", "--no-fix", "--no-cache", "--force-exclude", "--output-format", "json"),
        folder=subject.root,
        files=files,
    )
    for item in json.loads(output):
        yield Finding(
            subject.project.relative(Path(item["filename"])),
            item["location"]["row"],
            item["code"] or "syntax",
            item["message"],
            item["location"]["column"],
        )


def _format(subject: Subject, files: Sequence[str]) -> Iterator[Finding]:
    # 2: a file that is no Python, of which the rules have spoken.
    output = call(
        "ruff",
        *("format", "--check", "--no-cache", "--force-exclude", "--output-format", "json"),
        folder=subject.root,
        files=files,
        codes=(0, 1, 2),
    )
    for item in json.loads(output or "[]"):
        if item["code"] == "unformatted":
            file = subject.project.relative(Path(item["filename"]))
            yield Finding(file, item["location"]["row"], "format", "it is not formatted from here on")


def _typed(subject: Subject) -> list[str]:
    """The files, where mypy is configured: mypy's configuration says which of them it reads."""
    return subject.ending(".py", ".pyi") if _mypy_is_configured(subject.root) else []


def _mypy_is_configured(root: Path) -> bool:
    if (root / "mypy.ini").is_file() or (root / ".mypy.ini").is_file():
        return True
    with suppress(OSError, tomllib.TOMLDecodeError):
        if "mypy" in tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {}):
            return True
    parser = configparser.ConfigParser()
    with suppress(configparser.Error):
        parser.read(root / "setup.cfg", encoding="utf-8")
    return parser.has_section("mypy")


def _look_at_types(subject: Subject, _files: Sequence[str]) -> list[Finding]:
    # 2: a file that cannot be read as Python, which mypy tells of as of an error; or mypy cannot begin, and says so on
    # stderr alone.
    output = call(
        "mypy", "--output", "json", "--no-error-summary", folder=subject.root, codes=(0, 1, 2), telling=(1, 2)
    )
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if not found and output.strip():
        return [Finding("pyproject.toml", None, "mypy", output.strip())]
    return [
        Finding(item["file"], item["line"], item["code"] or "mypy", item["message"], item["column"] + 1)
        for item in found
        if item["severity"] == "error"
    ]


PYTHON = Check(
    "python",
    "Python, by ruff: rules and format",
    ("ruff",),
    _files,
    _look,
    "Much of it is mended by: dataops ci lint --check python --fix; what a rule means: "
    "https://docs.astral.sh/ruff/rules/",
    fix=_fix,
)
TYPES = Check(
    "types",
    "Python's types, by mypy, where it is configured",
    ("mypy",),
    _typed,
    _look_at_types,
    "What a code means: https://mypy.readthedocs.io/en/stable/error_code_list.html",
)
