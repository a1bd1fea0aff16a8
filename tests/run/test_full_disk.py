"""A disk that is really full: a small file system of its own holds the state."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import clean_environment

pytestmark = pytest.mark.slow

# In a mount namespace of its own: nothing is mounted for anyone else, and nothing is left behind.
SCRIPT = """
set -eu
cp --archive .dataops kept
mount -t tmpfs -o size=$(( $(du --summarize --block-size=1024 kept | cut -f1) + 6000 ))k tmpfs .dataops
cp --archive kept/. .dataops/
left=$(df --output=avail --block-size=1024 .dataops | tail -1)
head --bytes=$(( (left - $1) * 1024 )) /dev/zero > .dataops/filler
before=$(readlink .dataops/local/warehouse.duckdb)
set +e
"$2" -m dataops_cli $3
echo "exit code $?"
[ "$(readlink .dataops/local/warehouse.duckdb)" = "$before" ] && echo "still published"
"$2" -m dataops_cli sql --csv "select count(*) as days from gold.days"
rm .dataops/filler
"$2" -m dataops_cli --quiet $3
echo "exit code $?"
"""


@pytest.fixture(scope="module")
def can_mount() -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("making a full disk needs the right to mount: run the tests as root")


@pytest.mark.usefixtures("can_mount")
@pytest.mark.parametrize(
    ("command", "kilobytes"), [("run", 16), ("run", 400), ("source generate --scale 0.05", 300)]
)
def test_a_full_disk_loses_nothing(platform: Path, tmp_path: Path, command: str, kilobytes: int) -> None:
    copy = tmp_path / "platform"
    shutil.copytree(platform, copy, symlinks=True)
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", SCRIPT, "script", str(kilobytes), sys.executable, command],
        cwd=copy,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout + done.stderr
    first, second = (line for line in done.stdout.splitlines() if line.startswith("exit code "))
    assert first in ("exit code 3", "exit code 1"), shown
    assert "No space left on device" in shown or "full" in shown
    assert "Free some space" in shown
    assert "still published" in done.stdout
    assert "Traceback" not in shown
    assert second == "exit code 0", shown
