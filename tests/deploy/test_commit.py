"""Commits and their files, on real git repositories."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataops_cli.deploy.commit import (
    Commit,
    commits_between,
    current_branch,
    export,
    export_working_tree,
    is_dirty,
    resolve,
)
from dataops_cli.deploy.source import source_archive, unpack_source
from dataops_cli.errors import DataopsError, ExitCode

PLATFORM = {"environments/base.toml": "description = 'x'\n", "dbt/dbt_project.yml": "name: dataops\n"}
WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", "1700000000 +0200"))
}


def git(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> str:
    quiet = ["-c", "advice.detachedHead=false", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", "-C", folder, *quiet, *arguments],
        env={**os.environ, **WHO},
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def commit(folder: Path, subject: str = "change", **files: str) -> str:
    write(folder, {name.replace("__", "/"): content for name, content in files.items()})
    git(folder, "add", "--all", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


def made_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that is a platform, with one commit."""
    folder = made_repository(tmp_path / "repository")
    write(folder, PLATFORM)
    commit(folder, "feat: the platform")
    return folder


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """A platform in a folder of a repository, with one commit."""
    top = made_repository(tmp_path / "repository")
    folder = top / "data [x]*" / "plat form"
    write(folder, PLATFORM)
    write(top, {"other/file": "", "data x/plat form/decoy": "", "outside": ""})
    commit(top, "feat: all of it")
    return folder


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(call: Callable[[], object]) -> DataopsError:
    with pytest.raises(DataopsError) as caught:
        call()
    return caught.value


# Revisions


def test_a_commit_by_every_name_it_has(root: Path) -> None:
    sha = git(root, "rev-parse", "HEAD")
    git(root, "tag", "light")
    git(root, "tag", "-a", "-m", "annotated", "v1.0")
    git(root, "branch", "feature/ü")
    git(root, "update-ref", "refs/remotes/origin/release", sha)
    names = (sha, sha[:7], "HEAD", "light", "v1.0", "feature/ü", "origin/release", "main", "@")
    for name in names:
        assert resolve(root, name) == Commit(
            sha, "feat: the platform", "Ada", "2023-11-14T22:13:20+00:00", name
        )
    assert resolve(root, "main").short == sha[:12]


def test_what_somebody_wrote_into_a_commit_commands_no_terminal(root: Path) -> None:
    git(
        root, "-c", "core.commentChar=;", "commit", "--quiet", "--allow-empty", "-m", "red \x1b[31m\nand more"
    )
    assert resolve(root, "HEAD").subject == "red  [31m and more"


@pytest.mark.parametrize(
    "revision",
    ["", "-x", "--all", "--output=stolen", "--end-of-options", "^HEAD", "HEAD..HEAD", "a\0b", ":/no"],
)
def test_what_is_no_commit_is_never_an_option(root: Path, revision: str) -> None:
    error = failing(lambda: resolve(root, revision))
    assert error.exit_code is ExitCode.USAGE
    assert not (root / "stolen").exists()


def test_an_unknown_revision_names_near_ones(root: Path) -> None:
    git(root, "tag", "v1.10.0")
    git(root, "branch", "feature")
    git(root, "update-ref", "refs/remotes/origin/a-branch-of-another-person", "HEAD")
    error = failing(lambda: resolve(root, "featrue"))
    assert error.reason == "There is no commit, tag or branch 'featrue'"
    assert error.hint == "Did you mean feature? If it was made elsewhere, fetch it: git fetch --tags"
    assert "v1.10.0" in failing(lambda: resolve(root, "v1.1.0")).hint
    remote = failing(lambda: resolve(root, "a-branch-of-another-person"))
    assert "Did you mean origin/a-branch-of-another-person?" in remote.hint
    gone = failing(lambda: resolve(root, "0" * 40))
    assert gone.hint == "If it was made elsewhere, fetch it: git fetch --tags"


