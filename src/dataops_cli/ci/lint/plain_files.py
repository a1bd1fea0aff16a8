"""YAML, Dockerfiles and shell scripts: a tool each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import batches, call

SHELLS = ("sh", "bash", "dash", "ksh")
_PARSABLE = re.compile(
    r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): \[\w+\] (?P<message>.*?)(?: \((?P<rule>[\w-]+)\))?"
)


def _yaml_files(subject: Subject) -> list[str]:
    return subject.ending(".yml", ".yaml")


def _look_at_yaml(subject: Subject, files: Sequence[str]) -> list[Finding]:
    outputs = [
        call(
            *("yamllint", "--strict", "--format", "parsable"),
            folder=subject.root,
            files=batch,
            codes=(0, 1, 2),
            telling=(1, 2),
        )
        for batch in batches(files)
    ]
    return [_of_yamllint(line) for output in outputs for line in output.split("\n") if line]


def _of_yamllint(line: str) -> Finding:
    """Raises ValueError for a line of another form."""
    item = _PARSABLE.fullmatch(line)
    if item is None:
        raise ValueError(line)
    return Finding(
        item["file"].removeprefix("./"),
        int(item["line"]),
        item["rule"] or "syntax",
        item["message"],
        int(item["column"]),
    )


def _dockerfiles(subject: Subject) -> list[str]:
    """`Dockerfile`, `Dockerfile.worker`, `worker.Dockerfile`; what they leave out is in another form."""
    names = ((name, PurePosixPath(name).name) for name in subject.files)
    return [
        path
        for path, name in names
        if (name == "Dockerfile" or name.startswith("Dockerfile.") or name.endswith(".Dockerfile"))
        and not name.endswith(".dockerignore")
    ]


def _look_at_dockerfiles(subject: Subject, files: Sequence[str]) -> list[Finding]:
    outputs = [
        call("hadolint", "--format", "json", folder=subject.root, files=batch) for batch in batches(files)
    ]
    return [
        Finding(item["file"].removeprefix("./"), item["line"], item["code"], item["message"], item["column"])
        for output in outputs
        for item in json.loads(output or "[]")
    ]


def _shell_scripts(subject: Subject) -> list[str]:
    return sorted({*subject.ending(".sh", ".bash"), *subject.scripts(*SHELLS)})


def _look_at_shell(subject: Subject, files: Sequence[str]) -> list[Finding]:
    outputs = [
        call("shellcheck", "--format", "json1", folder=subject.root, files=batch) for batch in batches(files)
    ]
    return [
        Finding(
            item["file"].removeprefix("./"),
            item["line"],
            f"SC{item['code']}",
            item["message"],
            item["column"],
        )
        for output in outputs
        for item in json.loads(output)["comments"]
    ]


YAML = Check(
    "yaml",
    "YAML files, by yamllint as .yamllint says",
    ("yamllint",),
    _yaml_files,
    _look_at_yaml,
    "What a rule means: https://yamllint.readthedocs.io/en/stable/rules.html",
)
DOCKERFILES = Check(
    "dockerfiles",
    "Dockerfiles, by hadolint",
    ("hadolint",),
    _dockerfiles,
    _look_at_dockerfiles,
    "What a rule means: https://github.com/hadolint/hadolint/wiki; allow it above its line: "
    "# hadolint ignore=RULE",
)
SHELL = Check(
    "shell",
    "Shell scripts, by shellcheck",
    ("shellcheck",),
    _shell_scripts,
    _look_at_shell,
    "What a rule means: https://www.shellcheck.net/wiki/; allow it above its line: # shellcheck disable=RULE",
)
