"""The metrics as Prometheus' text format 0.0.4, and as a file for a node exporter's textfile collector."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from dataops_cli.errors import UsageError
from dataops_cli.files import explained, sync_folder, write_text
from dataops_cli.metrics.naming import Metrics

# What the collector reads; it leaves other names alone.
SUFFIX = ".prom"
# The node exporter is another user.
MODE = 0o644


def exposition(metrics: Metrics) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    return generate_latest(registry).decode()


def require_textfile(path: Path) -> None:
    """Raises UsageError for a name that the collector would not read."""
    if path.suffix != SUFFIX:
        raise UsageError(
            f"{path.name} would not be read: the textfile collector takes files named *{SUFFIX}",
            hint=f"Name it {path.stem}{SUFFIX}",
        )


def write_textfile(path: Path, text: str) -> None:
    """Write it as a whole: the collector sees the old file or the new one, always readable."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.staged")
    with explained(path):
        try:
            write_text(staged, text)
            staged.chmod(MODE)
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
        sync_folder(path.parent)
