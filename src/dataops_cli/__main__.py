"""Entry point: run the command, render what went wrong, return the exit code."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script `dataops`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Every error is rendered here and nowhere else."""
    import typer
    from typer.main import get_command

    from dataops_cli.cli.application import start
    from dataops_cli.cli.root import app
    from dataops_cli.errors import DataopsError, ExitCode, UsageError
    from dataops_cli.streams import silence

    current = start(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, _as_one_interrupt)
    try:
        outcome = get_command(app).main(arguments, prog_name="dataops", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        current.console.error(
            DataopsError("Interrupted", hint="Nothing published was touched.", exit_code=ExitCode.INTERRUPTED)
        )
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a pager) has seen enough. What was to be changed may not be, though.
        silence(sys.stdout)
        return ExitCode.FAILED if current.changes else ExitCode.DONE
    except DataopsError as error:
        current.console.error(error)
        return error.exit_code
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's own usage errors
            if not error.format_message():  # the help has been shown in its place
                return ExitCode.USAGE
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "dataops"
            current.as_json |= "--json" in arguments  # it may not have been parsed yet
            known: DataopsError = UsageError(error.format_message().rstrip("."), hint=f"Usage: {path} --help")
        else:
            known = DataopsError(
                f"Unexpected {type(error).__name__}: {error}",
                hint="This is a fault in dataops: please report it with the output of the same command and --debug.",
            )
            known.__cause__ = error
        current.console.error(known)
        return known.exit_code


def _as_interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _as_one_interrupt(number: int, _frame: object) -> NoReturn:
    """A terminal that goes away says so twice, itself and by its shell: the second must not interrupt the way back."""
    signal.signal(number, lambda _signal, _frame: None)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
