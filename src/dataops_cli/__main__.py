"""Entry point: run the command, render what went wrong, return the exit code."""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from dataops_cli.interrupts import Terminated

# Seconds in which a second SIGTERM says nothing new.
ONE_WISH = 1.0
_terminated_at = -math.inf


def main() -> NoReturn:
    """The console script `dataops`."""
    exit_codes: list[int] = []
    atexit.register(_leave_threads, exit_codes)  # before all others, and so called after them
    try:
        exit_codes.append(run(sys.argv[1:]))
    except KeyboardInterrupt:  # while the command was being imported, or its end was told
        sys.stderr.write("error: Interrupted\n")
        exit_codes.append(130)
    sys.exit(exit_codes[-1])


def _leave_threads(exit_codes: list[int]) -> None:
    """End the program without Python's own end where threads go on, such as one that waits for a server.

    Python would unwind such a thread when it comes back from a driver, and C++ calls abort() then.
    """
    if threading.active_count() > 1 and exit_codes:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(exit_codes[-1])


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Every error is rendered here and nowhere else."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, _as_one_interrupt)

    import typer
    from typer.main import get_command

    from dataops_cli.cli.application import start
    from dataops_cli.cli.faults import as_known
    from dataops_cli.cli.root import app
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.streams import commands_are_read, silence, without_commands

    if commands_are_read():
        sys.stdout, sys.stderr = without_commands(sys.stdout), without_commands(sys.stderr)
    current = start(arguments)
    try:
        outcome = get_command(app).main(arguments, prog_name="dataops", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        # Whether it had published by then, only the command could tell.
        hint = "See what is published with: dataops generations" if current.changes else ""
        current.console.error(DataopsError("Interrupted", hint=hint, exit_code=ExitCode.INTERRUPTED))
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a pager) has seen enough. What was to be changed may not be, though.
        silence(sys.stdout)
        return ExitCode.FAILED if current.changes else ExitCode.DONE
    except Exception as error:
        known = as_known(error)
        if known is None:  # the help has been shown in its place
            return ExitCode.USAGE
        ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
        current.as_json |= "--json" in ours  # it may not have been parsed yet
        current.console.error(known)
        return known.exit_code


def _as_interrupt(_signal: int, _frame: object) -> None:
    """Whoever ends a group of processes may say so twice, to one of them and to all: it is one wish."""
    global _terminated_at
    before, _terminated_at = _terminated_at, time.monotonic()
    if _terminated_at - before > ONE_WISH:
        raise Terminated


def _as_one_interrupt(number: int, _frame: object) -> NoReturn:
    """A terminal that goes away says so twice, itself and by its shell: the second must not interrupt the way back."""
    signal.signal(number, lambda _signal, _frame: None)
    raise Terminated


if __name__ == "__main__":
    main()
