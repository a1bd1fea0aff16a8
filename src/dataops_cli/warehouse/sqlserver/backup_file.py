"""Which backup to restore, as `--from` names it: a download, a file here, or a file that the server sees."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.warehouse.sqlserver.download import Downloaded, digest_of, download
from dataops_cli.warehouse.sqlserver.transfer import OnProgress, shown

# Source: Microsoft, "AdventureWorks sample databases" (learn.microsoft.com) and the release's own page.
MICROSOFTS = (
    "https://github.com/Microsoft/sql-server-samples/releases/download/adventureworks/AdventureWorks2014.bak"
)


class Place(StrEnum):
    WEB = "web"
    HERE = "here"
    SERVER = "server"


@dataclass(frozen=True)
class BackupFile:
    """A backup. `address` is a URL, a path here or a path on the server, as `place` says."""

    place: Place
    address: str
    sha256: str | None = None

    @property
    def shown(self) -> str:
        return shown(self.address) if self.place is Place.WEB else self.address

    def bring_here(self, downloads: Path, on_progress: OnProgress = lambda _done, _size: None) -> Downloaded:
        """The file on this machine, downloaded into a folder where it is elsewhere. Not for the server's own.

        Raises DataopsError where it cannot be had, or is not what `sha256` says.
        """
        if self.place is Place.WEB:
            return download(self.address, downloads, sha256=self.sha256, on_progress=on_progress)
        digest = digest_of(Path(self.address))
        if self.sha256 not in (None, digest):
            raise DataopsError(
                f"{self.address} is not the file that --sha256 names",
                hint="Check the checksum and the file.",
                details=(f"SHA-256 expected: {self.sha256}", f"SHA-256 found:    {digest}"),
            )
        return Downloaded(Path(self.address), digest, fetched=False)


def backup_file(given: str | None, *, sha256: str | None = None, on_server: bool = False) -> BackupFile:
    """What the options name; Microsoft's release without any. Raises UsageError for what cannot be meant."""
    if sha256 is not None and not re.fullmatch(r"[0-9A-Fa-f]{64}", sha256):
        raise UsageError(
            "--sha256 is no SHA-256: that has 64 hexadecimal digits", hint="Compute it: sha256sum FILE"
        )
    checksum = sha256.lower() if sha256 else None
    if on_server:
        return _on_server(given, checksum)
    address = given or MICROSOFTS
    if "://" in address:
        return _on_the_web(address, checksum)
    path = Path(address)
    if not path.is_file():
        raise UsageError(
            f"There is no file {address}",
            hint="If it lies on the server's machine: --on-server. From the web: --from https://…",
        )
    if not os.access(path, os.R_OK):
        raise UsageError(f"{address} cannot be read", hint=f"Let yourself read it: sudo chmod +r {address}")
    return BackupFile(Place.HERE, address, checksum)


def _on_server(given: str | None, sha256: str | None) -> BackupFile:
    if not given or "://" in given:
        raise UsageError(
            "--on-server needs the path that the server sees",
            hint="Give it: --from /var/opt/mssql/backup/AdventureWorks2014.bak",
        )
    if sha256:
        raise UsageError(
            "A file on the server is not read here, so --sha256 cannot be checked", hint="Leave it out."
        )
    return BackupFile(Place.SERVER, given)


def _on_the_web(address: str, sha256: str | None) -> BackupFile:
    parts = urlsplit(address)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{shown(address)} is no address to download from", hint="It begins with https:// or http://"
        )
    if "@" in parts.netloc:
        raise UsageError(
            "The address has a user or a password in it, which others could see",
            hint="Put them into ~/.netrc, or download the file by hand: --from PATH",
        )
    return BackupFile(Place.WEB, parts._replace(scheme=parts.scheme.lower()).geturl(), sha256)
