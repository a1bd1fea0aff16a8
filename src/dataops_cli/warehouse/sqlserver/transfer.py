"""One file over HTTP, continued where it was cut off: requests with Range and If-Range (RFC 9110, 13.1.5 and 14).

Proxies and certificates are what the library `requests` takes from HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained

if TYPE_CHECKING:
    from requests import Response

# Seconds until a connection stands, and that may pass without a byte.
TIMEOUT = (15, 60)
# Attempts in a row that brought nothing, with a pause that doubles between them.
ATTEMPTS, PAUSE = 4, 1.0
# What comes before a cut is lost up to this size.
PIECE = 1 << 16

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Version:
    """What the server says of the file: enough to tell whether it is still the same. `size` is None if unsaid."""

    size: int | None
    etag: str
    modified: str

    @property
    def condition(self) -> str:
        """What If-Range may hold, empty where nothing tells versions apart: weak tags do not (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class _Passing(Exception):
    """A failure that may not come again. Its text says what it was."""


class _Changed(Exception):
    """What is there so far belongs to another version: start over."""


def fetch(
    url: str,
    part: Path,
    known: Version | None,
    *,
    on_version: Callable[[Version], None],
    on_progress: OnProgress,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Bring `part` to the whole file. `known` is the version that its bytes so far are of.

    `on_version` is told when the file begins anew, before its first byte. Raises DataopsError, and leaves `part`
    to be continued.
    """
    from requests import Session

    fruitless = 0

    def remember(version: Version) -> None:
        nonlocal known
        known = version
        on_version(version)

    with Session() as session:
        while True:
            before = _length(part)
            if known and known.size and known.size == before:
                return
            try:
                start = before if known and known.condition else 0
                headers = {"Accept-Encoding": "identity"}
                if start and known:
                    headers |= {"Range": f"bytes={start}-", "If-Range": known.condition}
                with _answer(session.get, url, headers) as answer:
                    _receive(answer, part, start, known, remember, on_progress)
                return
            except _Changed:
                known = None
                _empty(part)
            except _Passing as error:
                fruitless = 0 if _length(part) > before else fruitless + 1
                if fruitless == ATTEMPTS:
                    raise DataopsError(
                        f"Cannot download {shown(url)}: {error}",
                        hint="Run the command again: it goes on where it stopped. Behind a proxy, set HTTPS_PROXY.",
                        exit_code=ExitCode.UNAVAILABLE,
                    ) from error
                sleep(PAUSE * 2 ** max(fruitless - 1, 0))


def shown(url: str) -> str:
    """The address without what may be a secret in its query, such as the signature of a shared link."""
    return re.split(r"[?#]", url)[0]


def _receive(
    answer: Response,
    part: Path,
    start: int,
    known: Version | None,
    remember: Callable[[Version], None],
    on_progress: OnProgress,
) -> None:
    """Write what the server sends behind the `start` bytes that are there, or over them when it sends all."""
    offered = _version(answer.headers, answer.status_code)
    if answer.status_code == 206:
        # Not every server heeds If-Range: what it continues must be what was begun.
        if offered != known or not answer.headers["Content-Range"].startswith(f"bytes {start}-"):
            raise _Changed
    else:
        start = 0
        _empty(part)
        remember(offered)
    if offered.size is not None:
        _require_space(part.parent, offered.size - start)
    done = start
    with explained(part), part.open("ab") as file:
        for piece in _pieces(answer):
            file.write(piece)
            done += len(piece)
            on_progress(done, offered.size)
    if offered.size is not None and done != offered.size:
        raise _Passing(f"it ended after {done:,} of {offered.size:,} bytes")


def _answer(get: Callable[..., Response], url: str, headers: Mapping[str, str]) -> Response:
    """The answer that brings bytes, after redirects. Raises DataopsError for one that another try would not change."""
    from requests import exceptions

    try:
        answer = get(url, headers=dict(headers), stream=True, timeout=TIMEOUT)
    except exceptions.SSLError as error:
        raise _refused(
            url,
            f"its certificate is not trusted: {error}",
            "Check the address; for a company's own authority, name its file in REQUESTS_CA_BUNDLE.",
        ) from error
    except (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError) as error:
        raise _Passing(_innermost(error)) from error
    except exceptions.RequestException as error:  # no address, a redirect to file:// or in a circle
        raise _refused(url, str(error), "Check the address given with --from.") from error
    if url.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise _refused(
            url, f"it leads to {shown(answer.url)}, which is not encrypted", "Use another address."
        )
    if answer.status_code in (200, 206):
        return answer
    answer.close()
    code, reason = answer.status_code, f"the server answers {answer.status_code} {answer.reason}".strip()
    if code == 416:
        raise _Changed
    if code in (408, 425, 429) or code >= 500:
        raise _Passing(reason)
    raise _refused(url, reason, "Check the address, or download the file by hand: --from PATH")


def _pieces(answer: Response) -> Iterator[bytes]:
    from requests import exceptions

    try:
        yield from answer.iter_content(PIECE)
    except exceptions.RequestException as error:
        raise _Passing(_innermost(error)) from error


def _version(headers: Mapping[str, str], status: int) -> Version:
    total = (
        headers.get("Content-Range", "").rpartition("/")[2]
        if status == 206
        else headers.get("Content-Length", "")
    )
    return Version(
        int(total) if total.isdecimal() else None, headers.get("ETag", ""), headers.get("Last-Modified", "")
    )


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataopsError(
            f"The download needs {needed:,} more bytes in {folder}, and {free:,} are free",
            hint="Free some space, then run the command again: it goes on where it stopped.",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _empty(part: Path) -> None:
    with explained(part), part.open("wb"):
        pass


def _refused(url: str, reason: str, hint: str) -> DataopsError:
    return DataopsError(f"Cannot download {shown(url)}: {reason}", hint=hint, exit_code=ExitCode.UNAVAILABLE)


def _innermost(error: BaseException) -> str:
    """What the operating system said, below the layers of HTTP; those name the address with its query."""
    while below := error.__cause__ or error.__context__:
        error = below
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