def test_a_short_sha_of_many_lists_them(root: Path) -> None:
    stream = "".join(
        f"commit refs/heads/many\ncommitter A <a@b> {1700000000 + number} +0000\ndata {len(str(number))}\n{number}\n"
        for number in range(1500)
    )
    git(root, "fast-import", "--quiet", stdin=stream.encode())
    shas = git(root, "rev-list", "many").split()
    prefix = next(sha[:4] for sha in shas if sum(other.startswith(sha[:4]) for other in shas) > 1)
    error = failing(lambda: resolve(root, prefix))
    assert error.reason == f"{prefix} is short for more than one commit"
    assert error.exit_code is ExitCode.USAGE
    listed = {detail.split()[0] for detail in error.details}
    assert {sha[:12] for sha in shas if sha.startswith(prefix)} <= listed
    assert all(detail.split()[0].startswith(prefix) and len(detail.split()) > 1 for detail in error.details)


def test_a_branch_and_a_tag_of_one_name(root: Path) -> None:
    git(root, "tag", "twice")
    git(root, "branch", "twice")
    error = failing(lambda: resolve(root, "twice"))
    assert error.details == ("refs/heads/twice", "refs/tags/twice")
    assert resolve(root, "refs/tags/twice").ref == "refs/tags/twice"


def test_a_shallow_clone(root: Path, tmp_path: Path) -> None:
    old = git(root, "rev-parse", "HEAD")
    commit(root, "second", dbt__a="1")
    git(tmp_path, "clone", "--quiet", "--depth=1", root.as_uri(), "shallow")
    error = failing(lambda: resolve(tmp_path / "shallow", old))
    assert "shallow" in error.reason
    assert error.hint == "Fetch them: git fetch --unshallow --tags"
    assert error.exit_code is ExitCode.UNAVAILABLE
    assert resolve(tmp_path / "shallow", "HEAD").subject == "second"


def test_no_repository_no_commit_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "bare").mkdir()
    for call in (resolve, lambda root, _: is_dirty(root), lambda root, _: current_branch(root)):
        error = failing(lambda call=call: call(tmp_path / "bare", "HEAD"))
        assert "is in no git repository" in error.reason
        assert error.hint == "Keep the platform in git: git init && git add --all && git commit"
        assert error.exit_code is ExitCode.USAGE
    empty = made_repository(tmp_path / "empty")
    assert failing(lambda: resolve(empty, "HEAD")).reason == "The repository has no commit yet"
    assert current_branch(empty) == "main"
    monkeypatch.setenv("PATH", str(tmp_path / "bare"))
    missing = failing(lambda: resolve(empty, "HEAD"))
    assert (missing.reason, missing.exit_code) == ("git is not installed", ExitCode.UNAVAILABLE)


