"""dbt's documentation site: three files that any web server can serve."""

from __future__ import annotations

import http.server
import shutil
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained

# The page asks its own host only, whichever server that is. dbt's page would load a tracker where the
# project does not switch dbt's usage statistics off, and any picture that a description names.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'"
)
_CHANGES = {
    "<head>": f'<head><meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
    # The lineage graph starts without the tests, among which the models get lost, and always shows what its
    # menu "resources" says; there they can be ticked.
    '"source","test","unit_test","analysis"': '"source","analysis"',
    "r.assign({},l.options": "r.assign({},l.selection.clean",
}


def build_site(artifacts: Path, site: Path) -> None:
    """Put the site of one run's artifacts (manifest.json, catalog.json) into the folder `site`."""
    page = _page().read_text(encoding="utf-8")
    for theirs, ours in _CHANGES.items():
        page = page.replace(theirs, ours)
    with explained(site):
        site.mkdir(parents=True, exist_ok=True)
        (site / "index.html").write_text(page, encoding="utf-8")
        for name in ("manifest.json", "catalog.json"):
            shutil.copyfile(artifacts / name, site / name)


def server(site: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the site on 127.0.0.1, not yet serving; port 0 takes a free one.

    Raises DataopsError (exit 3) when the port is taken.
    """
    try:
        return _Server(("127.0.0.1", port), partial(_Quiet, directory=str(site)))
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


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *request: Any) -> None:
        """A browser that leaves before it has everything is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*request)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line each."""
