"""What every test may use: where the platform's files and the real data are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def adventureworks() -> Path:
    """The folder with the real AdventureWorks CSV files.

    DATAOPS_TEST_ADVENTUREWORKS names it and is a promise: where it is set, the data must be there.
    """
    promised = os.environ.get("DATAOPS_TEST_ADVENTUREWORKS")
    folder = Path(promised) if promised else ROOT.parent / "shared" / "adventureworks"
    if not (folder / "Sales.SalesOrderDetail.csv.gz").exists():
        if promised:
            pytest.fail(
                f"DATAOPS_TEST_ADVENTUREWORKS promises AdventureWorks in {folder}, but it is not there"
            )
        pytest.skip("no AdventureWorks CSV files: set DATAOPS_TEST_ADVENTUREWORKS to their folder")
    return folder.resolve()
