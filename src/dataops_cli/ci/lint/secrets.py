"""Secrets in what a change adds: in its commits, which a later one does not undo, and in its files as they are.

Nothing is tried out or sent anywhere, and what was found is never shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from io import StringIO
from itertools import groupby
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import batches, call
from dataops_cli.ci.lint.versions import versions

RULES = Path(__file__).with_name("secrets.yml")
QUIET = (
    *("scan", "--quiet", "--no-validate", "--no-update-check", "--redact", "--format", "jsonl"),
    # Each occurrence: which of them would be told is not always the same, and a fingerprint is of its place, too.
    *("--no-dedup", "--git-history", "none", "--rules-path", str(RULES)),
)
FOUND = 200  # kingfisher's exit code where it finds something
SECRETS_FILE = "*.secrets.env*"
# Of a value in a secrets file that is looked for: a shorter one, or a mere word, stands in any text.
LENGTH = 8


@dataclass(frozen=True)
class _Occurrence:
    """`secret` stands for what was found: the same for the same secret in one run of kingfisher."""

    file: str
    secret: str
    committed: bool
    line: int
    rule: str
    name: str
    fingerprint: str


def _files(subject: Subject) -> list[str]:
    """What the change touches, also in a commit that a later one undoes; with nothing to compare with, every file."""
    base = subject.repository.merge_base(subject.base)
    if base is None:
        return subject.files
    prefix = subject.repository.prefix
    touched = subject.repository.touched(base)
    return [name.removeprefix(prefix) for name in touched if name.startswith(prefix)]


def _look(subject: Subject, files: Sequence[str]) -> list[Finding]:
    with TemporaryDirectory() as name:
        there = set(subject.files)
        texts = {subject.root / file: file for file in files if file in there}
        texts |= _committed(subject, files, Path(name))
        secrets_files = {file for file in texts.values() if is_secrets_file(file)}
        others = {path: file for path, file in texts.items() if file not in secrets_files}
        found = [
            *(
                Finding(file, None, "dataops.secrets-file", "secrets files belong in no commit")
                for file in sorted(secrets_files)
            ),
            *_known(subject, others),
            *_unknown(subject, others),
        ]
    return list(dict.fromkeys(found))


def is_secrets_file(file: str) -> bool:
    """`environments/dev.secrets.env`, and what an editor or a command leaves beside it."""
    return fnmatch(PurePosixPath(file).name, SECRETS_FILE)


def _committed(subject: Subject, files: Sequence[str], folder: Path) -> dict[Path, str]:
    """Write each version that differs from the file as it is, in a folder of its own. Returns path → file."""
    base = subject.repository.merge_base(subject.base)
    written = dict[Path, str]()
    for number, (file, content) in enumerate(versions(subject.repository, base, set(files)) if base else ()):
        now = subject.root / file
        if now.is_file() and now.read_bytes() == content:
            continue
        path = folder / str(number) / file
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        written[path] = file
    return written


def _known(subject: Subject, texts: Mapping[Path, str]) -> Iterator[Finding]:
    """Values of the secrets files of this machine."""
    if not (values := dict(_values(subject))):
        return
    for path, file in texts.items():
        content = path.read_bytes()
        for value, source in values.items():
            if (at := content.find(value)) >= 0:
                line = content.count(b"\n", 0, at) + 1
                yield Finding(file, line, "dataops.known", f"the value of {source}")


def _values(subject: Subject) -> Iterator[tuple[bytes, str]]:
    from dotenv import dotenv_values

    for path in sorted(subject.project.environments.glob("*.secrets.env")):
        text = StringIO(path.read_text(encoding="utf-8", errors="replace"))
        for name, value in dotenv_values(stream=text, interpolate=False).items():
            if value and len(value) >= LENGTH and not value.isalpha():
                yield value.encode(), f"{name} in {subject.project.relative(path)}"


def _unknown(subject: Subject, texts: Mapping[Path, str]) -> list[Finding]:
    """What looks like a secret. Each once in its file, where it is now if it still is."""
    # The versions of a file side by side: those in one call are known to have the same secret. A name alone may be one
    # of kingfisher's commands.
    relative = map(subject.project.relative, sorted(texts, key=lambda path: texts[path]))
    paths = [path if path.startswith("/") else f"./{path}" for path in relative]
    outputs = [
        call("kingfisher", *QUIET, folder=subject.root, files=batch, codes=(0, FOUND), telling=(FOUND,))
        for batch in batches(paths)
    ]
    allowed = set(subject.config.lint.allowed_secrets)
    occurrences = sorted(
        (each for output in outputs for each in _occurrences(subject, texts, output)),
        key=lambda each: (each.file, each.secret, each.committed, each.line, each.rule),
    )
    found = []
    for _, same in groupby(occurrences, lambda each: (each.file, each.secret)):
        first, *more = same
        if allowed.isdisjoint(each.fingerprint for each in (first, *more)):
            message = f"{first.name}; fingerprint {first.fingerprint}"
            found.append(Finding(first.file, first.line, first.rule, message))
    return found


def _occurrences(subject: Subject, texts: Mapping[Path, str], output: str) -> Iterable[_Occurrence]:
    for document in (json.loads(line) for line in output.splitlines() if line.startswith("{")):
        if "finding" not in document:
            continue
        finding = document["finding"]
        path, inner = _split(texts, subject.root / finding["path"].removeprefix("./"))
        name = document["rule"]["description"].rstrip(".")
        yield _Occurrence(
            texts[path],
            finding["snippet"],
            not path.is_relative_to(subject.root),
            1 if inner else finding["line"],
            document["rule"]["id"],
            f"{name}, in {inner}" if inner else name,
            finding["fingerprint"],
        )


def _split(texts: Mapping[Path, str], path: Path) -> tuple[Path, str]:
    """A path that kingfisher tells, and for `archive.zip!a/file` what is in the archive."""
    outer, inner = str(path), ""
    while Path(outer) not in texts and "!" in outer:
        outer, _, last = outer.rpartition("!")
        inner = f"{last}!{inner}" if inner else last
    return Path(outer), inner


SECRETS = Check(
    "secrets",
    "Secrets in what the change adds, by kingfisher, and the values of environments/*.secrets.env",
    ("kingfisher",),
    _files,
    _look,
    "Revoke it where it is real: whoever has the commits has it. What is none: `# kingfisher:ignore` on its "
    "line, or its fingerprint in lint.allowed_secrets of .github/dataops-ci.toml",
    nothing="nothing is changed",
)
