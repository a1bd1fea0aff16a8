"""The download of a backup, against a real HTTP server: cut off, replaced, refused, killed, done twice at once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.warehouse.sqlserver import transfer
from dataops_cli.warehouse.sqlserver.backup_file import MICROSOFTS, Place, backup_file
from dataops_cli.warehouse.sqlserver.download import download, file_name
from sqlserver.file_server import serving

CONTENT = hashlib.shake_256(b"a backup").digest(3_000_000)
CUT = 15 * transfer.PIECE
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _direct_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(transfer, "PAUSE", 0.01)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_and_the_next_that_needs_no_server(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with serving(CONTENT) as served:
        first = download(
            served.url, tmp_path, sha256=DIGEST, on_progress=lambda done, size: seen.append((done, size))
        )
    assert (first.path.read_bytes(), first.sha256, first.fetched) == (CONTENT, DIGEST, True)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert names(tmp_path) == ["Adventure.bak", "Adventure.bak.json", "Adventure.bak.lock"]
    again = download(served.url, tmp_path)
    assert (again.sha256, again.fetched) == (DIGEST, False)


@pytest.mark.parametrize("modified", ["", "Mon, 01 Dec 2014 00:00:00 GMT"])
def test_cut_connections_are_continued(tmp_path: Path, modified: str) -> None:
    etag = 'W/"weak"' if modified else '"one"'  # a weak tag tells no versions apart
    with serving(CONTENT, etag=etag, modified=modified, cuts=[CUT, CUT]) as served:
        assert download(served.url, tmp_path).sha256 == DIGEST
    condition = modified or etag
    assert served.requests == [
        (None, None),
        ("bytes=983040-", condition),
        ("bytes=1966080-", condition),
    ]


@pytest.mark.parametrize(
    "server",
    [
        {"ranges": False},
        {"etag": ""},  # nothing tells whether it is still the same
        {"with_length": False},
    ],
)
def test_a_server_that_cannot_continue_starts_over(tmp_path: Path, server: dict[str, object]) -> None:
    cuts = [] if server.get("with_length") is False else [1_000_000]
    with serving(CONTENT, cuts=cuts, **server) as served:
        assert download(served.url, tmp_path).sha256 == DIGEST


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_is_replaced_meanwhile_is_not_mixed(tmp_path: Path, heeds_if_range: bool) -> None:
    with serving(CONTENT, cuts=[CUT, 0, 0, 0, 0], heeds_if_range=heeds_if_range) as served:
        with pytest.raises(DataopsError) as error:
            download(served.url, tmp_path)
        assert error.value.exit_code == 3
        assert "it goes on where it stopped" in error.value.hint
        assert (tmp_path / "Adventure.bak.part").stat().st_size == CUT
        served.cuts, served.etag, served.content = [], '"two"', CONTENT[::-1]
        assert download(served.url, tmp_path).path.read_bytes() == CONTENT[::-1]


def test_a_longer_part_than_the_file_is_given_up(tmp_path: Path) -> None:
    with serving(CONTENT, cuts=[CUT, 0, 0, 0, 0]) as served:
        with pytest.raises(DataopsError):
            download(served.url, tmp_path)
        (tmp_path / "Adventure.bak.part").write_bytes(CONTENT + b"more")
        served.cuts = []
        assert download(served.url, tmp_path).sha256 == DIGEST


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serving(CONTENT, statuses=[503, 429, 500]) as served:
        assert download(served.url, tmp_path).sha256 == DIGEST
        served.statuses = [503] * 9
        (tmp_path / "Adventure.bak").unlink()
        with pytest.raises(DataopsError, match="503 Service Unavailable"):
            download(served.url, tmp_path)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(tmp_path: Path, status: int) -> None:
    with (
        serving(CONTENT, statuses=[status] * 2) as served,
        pytest.raises(DataopsError, match=str(status)) as error,
    ):
        download(served.url + "?sig=secret", tmp_path)
    assert len(served.requests) == 1
    assert error.value.exit_code == 3
    assert "secret" not in error.value.reason


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/"])
def test_a_redirect_to_anything_but_http_is_not_followed(tmp_path: Path, target: str) -> None:
    with (
        serving(CONTENT, redirect=target) as served,
        pytest.raises(DataopsError, match="No connection adapters"),
    ):
        download(served.url, tmp_path)


def test_a_redirect_is_followed_and_not_in_a_circle(tmp_path: Path) -> None:
    with serving(CONTENT) as served, serving(b"", redirect=served.url) as before:
        assert download(before.url, tmp_path).sha256 == DIGEST
        before.redirect = before.url
        with pytest.raises(DataopsError, match="redirects"):
            download(before.url + "2", tmp_path)


def test_silence_and_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", (5, 1))
    hold = threading.Event()
    with serving(CONTENT, cuts=[0] * 9, hold=hold) as served, pytest.raises(DataopsError) as error:
        download(served.url, tmp_path)
    assert "timed out" in error.value.reason.lower()
    with pytest.raises(DataopsError, match="Connection refused"):
        download(served.url, tmp_path)


def test_what_is_not_the_file_that_was_asked_for_is_discarded(tmp_path: Path) -> None:
    with serving(CONTENT) as served, pytest.raises(DataopsError, match="--sha256 names") as error:
        download(served.url, tmp_path, sha256="0" * 64)
    assert error.value.details[1].endswith(DIGEST)
    assert names(tmp_path) == ["Adventure.bak.json", "Adventure.bak.lock"]


def test_a_later_download_that_differs_is_refused_until_it_is_named(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        download(served.url, tmp_path).path.unlink()
        served.content, served.etag = CONTENT[::-1], '"two"'
        other = hashlib.sha256(served.content).hexdigest()
        with pytest.raises(DataopsError, match="not the file that was downloaded before") as error:
            download(served.url, tmp_path)
        assert error.value.hint.endswith(f"--sha256 {other}")
        assert download(served.url, tmp_path, sha256=other).sha256 == other
        assert not download(served.url, tmp_path).fetched


def test_a_file_that_was_damaged_here_is_downloaded_again(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        path = download(served.url, tmp_path).path
        path.write_bytes(CONTENT[:-1])
        again = download(served.url, tmp_path)
    assert (again.fetched, path.read_bytes()) == (True, CONTENT)


def test_files_of_one_name_and_two_addresses_are_not_mixed(tmp_path: Path) -> None:
    with serving(CONTENT, cuts=[CUT, 0, 0, 0, 0]) as one, serving(CONTENT[::-1]) as other:
        with pytest.raises(DataopsError):
            download(one.url, tmp_path)
        assert download(other.url, tmp_path).path.read_bytes() == CONTENT[::-1]
        one.cuts = []
        assert download(one.url, tmp_path).sha256 == DIGEST


def test_a_full_disk_is_said_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(0, 0, 1000)
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _folder: usage)
    with serving(CONTENT) as served, pytest.raises(DataopsError, match="needs 3,000,000 more bytes") as error:
        download(served.url, tmp_path)
    assert error.value.exit_code == 3


def test_a_disk_that_fills_up_meanwhile(tmp_path: Path) -> None:
    """A limit of file size stands in for it: both are an OSError of write()."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "from dataops_cli.errors import DataopsError\n"
        "from dataops_cli.warehouse.sqlserver.download import download\n"
        "try: download(sys.argv[1], Path(sys.argv[2]))\n"
        "except DataopsError as error: print(error.reason)"
    )
    with serving(CONTENT) as served:
        done = subprocess.run(
            [sys.executable, "-c", code, served.url, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.strip() == f"Cannot use {tmp_path}/Adventure.bak.part: File too large"
        assert download(served.url, tmp_path).sha256 == DIGEST
    assert served.requests[1][0] is not None  # continued


def test_a_kill_at_any_moment_is_continued_and_two_at_once_are_kept_apart(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from dataops_cli.warehouse.sqlserver.download import download\n"
        "download(sys.argv[1], Path(sys.argv[2]))"
    )
    with serving(CONTENT, cuts=[CUT], hold=threading.Event()) as served:
        process = subprocess.Popen([sys.executable, "-c", code, served.url, str(tmp_path)], env=os.environ)
        part = tmp_path / "Adventure.bak.part"
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(DataopsError) as error:
            download(served.url, tmp_path)
        assert error.value.exit_code == 4
        process.send_signal(signal.SIGKILL)
        process.wait()
        served.hold.set()
        assert download(served.url, tmp_path).sha256 == DIGEST
    first, second = served.requests
    assert (first[0], (second[0] or "")[:6]) == (None, "bytes=")


def test_a_kill_before_the_rename_leaves_a_part_that_is_taken(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        path = download(served.url, tmp_path).path
    path.rename(tmp_path / "Adventure.bak.part")
    assert download(served.url, tmp_path).path.read_bytes() == CONTENT  # the server is gone


def test_a_state_of_a_newer_dataops_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Adventure.bak.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(DataopsError, match="newer dataops"):
        download("http://127.0.0.1:1/Adventure.bak", tmp_path)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (MICROSOFTS, "AdventureWorks2014.bak"),
        ("https://host/a%20b%2F..%2Fc.bak?sig=x#y", "c.bak"),
        ("https://host/..", "backup.bak"),
        ("https://host/", "backup.bak"),
        ("https://host/.bashrc", "bashrc"),
        ("https://host/caf%C3%A9.bak", "caf_.bak"),
    ],
)
def test_the_name_of_a_download_is_a_plain_one(address: str, name: str) -> None:
    assert file_name(address) == name


def test_what_from_means(tmp_path: Path) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(b"TAPE")
    assert backup_file(None).address == MICROSOFTS
    assert backup_file(str(file)).place is Place.HERE
    assert backup_file("HTTPS://host/x.bak?sig=s").shown == "https://host/x.bak"
    assert backup_file(r"C:\x.bak", on_server=True).place is Place.SERVER
    digest = hashlib.sha256(b"TAPE").hexdigest()
    assert backup_file(str(file), sha256=digest.upper()).bring_here(tmp_path).sha256 == digest
    with pytest.raises(DataopsError, match="not the file that --sha256 names"):
        backup_file(str(file), sha256="0" * 64).bring_here(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"given": "/nowhere/x.bak"},
        {"given": "/"},
        {"given": "file:///etc/passwd"},
        {"given": "ftp://host/x.bak"},
        {"given": "https://"},
        {"given": "https://user:secret@host/x.bak"},
        {"given": None, "sha256": "abc"},
        {"given": None, "on_server": True},
        {"given": "https://host/x.bak", "on_server": True},
        {"given": "/x.bak", "on_server": True, "sha256": "0" * 64},
    ],
)
def test_what_from_cannot_mean(options: dict[str, object]) -> None:
    with pytest.raises(UsageError) as error:
        backup_file(**options)  # type: ignore[arg-type]
    assert "secret" not in error.value.reason
