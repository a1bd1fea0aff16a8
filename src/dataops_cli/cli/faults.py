"""Any exception as an error that can be shown."""

from __future__ import annotations

from dataops_cli.errors import DataopsError, UsageError


def as_known(error: Exception) -> DataopsError | None:
    """The error to show; None where the parser has shown the help in its place."""
    if isinstance(error, DataopsError):
        return error
    if hasattr(error, "format_message"):  # the parser's own usage errors
        if not error.format_message():
            return None
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "dataops"
        return UsageError(error.format_message().rstrip("."), hint=f"Usage: {path} --help")
    known = DataopsError(
        f"Unexpected {type(error).__name__}: {error}",
        hint="This is a fault in dataops: please report it with the output of the same command and --debug.",
    )
    known.__cause__ = error
    return known
