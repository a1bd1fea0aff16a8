"""The commit that a release is made from, and its files: from git's objects, never from the working tree.

The platform may be a folder of a larger repository; then only what is in it is looked at.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from dataops_cli.deploy.git import Answer, ask, known_names, place_in_repository, require
from dataops_cli.deploy.source import (
    SECRETS,
    explained_damage,
    make_links,
    packed_source,
    unpack,
    whole_or_not_at_all,
)
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.files import explained
from dataops_cli.project import MARKER

ARCHIVE_SECONDS = 600.0
SHORT = 12

# What a release is built from; what else the folder has may be incomplete.
NEEDED_FOLDERS = ("airflow", "compose", "dbt", "environments")
NEEDED_FILES = (MARKER, Path("dbt") / "dbt_project.yml")

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MANY_COMMITS = re.compile(r"short (?:object ID|SHA1) (\w+) is ambiguous")
_MANY_NAMES = re.compile(r"refname '(.+)' is ambiguous")
# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Commit:
    """A commit. `ref` is what was asked for, `committed_at` ISO 8601 in UTC."""

    sha: str
    subject: str
    author: str
    committed_at: str
    ref: str

    @property
    def short(self) -> str:
        return self.sha[:SHORT]


@dataclass(frozen=True)
class CommitsBetween:
    """What a release has that another one has not, and what is left behind with the other; newest first."""

    gained: tuple[Commit, ...]
    lost: tuple[Commit, ...]


def resolve(root: Path, revision: str) -> Commit:
    """The commit that a revision names: a SHA, also a short one, a tag, a branch, `HEAD~1`.

    Raises UsageError for what names no commit or more than one, DataopsError where the clone lacks history.
    """
    if not revision or revision.startswith("-") or "\0" in revision:
        raise UsageError(f"{revision!r} names no commit", hint="Name one: git log --oneline")
    answer = ask(root, "rev-parse", "--verify", f"{revision}^{{commit}}")
    if many := _MANY_COMMITS.search(answer.complaint):
        raise _short_for_many(root, many[1])
    if many := _MANY_NAMES.search(answer.complaint):
        names = known_names(root, *(f"refs/{kind}/{many[1]}" for kind in ("heads", "remotes", "tags")))
        raise UsageError(
            f"{many[1]} names more than one thing",
            details=tuple(names),
            hint=f"Name it in full: dataops deploy --sha {names[-1]}" if names else "Rename one of them.",
        )
    if answer.code or not _SHA.fullmatch(answer.text):
        raise _unknown(root, revision, answer)
    return _log(root, "--no-walk", answer.text, ref=revision)[0]


def current_branch(root: Path) -> str | None:
    """The branch that is checked out; None where a commit is, without one."""
    answer = ask(root, "symbolic-ref", "--quiet", "HEAD")
    return None if answer.code == 1 else require(answer).text.removeprefix("refs/heads/")


def is_dirty(root: Path) -> bool:
    """Whether below `root` anything is not committed that git tracks or would add."""
    status = ask(root, "status", "--porcelain", "-z", "--untracked-files=normal", "--", ".")
    return bool(require(status).output)


def commits_between(root: Path, old_sha: str, new_sha: str, limit: int = 50) -> CommitsBetween | None:
    """The commits from one release's to another's, at most `limit` each way; None where git lacks one of them.

    Of a platform in a folder of its repository, those that touch the folder.
    """
    old, new = _full(root, old_sha), _full(root, new_sha)
    if old is None or new is None:
        return None
    _, below = place_in_repository(root)
    where = ["--", "."] if below else ["--"]
    most = f"--max-count={limit}"
    return CommitsBetween(
        gained=tuple(_log(root, most, f"{old}..{new}", *where)),
        lost=tuple(_log(root, most, f"{new}..{old}", *where)),
    )


def export(root: Path, commit: Commit, into: Path) -> None:
    """Write the platform's files as they are in the commit into a folder that is made, whole or not at all.

    Only the commit counts: neither the working tree nor the index, nor this machine's line ends.
    Raises UsageError where the commit has no whole platform, DataopsError where `into` is there and not empty.
    """
    top, below = place_in_repository(root)
    sha = resolve(root, commit.sha).sha
    tree = ask(top, "ls-tree", "-r", "-z", "--full-tree", f"{sha}:{below}")
    if tree.code:
        raise UsageError(
            f"Commit {commit.short} has no folder {_shown(below)}",
            hint="Commit the platform first, or name a later commit: git add --all && git commit",
        )
    entries = (name.partition("\t") for name in require(tree).names)
    _refuse_repositories(path for about, _, path in entries if about.startswith("160000 "))
    with whole_or_not_at_all(into) as aside, explained_damage(), tempfile.TemporaryFile() as tar:
        where = ["--", below] if below else []
        archive = ["archive", "--format=tar", sha, *where]
        require(ask(top, *archive, into=tar, seconds=ARCHIVE_SECONDS, as_committed=True))
        tar.seek(0)
        unpack(tar, aside, below)
        _refuse_incomplete(aside, f"Commit {commit.short}")


def export_working_tree(root: Path, into: Path) -> str:
    """Write the files that git tracks or would add, as they are now, into a folder that is made.

    Returns a hash of their content (12 digits). Raises as `export` does.
    """
    listed = ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    names = sorted({PurePosixPath(name) for name in require(listed).names})
    present = [name for name in names if not _is_behind_a_link(root, name) and _is_public(name)]
    links = {name: str((root / name).readlink()) for name in present if (root / name).is_symlink()}
    files = [name for name in present if name not in links]
    _refuse_repositories(str(name) for name in files if _is_repository(root / name))
    with whole_or_not_at_all(into) as aside:
        for name in (*files, *links):
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
        for name in files:
            # It may be deleted and not committed, or be deleted right now.
            with explained(root / name), suppress(FileNotFoundError, IsADirectoryError):
                shutil.copy(root / name, aside / name)
        make_links(aside, links)
        _refuse_incomplete(aside, "The working tree")
        return hashlib.sha256(packed_source(aside)).hexdigest()[:SHORT]


def _full(root: Path, sha: str) -> str | None:
    """The full SHA of a commit that git has; None for any other."""
    if not re.fullmatch(r"[0-9a-f]{4,64}", sha):
        return None
    answer = ask(root, "rev-parse", "--verify", "--quiet", f"{sha}^{{commit}}")
    return answer.text if answer.code == 0 else None


def _log(root: Path, *arguments: str, ref: str | None = None) -> list[Commit]:
    """Commits as `git log` gives them; `ref` is their SHA where it is not given."""
    form = "--format=%H%n%an%n%ct%n%s"
    answer = require(ask(root, "log", "-z", "--no-show-signature", "--encoding=UTF-8", form, *arguments))
    commits = []
    for record in answer.output.decode("utf-8", "replace").split("\0")[:-1]:
        sha, author, seconds, subject = record.split("\n", 3)
        at = datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
        commits.append(Commit(sha, _printable(subject), _printable(author), at, ref or sha))
    return commits


def _printable(text: str) -> str:
    """Without what would command a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _shown(path: Path | str) -> str:
    """A path for a message, whatever bytes it has."""
    return _printable(os.fsencode(path).decode("utf-8", "replace"))


