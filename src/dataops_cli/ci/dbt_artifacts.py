"""The folder that a workflow uploads.

check.json          what was found, as --json shows it       run/            the run: its record, dbt's artifacts and log
manifest.json       of the change                            code-tests/     dbt's artifacts and log
base/               the same of the base                     compiled/       the SQL by engine
sqlserver/          dbt's log of compiling for it            sqlserver-tests.log
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataops_cli.console import plain
from dataops_cli.errors import UsageError
from dataops_cli.files import explained, write_text

DOCUMENT = "check.json"


def clear(folder: Path) -> None:
    """Empty the folder of an earlier check. Raises UsageError for one that holds anything else."""
    with explained(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            if not (folder / DOCUMENT).is_file():
                raise UsageError(
                    f"{folder} holds something else than an earlier check's artifacts",
                    hint="Name a folder that is empty or does not exist: --artifacts DIR",
                )
            shutil.rmtree(folder)
    write_document(folder, {})  # an interrupted check leaves a folder that is known, too


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    write_text(folder / DOCUMENT, json.dumps(document, indent=1, ensure_ascii=False, default=plain) + "\n")
