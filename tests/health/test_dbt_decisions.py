"""What the checks of dbt conclude, as golden text; the outputs are those of dbt 1.11."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.health import dbt_connection, dbt_versions

GOOD = """\
07:31:59  dbt version: 1.11.16
07:31:59  python version: 3.11.7
07:32:00  adapter type: duckdb
07:32:00  adapter version: 1.11.1
07:32:00    Connection test: [OK connection ok]

07:32:00  All checks passed!
"""
NO_TARGET = """\
07:32:02  dbt version: 1.11.16
07:32:03  Connection test skipped since no profile was found
07:32:03  1 check failed:
07:32:03  Profile loading failed for the following reason:
Runtime Error
  The profile 'dataops' does not have a target named 'nope'. The valid target names for this profile are:
   - duckdb
   - sqlserver


"""
NO_DATABASE = """\
07:32:06    Connection test: [ERROR]

07:32:06  1 check failed:
07:32:06  dbt was unable to connect to the specified database.
The database returned the following error:

  >IO Error: Cannot open database "/nowhere" in read-only mode: database does not exist

Check your database credentials and try again. For more information, visit:
https://docs.getdbt.com/docs/configure-your-profile
"""


def put_dbt(folder: Path, main: str) -> None:
    """In place of dbt, for what is run in the folder."""
    for package in (folder / "dbt", folder / "dbt" / "cli"):
        package.mkdir()
        (package / "__init__.py").touch()  # without it, the dbt that is installed would come first
    (folder / "dbt" / "cli" / "main.py").write_text(main)


def test_a_dbt_that_hangs_ends_itself(tmp_path: Path) -> None:
    """Whoever began it may be gone: nothing here ends it."""
    put_dbt(tmp_path, "import time\ndef cli(): time.sleep(20)\n")
    with pytest.raises(DataopsError, match="dbt debug did not end within 1 s"):
        dbt_connection.debug(tmp_path, {}, patience=1)


def test_a_health_that_is_cut_off_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that waits for dbt is not waited for, and removes nothing."""
    put_dbt(tmp_path, "import os, tempfile\ndef cli(): print(os.listdir(tempfile.gettempdir()))\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)  # it is asked for anew
    assert dbt_connection.debug(tmp_path, {}) == (0, "[]\n")


def test_dbt_writes_nothing_where_it_is_asked_for_its_connection(tmp_path: Path) -> None:
    files = {
        "dbt_project.yml": "{name: small, version: '1.0.0', profile: small}",
        "profiles.yml": "{small: {target: here, outputs: {here: {type: duckdb, path: ':memory:'}}}}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    code, output = dbt_connection.debug(tmp_path, {})
    assert code == 0, output
    assert {path.name for path in tmp_path.iterdir()} == {*files}


def test_dbt_debug() -> None:
    assert dbt_connection.judge(0, GOOD).found == "dbt 1.11.16 with duckdb 1.11.1 reaches the warehouse"
    found = dbt_connection.judge(1, NO_TARGET)
    assert found.result == "fail"
    assert found.found.splitlines() == [
        "Profile loading failed for the following reason:",
        "Runtime Error",
        "The profile 'dataops' does not have a target named 'nope'. The valid target names for this profile are:",
        "- duckdb",
        "- sqlserver",
    ]
    assert dbt_connection.judge(1, NO_DATABASE).found.splitlines() == [
        "dbt was unable to connect to the specified database.",
        "The database returned the following error:",
        '>IO Error: Cannot open database "/nowhere" in read-only mode: database does not exist',
    ]
    assert dbt_connection.judge(1, "ModuleNotFoundError: No module named 'dbt'\n").found.endswith(
        "named 'dbt'"
    )
    assert dbt_connection.judge(137, "").found == "dbt debug ended with exit code 137"


def test_versions() -> None:
    pinned = dbt_versions.pins(
        "# dbt\ndbt-core==1.11.16 \\\n    --hash=sha256:00\ndbt-DuckDB==1.11.1\n    # via x\n"
    )
    assert pinned == {"dbt-core": "1.11.16", "dbt-duckdb": "1.11.1"}
    good = dbt_versions.judge(pinned, {"dbt-core": "1.11.16", "dbt-duckdb": "1.11.1"})
    assert (good.result, good.found) == ("ok", "dbt-core 1.11.16, dbt-duckdb 1.11.1")
    other = dbt_versions.judge(pinned, {"dbt-core": "1.11.9", "dbt-duckdb": "1.11.1"})
    assert (other.result, other.found) == ("warn", "dbt-core is 1.11.9, tested is 1.11.16")
    lacking = dbt_versions.judge(pinned, {"dbt-core": "1.11.16", "dbt-duckdb": None})
    assert (lacking.result, lacking.found) == ("fail", "dbt-duckdb is not installed")