def _short_for_many(root: Path, prefix: str) -> UsageError:
    objects = require(ask(root, "rev-parse", f"--disambiguate={prefix}")).output
    kinds = require(ask(root, "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=objects)).text
    shas = [line.split()[0] for line in kinds.splitlines() if line.endswith(" commit")]
    commits = _log(root, "--no-walk", *shas) if shas else []
    return UsageError(
        f"{prefix} is short for more than one commit",
        details=tuple(f"{commit.short} {commit.subject}" for commit in commits),
        hint="Give more of its digits: git log --oneline",
    )


def _unknown(root: Path, revision: str, answer: Answer) -> DataopsError:
    """Why a revision names no commit."""
    if answer.code and "Needed a single revision" not in answer.complaint:
        require(answer)
    if ask(root, "rev-parse", "--verify", "--quiet", "HEAD").code:
        return UsageError(
            "The repository has no commit yet", hint="Commit the platform: git add --all && git commit"
        )
    if require(ask(root, "rev-parse", "--is-shallow-repository")).text == "true":
        return DataopsError(
            f"{revision!r} is not in this clone, which is shallow: it lacks older commits",
            hint="Fetch them: git fetch --unshallow --tags",
            exit_code=ExitCode.UNAVAILABLE,
        )
    near = _near(revision, known_names(root))
    return UsageError(
        f"There is no commit, tag or branch {revision!r}",
        hint=(f"Did you mean {' or '.join(near)}? " if near else "")
        + "If it was made elsewhere, fetch it: git fetch --tags",
    )


def _near(revision: str, names: Iterable[str]) -> list[str]:
    """Names like the one asked for, those of the same name on a remote first."""
    short = [re.sub(r"^refs/(heads|remotes|tags)/", "", name) for name in names]
    remote = [name for name in short if name.endswith(f"/{revision}")]
    return list(dict.fromkeys([*remote, *get_close_matches(revision, short)]))[:3]


def _is_behind_a_link(root: Path, name: PurePosixPath) -> bool:
    """Whether a folder on the way to it is a link by now: git takes what was in it for deleted."""
    return any((root / folder).is_symlink() for folder in name.parents[:-1])


def _is_public(name: PurePosixPath) -> bool:
    return not fnmatchcase(name.name, SECRETS)


def _is_repository(path: Path) -> bool:
    """A folder that git names as if it were a file: a repository, or where a submodule's files should be."""
    return path.is_dir() and ((path / ".git").exists() or not any(path.iterdir()))


def _refuse_repositories(paths: Iterable[str]) -> None:
    """Submodules and other repositories in the platform: git has no files of theirs."""
    for path in sorted(paths):
        if path.split("/")[0] in NEEDED_FOLDERS:
            raise UsageError(
                f"{_shown(path)} is a git repository of its own (a submodule), whose files are in no commit of the platform",
                hint="Take its files into the platform's own repository: git rm --cached, remove its .git, git add",
            )


def _refuse_incomplete(folder: Path, whose: str) -> None:
    """What a release needs is there, and is what it stands for."""
    missing = [str(path) for path in NEEDED_FILES if not (folder / path).is_file()]
    if missing:
        raise UsageError(
            f"{whose} has no whole platform: it lacks {', '.join(missing)}",
            hint="Commit it: git add --all && git commit. If it is committed, see export-ignore in .gitattributes.",
        )
    for top in NEEDED_FOLDERS:
        for path in sorted((folder / top).rglob("*")):
            if path.is_file() and not path.is_symlink() and _is_lfs_pointer(path):
                raise UsageError(
                    f"{whose} has only a pointer of git-lfs for {_shown(path.relative_to(folder))}, not its content",
                    hint="Fetch it: git lfs install && git lfs fetch && git lfs checkout",
                )


def _is_lfs_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_LFS_POINTER)) == _LFS_POINTER
