"""What every command gets: the global options, the console, the platform and the environment."""

from __future__ import annotations

import functools
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.completion import environment_names
from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.console import Console
    from dataops_cli.project import Project
    from dataops_cli.settings.load import Environment

DEFAULT_ENVIRONMENT = "local"
PANEL = "Global options"

# Accepted before the subcommand and after it. The name of each is a field of Application.
GLOBAL_OPTIONS: dict[str, Any] = {
    "env": Annotated[
        str | None,
        typer.Option(
            "--env",
            "-e",
            metavar="NAME",
            help="Environment to act on (variable DATAOPS_ENV; default: local).",
            rich_help_panel=PANEL,
            autocompletion=environment_names,
        ),
    ],
    "project_dir": Annotated[
        Path | None,
        typer.Option(
            "--project-dir",
            metavar="DIR",
            help="The platform's root (variable DATAOPS_PROJECT_DIR; default: found by walking up).",
            rich_help_panel=PANEL,
        ),
    ],
    "as_json": Annotated[
        bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.", rich_help_panel=PANEL)
    ],
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="Results and errors only.", rich_help_panel=PANEL)
    ],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="More lines.", rich_help_panel=PANEL)],
    "debug": Annotated[
        bool, typer.Option("--debug", help="Add the traceback to an error.", rich_help_panel=PANEL)
    ],
    "no_color": Annotated[
        bool, typer.Option("--no-color", help="No colours (variable NO_COLOR).", rich_help_panel=PANEL)
    ],
}


@dataclass
class Application:
    """The state of one invocation. Platform and environment are read when first asked for. `changes` is set once the
    command may have begun to change something."""

    env: str | None = None
    project_dir: Path | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_color: bool = False
    overrides: dict[str, tuple[str, Any]] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    changes: bool = False

    def update(self, options: dict[str, Any]) -> None:
        """Take over the global options given at one more place of the command line."""
        for name, value in options.items():
            if not value:
                continue
            before = getattr(self, name)
            if name == "env" and before not in (None, value):
                raise UsageError(f"--env is given twice: {before} and {value}", hint="Name one environment.")
            setattr(self, name, value)

    @functools.cached_property
    def console(self) -> Console:
        from dataops_cli.console import Console

        return Console(
            as_json=self.as_json,
            quiet=self.quiet,
            verbose=self.verbose,
            debug=self.debug,
            color=not self.no_color and not os.environ.get("NO_COLOR"),
            advise=self.advice,
        )

    @functools.cached_property
    def project(self) -> Project:
        from dataops_cli.project import find_project

        return find_project(self.project_dir)

    @property
    def environment_name(self) -> str:
        return self.env or os.environ.get("DATAOPS_ENV") or DEFAULT_ENVIRONMENT

    def advice(self, text: str) -> str:
        """A text with the commands in it completed for the environment in use."""
        if self.environment_name == DEFAULT_ENVIRONMENT:
            return text
        from dataops_cli.cli.advice import for_environment

        return for_environment(text, self.environment_name)

    def override(self, key: str, origin: str, value: Any) -> None:
        """Set a setting for this invocation, as an option of the name `origin` asks."""
        self.overrides[key] = (origin, value)
        self.__dict__.pop("environment", None)  # it may have been read before

    def hint(self, command: str) -> str:
        """A command to advise, for the environment in use."""
        return self.advice(f"dataops {command}")

    @functools.cached_property
    def environment(self) -> Environment:
        from dataops_cli.settings.load import load_environment

        return load_environment(self.project, self.environment_name, self.overrides)


def command_line() -> str:
    """The command as it was typed, for the lock and the record. No option of ours takes a secret."""
    return shlex.join(["dataops", *sys.argv[1:]])


_current = Application()


def start(arguments: Sequence[str]) -> Application:
    """Begin an invocation with a command line. The caller renders its errors as its options ask."""
    global _current  # Typer has no place to keep it that is there before the options are parsed
    _current = Application(arguments=tuple(arguments))
    return _current


def with_global_options(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the global options added to its own; its first parameter gets the Application."""

    @functools.wraps(function)
    def run(**given: Any) -> None:
        _current.update({key: given.pop(key) for key in GLOBAL_OPTIONS})
        function(_current, **given)

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + [
        inspect.Parameter(
            key,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=None if key in ("env", "project_dir") else False,
        )
        for key, annotation in GLOBAL_OPTIONS.items()
    ]
    del run.__wrapped__  # or Typer would look through to the function's own signature
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def command(
    group: typer.Typer, name: str | None = None, **options: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function, whose first parameter gets the Application, as a command of `group`."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        group.command(name, **options)(with_global_options(function))
        return function

    return register