def test_git_that_does_not_answer(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    from dataops_cli.deploy.git import ask

    error = failing(lambda: ask(root, "status", seconds=0.2))
    assert "git status did not answer within 0.2 seconds" in error.reason


def test_a_repository_of_another_user(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    error = failing(lambda: resolve(root, "HEAD"))
    assert error.reason.startswith("git refuses: detected dubious ownership in repository")
    assert error.hint == f"git config --global --add safe.directory {root}"


def test_what_a_hook_sets_does_not_lead_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = git(root, "rev-parse", "HEAD")
    other = made_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    assert resolve(root, "HEAD").sha == sha
    assert not is_dirty(root)


# The working tree


def test_the_branch(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "feature/x")
    git(root, "tag", "feature/x")
    assert current_branch(root) == "feature/x"
    git(root, "checkout", "--quiet", "--detach")
    assert current_branch(root) is None


def test_dirty_is_what_git_would_commit_below_the_platform(nested: Path) -> None:
    top = nested.parents[1]
    git(top, "config", "status.showUntrackedFiles", "no")
    write(top, {"outside": "changed", "new": ""})
    assert not is_dirty(nested)
    write(nested, {".gitignore": "logs/\n"})
    assert is_dirty(nested)
    commit(nested, "ignore")
    write(nested, {"logs/a": ""})
    assert not is_dirty(nested)
    (nested / "dbt/dbt_project.yml").unlink()
    assert is_dirty(nested)


# Exports


def test_an_export_has_the_commit_and_nothing_of_the_working_tree(root: Path, tmp_path: Path) -> None:
    write(root, {".gitignore": "ignored\n", ".gitattributes": "secret export-ignore\n", "secret": "s"})
    made = resolve(root, commit(root))
    write(root, {"dbt/dbt_project.yml": "changed", "dbt/new.sql": "", "ignored": "", ".git/info/exclude": ""})
    write(root, {"staged": ""})
    git(root, "add", "staged")
    write(root, {".gitattributes": "* export-ignore\n"})
    export(root, made, tmp_path / "a" / "export")
    assert files_of(tmp_path / "a" / "export") == {
        **PLATFORM,
        ".gitignore": "ignored\n",
        ".gitattributes": "secret export-ignore\n",
    }
    assert names_in(tmp_path / "a") == ["export"]


def test_an_export_of_a_folder_of_the_repository(nested: Path, tmp_path: Path) -> None:
    export(nested, resolve(nested, "HEAD"), tmp_path / "export")
    assert files_of(tmp_path / "export") == PLATFORM


def test_a_users_line_ends_change_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "attributes").write_text("* text=auto\n*.yml export-ignore\n")
    (tmp_path / "config").write_text(
        f"[core]\nautocrlf = true\nattributesFile = {tmp_path / 'attributes'}\n[tar]\numask = 0777\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    export(root, resolve(root, "HEAD"), tmp_path / "export")
    assert (tmp_path / "export/dbt/dbt_project.yml").read_bytes() == b"name: dataops\n"
    assert (tmp_path / "export/dbt/dbt_project.yml").stat().st_mode & 0o777 == 0o644


def test_a_commit_without_the_platform(nested: Path, tmp_path: Path) -> None:
    made = resolve(nested, "HEAD")
    new = nested.parent / "new"
    write(new, PLATFORM)
    error = failing(lambda: export(new, made, tmp_path / "export"))
    assert error.reason == f"Commit {made.short} has no folder data [x]*/new"
    shutil.rmtree(nested / "dbt")
    git(nested, "rm", "--quiet", "-r", "--cached", "dbt")
    git(nested, "commit", "--quiet", "-m", "without dbt")
    without = resolve(nested, "HEAD")
    error = failing(lambda: export(nested, without, tmp_path / "export"))
    assert error.reason == f"Commit {without.short} has no whole platform: it lacks dbt/dbt_project.yml"
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_a_folder_that_is_there_is_left_alone(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "export", {"mine": ""})
    error = failing(lambda: export(root, resolve(root, "HEAD"), tmp_path / "export"))
    assert error.exit_code is ExitCode.REFUSED
    assert files_of(tmp_path / "export") == {"mine": ""}
    assert names_in(tmp_path) == ["export", "repository"]


def test_two_exports_at_once_make_one_folder(root: Path, tmp_path: Path) -> None:
    made, faults = resolve(root, "HEAD"), list[DataopsError]()

    def once() -> None:
        try:
            export(root, made, tmp_path / "export")
        except DataopsError as error:
            faults.append(error)

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error.exit_code for error in faults] == [ExitCode.REFUSED] * 3
    assert files_of(tmp_path / "export") == PLATFORM
    assert names_in(tmp_path) == ["export", "repository"]


def test_links_are_kept_only_if_they_stay_inside(root: Path, tmp_path: Path) -> None:
    links = {
        "dbt/file": "dbt_project.yml",
        "up": "dbt/../environments",
        "dangling": "nowhere",
        "loop": "loop",
        "dbt/up": "..",
        "absolute": "/etc/passwd",
        "out": "../outside",
        "through": "dbt/up/..",
        "dbt/through": "up/../outside",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    made = resolve(root, commit(root))
    export(root, made, tmp_path / "export")
    kept = {name: f"-> {links[name]}" for name in ("dbt/file", "up", "dangling", "loop", "dbt/up")}
    assert files_of(tmp_path / "export") == {**PLATFORM, **kept}
    export_working_tree(root, tmp_path / "tree")
    assert files_of(tmp_path / "tree") == files_of(tmp_path / "export")


def test_what_is_executable_stays_so(root: Path, tmp_path: Path) -> None:
    write(root, {"dbt/run": "#!/bin/sh\n"})
    (root / "dbt/run").chmod(0o700)
    export(root, resolve(root, commit(root)), tmp_path / "export")
    assert (tmp_path / "export/dbt/run").stat().st_mode & 0o777 == 0o755


def test_secrets_files_are_in_no_release(root: Path, tmp_path: Path) -> None:
    write(root, {"environments/dev.secrets.env": "DATAOPS_WAREHOUSE__PASSWORD=x"})
    export_working_tree(root, tmp_path / "tree")
    export(root, resolve(root, commit(root)), tmp_path / "export")
    assert files_of(tmp_path / "tree") == files_of(tmp_path / "export") == PLATFORM


@pytest.mark.parametrize("how", ["export", "export_working_tree"])
def test_a_submodule_in_the_platform_is_refused(root: Path, tmp_path: Path, how: str) -> None:
    package = made_repository(tmp_path / "package")
    commit(package, "package", file="x")

    def take(into: str) -> None:
        if how == "export":
            export(root, resolve(root, "HEAD"), tmp_path / into)
        else:
            export_working_tree(root, tmp_path / into)

    git(root, "submodule", "--quiet", "add", str(package), "docs/theme")
    commit(root)
    take("fine")
    git(root, "submodule", "--quiet", "add", str(package), "dbt/packages/p")
    commit(root)
    error = failing(lambda: take("refused"))
    assert error.reason.startswith("dbt/packages/p is a git repository of its own (a submodule)")
    git(root, "submodule", "--quiet", "deinit", "--force", "dbt/packages/p")
    assert failing(lambda: take("refused")).reason == error.reason
    assert not (tmp_path / "refused").exists()


def test_a_pointer_of_lfs_is_no_content(root: Path, tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    write(root, {"docs/picture.png": pointer})
    made = resolve(root, commit(root))
    export(root, made, tmp_path / "fine")
    write(root, {"dbt/seeds/big.csv": pointer})
    made = resolve(root, commit(root))
    error = failing(lambda: export(root, made, tmp_path / "refused"))
    assert error.reason == (
        f"Commit {made.short} has only a pointer of git-lfs for dbt/seeds/big.csv, not its content"
    )
    assert "git lfs" in error.hint
    assert not (tmp_path / "refused").exists()


def test_an_error_can_be_printed_whatever_the_file_is_called(root: Path, tmp_path: Path) -> None:
    pointer = root / "dbt" / os.fsdecode(b"\xe9\x1b[31m")
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    error = failing(lambda: export_working_tree(root, tmp_path / "tree"))
    assert error.reason.encode().decode().isprintable()


def test_a_dirty_tree_is_what_git_would_see(nested: Path, tmp_path: Path) -> None:
    write(nested, {".gitignore": "logs/\n", "gone": "", "was_file": "", "dbt/folder/a": ""})
    commit(nested)
    (nested / "gone").unlink()
    (nested / "was_file").unlink()
    shutil.rmtree(nested / "dbt/folder")
    (nested / "dbt/folder").symlink_to("../environments")
    write(nested, {"logs/a": "", "dbt/new.sql": "select 1", "was_file/a": "x"})
    first = export_working_tree(nested, tmp_path / "tree")
    assert files_of(tmp_path / "tree") == {
        **PLATFORM,
        ".gitignore": "logs/\n",
        "dbt/folder": "-> ../environments",
        "dbt/new.sql": "select 1",
        "was_file/a": "x",
    }
    assert len(first) == 12
    assert export_working_tree(nested, tmp_path / "again") == first
    write(nested, {"dbt/new.sql": "select 2"})
    assert export_working_tree(nested, tmp_path / "changed") != first


def test_a_clean_tree_and_its_commit_are_the_same_source(root: Path, tmp_path: Path) -> None:
    export_working_tree(root, tmp_path / "tree")
    export(root, resolve(root, "HEAD"), tmp_path / "export")
    assert source_archive(tmp_path / "tree") == source_archive(tmp_path / "export")


def test_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    export(tmp_path / "link", resolve(tmp_path / "link", "HEAD"), tmp_path / "export")
    export_working_tree(tmp_path / "link", tmp_path / "tree")
    assert files_of(tmp_path / "export") == files_of(tmp_path / "tree") == PLATFORM


ODD_NAMES = st.binary(min_size=1, max_size=120).filter(
    lambda name: (
        b"/" not in name
        and b"\0" not in name
        and name not in (b".", b"..")
        and not name.lower().startswith(b".git")
    )
) | st.sampled_from(
    [
        "with space",
        "'",
        '"',
        "ümläut",
        "new\nline",
        "tab\t",
        "-x",
        "--",
        ":(top)x",
        "*",
        "[a]",
        "\\",
        "~",
        "é" * 100,
    ]
).map(os.fsencode)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(ODD_NAMES, st.binary(max_size=20), min_size=1, max_size=6),
    folder=ODD_NAMES.filter(lambda name: len(name) < 60),
)
def test_files_of_any_name(
    tmp_path_factory: pytest.TempPathFactory, files: dict[bytes, bytes], folder: bytes
) -> None:
    base = tmp_path_factory.mktemp("odd")
    top = made_repository(base / "repository")
    root = top / os.fsdecode(folder)
    write(root, PLATFORM)
    expected = {os.fsencode(name): content.encode() for name, content in PLATFORM.items()}
    for name, content in files.items():
        (root / "dbt" / os.fsdecode(name)).write_bytes(content)
        expected[b"dbt/" + name] = content
    # git itself refuses some names, such as those that a file system of Windows takes for `.git`.
    git(
        top,
        "-c",
        "core.protectNTFS=false",
        "-c",
        "core.protectHFS=false",
        "add",
        "--force",
        "--all",
        "--",
        ".",
    )
    git(top, "commit", "--quiet", "-m", "odd")

    def content_of(exported: Path) -> dict[bytes, bytes]:
        return {
            os.fsencode(path.relative_to(exported)): path.read_bytes()
            for path in exported.rglob("*")
            if path.is_file()
        }

    export(root, resolve(root, "HEAD"), base / "export")
    export_working_tree(root, base / "tree")
    unpack_source(source_archive(base / "export"), base / "unpacked")
    expected = {name: content for name, content in expected.items() if not name.endswith(b".secrets.env")}
    assert (
        content_of(base / "export") == content_of(base / "tree") == content_of(base / "unpacked") == expected
    )
    assert names_in(base) == ["export", "repository", "tree", "unpacked"]
    shutil.rmtree(base)


# Archives


def test_an_archive_is_the_same_whenever_and_by_whomever(root: Path, tmp_path: Path) -> None:
    export(root, resolve(root, "HEAD"), tmp_path / "a")
    first = source_archive(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path / "b").rglob("*"):
        os.utime(path, (1, 1))
        if path.is_file():
            path.chmod(0o600)
    assert source_archive(tmp_path / "b") == first
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(PLATFORM)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}


def packed(*members: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return packed.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


DAMAGED = {
    "empty": b"",
    "other": b"no archive",
    "short": packed(entry("a"))[:-5],
    "up": packed(entry("../a")),
    "absolute": packed(entry("/a")),
    "up later": packed(entry("a/../../b")),
    "file twice": packed(entry("a"), entry("a")),
    "file in a link": packed(entry("link", tarfile.SYMTYPE, "."), entry("link/a")),
    "link twice": packed(entry("a", tarfile.SYMTYPE, "b"), entry("a", tarfile.SYMTYPE, "c")),
    "hard link": packed(entry("a", tarfile.LNKTYPE, "/etc/passwd")),
    "device": packed(entry("a", tarfile.CHRTYPE)),
    "pipe": packed(entry("a", tarfile.FIFOTYPE)),
}


@pytest.mark.parametrize("archive", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_leaves_nothing(archive: bytes, tmp_path: Path) -> None:
    error = failing(lambda: unpack_source(archive, tmp_path / "into"))
    assert error.reason.startswith("The archive of a release's source is damaged")
    assert list(tmp_path.iterdir()) == []


def test_a_link_out_of_an_archive_is_left_out(tmp_path: Path) -> None:
    links = [entry("a", tarfile.SYMTYPE, "b/.."), entry("b", tarfile.SYMTYPE, "../../tmp")]
    unpack_source(packed(entry("f"), *links, entry("c", tarfile.SYMTYPE, "./f")), tmp_path / "into")
    assert set(files_of(tmp_path / "into")) <= {"a", "c", "f"}
    assert not (tmp_path / "into" / "b").is_symlink()


# What lies between two releases


def subjects(commits: tuple[Commit, ...]) -> list[str]:
    return [item.subject for item in commits]


def test_commits_between_are_newest_first(root: Path) -> None:
    old = git(root, "rev-parse", "HEAD")
    shas = [commit(root, f"change {number}", dbt__a=str(number)) for number in range(4)]
    between = commits_between(root, old, shas[-1])
    assert between is not None
    assert subjects(between.gained) == ["change 3", "change 2", "change 1", "change 0"]
    assert between.gained[0].sha == between.gained[0].ref == shas[-1]
    assert between.lost == ()
    back = commits_between(root, shas[-1], old[:10], limit=2)
    assert back is not None
    assert (subjects(back.gained), subjects(back.lost)) == ([], ["change 3", "change 2"])
    same = commits_between(root, old, old)
    assert same is not None
    assert same.gained == same.lost == ()


def test_what_is_left_behind_on_another_branch(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "hotfix")
    hotfix = commit(root, "hotfix", dbt__h="")
    git(root, "checkout", "--quiet", "main")
    new = commit(root, "feature", dbt__f="")
    between = commits_between(root, hotfix, new)
    assert between is not None
    assert (subjects(between.gained), subjects(between.lost)) == (["feature"], ["hotfix"])


def test_only_what_touches_the_platform_counts(nested: Path) -> None:
    old = git(nested, "rev-parse", "HEAD")
    commit(nested, "ours", dbt__a="")
    new = commit(nested.parents[1], "theirs", other__b="")
    between = commits_between(nested, old, new)
    assert between is not None
    assert subjects(between.gained) == ["ours"]


def test_signatures_that_a_user_wants_to_see_are_no_commits(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        "[log]\nshowSignature = true\n[color]\nui = always\n[format]\npretty = raw\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    signed = git(root, "cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    sha = git(root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=signed.encode())
    assert resolve(root, sha).subject == "feat: the platform"


def test_a_tree_with_a_users_line_ends_is_clean(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[core]\nautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    project = root / "dbt/dbt_project.yml"
    project.unlink()
    git(root, "checkout", "--", "dbt")
    assert project.read_bytes() == b"name: dataops\r\n"
    os.utime(project, (1, 1))
    assert not is_dirty(root)


@pytest.mark.parametrize("unknown", ["0" * 40, "--output=x", "main", "", "123456789abc-dirty-0123"])
def test_a_commit_that_git_does_not_know(root: Path, unknown: str) -> None:
    sha = git(root, "rev-parse", "HEAD")
    assert commits_between(root, unknown, sha) is None
    assert commits_between(root, sha, unknown) is None
