"""Hooks: executables of the platform that run before and after a deploy or rollback.

They lie in `environments/hooks/` and are named as in HOOKS, without a suffix. They get the process' own environment
without our secrets, and facts about the deploy as variables that begin with DATAOPS_.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from dataops_cli.deploy.journal import Beginning
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_held
from dataops_cli.process_groups import end_groups
from dataops_cli.settings.layers import variable
from dataops_cli.settings.secrets import secret_keys

FOLDER = Path("environments") / "hooks"
HOOKS = ("pre-deploy", "post-deploy", "pre-rollback", "post-rollback", "on-failure")
SECRETS = variable("secrets.")
# Lines of a failed hook's output that its error has.
LAST_LINES = 20
# Seconds between SIGTERM and SIGKILL, for a hook that is ended.
GRACE = 5.0


def has_hook(folder: Path, name: str) -> bool:
    """Whether the platform in `folder` has that hook."""
    return (folder / FOLDER / name).exists()


def run_hook(
    folder: Path, name: str, variables: Mapping[str, str], *, on_line: Callable[[str], None], timeout: float
) -> None:
    """Run the hook `name` of the platform in `folder`, where it has one, and pass its output on line by line.

    A process that the hook leaves running ends with it, as with a timeout (in seconds) and Ctrl-C. Raises
    DataopsError: exit 1 where the hook fails or takes too long, exit 2 where it cannot be run.
    """
    path = folder / FOLDER / name
    if not has_hook(folder, name):
        return
    shown = FOLDER / name
    if not os.access(path, os.X_OK) or path.is_dir():
        raise DataopsError(
            f"The hook {shown} is not executable",
            hint=f"Make it so: chmod +x {shown}; or take it away",
            exit_code=ExitCode.USAGE,
        )
    last = deque[str](maxlen=LAST_LINES)
    code: int | None = None
    with ExitStack() as begun, suppress(subprocess.TimeoutExpired):
        with interrupts_held():  # a hook that has begun and is not known here would go on
            process = _begin(path, folder, variables)
            begun.callback(_end, process)
        reader = threading.Thread(
            target=_read, args=(process, last, on_line), daemon=True, name=f"hook {name}"
        )
        reader.start()
        code = process.wait(timeout)
    reader.join(GRACE)
    if code is None:
        raise DataopsError(
            f"The hook {shown} took longer than {timeout:g} s, and was ended",
            hint="Mend it, or give it more time: deploy.hook_timeout",
            details=tuple(last),
        )
    if code:
        ended = f"failed with exit code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        raise DataopsError(
            f"The hook {shown} {ended}", hint="Mend what it says, then try again.", details=tuple(last)
        )


def _begin(path: Path, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [path.resolve()],
            cwd=folder,
            env=hook_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, and no terminal to ask on
        )
    except OSError as error:
        raise DataopsError(
            f"The hook {path.relative_to(folder)} cannot be run: {error.strerror}",
            hint="Its first line must name what runs it, such as #!/bin/sh",
            exit_code=ExitCode.USAGE,
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """With what it has left running, which would keep its output open."""
    end_groups([process], GRACE)
    process.wait()


def hook_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The process' environment without the secrets of our settings, and with `variables`."""
    ours = {variable(key) for key in secret_keys()}
    kept = {
        key: value
        for key, value in os.environ.items()
        if key.upper() not in ours and not key.upper().startswith(SECRETS)
    }
    return kept | dict(variables)


def _read(process: subprocess.Popen[bytes], last: deque[str], on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None  # noqa: S101 (it is a pipe)
    for line in process.stdout:
        text = line.decode(errors="replace").rstrip("\r\n")
        last.append(text)
        on_line(text)


def run_deploy_hook(
    site: Site, workspace: Workspace, beginning: Beginning, name: str, say: Callable[[str], None]
) -> None:
    """Run a hook of the release's own, where it has one, with what it is about as variables."""
    variables = {
        "DATAOPS_ENV": site.name,
        "DATAOPS_PROJECT_DIR": str(site.own.root),
        "DATAOPS_HOOK_KIND": beginning.kind.value,
        "DATAOPS_HOOK_NUMBER": str(beginning.number),
        "DATAOPS_HOOK_PREVIOUS": beginning.previous or "",
        "DATAOPS_HOOK_REASON": beginning.reason,
        "DATAOPS_HOOK_RELEASE": beginning.release,
        "DATAOPS_HOOK_WHO": beginning.who,
    }
    timeout = workspace.environment.settings.deploy.hook_timeout
    run_hook(workspace.project.root, name, variables, on_line=say, timeout=timeout)
