"""The platform's root folder and where things lie in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.errors import UsageError

MARKER = Path("environments") / "base.toml"


@dataclass(frozen=True)
class Project:
    """A platform: the folder that holds `environments/`, `dbt/`, `airflow/` and `compose/`."""

    root: Path

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    def state(self, environment: str) -> Path:
        """Where the environment's local state lives: runs, the embedded warehouse, caches."""
        return self.root / ".dataops" / environment

    def environment_names(self) -> list[str]:
        """The environments that have a file, `local` first, then by name."""
        names = {path.stem for path in self.environments.glob("*.toml")} - {"base"}
        return sorted(names, key=lambda name: (name != "local", name))

    def relative(self, path: Path) -> str:
        """The path as a user in the root would type it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def find_project(explicit: Path | None = None, start: Path | None = None) -> Project:
    """The platform at `explicit`, at DATAOPS_PROJECT_DIR, or in the nearest folder upwards of `start`.

    Raises UsageError where there is none.
    """
    named = explicit or (Path(given) if (given := os.environ.get("DATAOPS_PROJECT_DIR")) else None)
    if named is not None:
        if not (named / MARKER).is_file():
            origin = "--project-dir" if explicit else "DATAOPS_PROJECT_DIR"
            raise UsageError(
                f"{origin} is {named}, which is not a dataops platform: it has no {MARKER}",
                hint="Name a platform's root folder, or make one there with: dataops init",
            )
        return Project(named.resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return Project(folder)
    raise UsageError(
        f"No dataops platform in {here} or above it",
        hint="Go to a platform's folder, name it with --project-dir, or make one with: dataops init my-platform",
    )
