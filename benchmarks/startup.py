"""Start-up of `dataops` beside a bare Typer application with two commands, in one run.

Prints the median of some runs of each, and the ratios. The aims: `--version` within 1.2 times one of the
bare application's commands, `--help` within 1.4 times its `--help`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: print("one")
@app.command()
def two() -> None: print("two")
app()
"""
ROUNDS = 15


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        commands = {
            "bare command": [sys.executable, str(bare), "one"],
            "dataops --version": [sys.executable, "-m", "dataops_cli", "--version"],
            "bare --help": [sys.executable, str(bare), "--help"],
            "dataops --help": [sys.executable, "-m", "dataops_cli", "--help"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):  # side by side, so that what else the machine does hits all alike
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:<20}{seconds * 1000:7.0f} ms")
    version = medians["dataops --version"] / medians["bare command"]
    shown = medians["dataops --help"] / medians["bare --help"]
    print(f"--version / bare command: {version:.2f} (aim: at most 1.2)")
    print(f"--help / bare --help:     {shown:.2f} (aim: at most 1.4)")


if __name__ == "__main__":
    main()
