"""Secrets in what a change adds: in its commits, which a later one does not undo, and in its files as they are.

Nothing is tried out or sent anywhere, and what was found is never shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import call

QUIET = ("scan", "--quiet", "--no-validate", "--no-update-check", "--redact", "--format", "jsonl")
FOUND = 200  # kingfisher's exit code where it finds something


def _files(subject: Subject) -> list[str]:
    """What the change touches, also in a commit that a later one undoes; with nothing to compare with, every file."""
    base = subject.repository.merge_base(subject.base)
    if base is None:
        return subject.files
    prefix = subject.repository.prefix
    touched = subject.repository.touched(base)
    return [name.removeprefix(prefix) for name in touched if name.startswith(prefix)]


def _look(subject: Subject, files: Sequence[str]) -> list[Finding]:
    repository = subject.repository
    outputs = list[tuple[Path, str]]()
    if there := [name for name in files if (subject.root / name).is_file()]:
        outputs.append((subject.root, _scan(subject.root, "--git-history", "none", files=there)))
    if base := repository.merge_base(subject.base):
        commits = ("--since-commit", base, "--branch", "HEAD", str(repository.top))
        outputs.append((repository.top, _scan(repository.top, *commits)))
    found = [finding for folder, output in outputs for finding in _findings(subject, folder, output)]
    return [finding for finding in dict.fromkeys(found) if finding.file in files]


def _scan(folder: Path, *arguments: str, files: Sequence[str] = ()) -> str:
    return call(
        "kingfisher", *QUIET, *arguments, folder=folder, files=files, codes=(0, FOUND), telling=(FOUND,)
    )


def _findings(subject: Subject, folder: Path, output: str) -> list[Finding]:
    documents = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [
        Finding(
            subject.project.relative(folder / item["finding"]["path"]),
            item["finding"]["line"],
            item["rule"]["id"],
            f"{item['rule']['name']}, fingerprint {item['finding']['fingerprint']}",
        )
        for item in documents
        if "finding" in item and item["finding"]["fingerprint"] not in subject.config.lint.allowed_secrets
    ]


SECRETS = Check(
    "secrets",
    "Secrets in what the change adds, by kingfisher",
    ("kingfisher",),
    _files,
    _look,
    "Revoke it where it is real: whoever has the commits has it. What is none: `# kingfisher:ignore` on its "
    "line, or its fingerprint in lint.allowed_secrets of .github/dataops-ci.toml",
)
