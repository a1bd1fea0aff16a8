"""dbt's documentation site: three files that any web server can serve."""

from __future__ import annotations

import http.server
import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained


def build_site(artifacts: Path, site: Path) -> None:
    """Put the site of one run's artifacts (manifest.json, catalog.json) into the folder `site`."""
    page = _page()
    with explained(site):
        site.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, site / "index.html")
        for name in ("manifest.json", "catalog.json"):
            shutil.copyfile(artifacts / name, site / name)


def server(site: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the site on 127.0.0.1, not yet serving; port 0 takes a free one.

    Raises DataopsError (exit 3) when the port is taken.
    """
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(site)))
    except OSError as error:
        raise DataopsError(
            f"Cannot listen on 127.0.0.1:{port}: {error.strerror}",
            hint="Choose another port: dataops docs serve --port 0 takes a free one.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from error


def _page() -> Path:
    """The site's single page, which comes with dbt-core. Found without importing dbt."""
    spec = find_spec("dbt")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        page = Path(folder) / "task" / "docs" / "index.html"
        if page.exists():
            return page
    raise DataopsError(
        "dbt-core is installed without its documentation page",
        hint="Install it anew: pip install --force-reinstall dbt-core",
        exit_code=ExitCode.UNAVAILABLE,
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line each."""
