"""Everything the program writes: results to stdout, progress and errors to stderr.

With `--json` stdout carries one JSON document (or JSON lines) and nothing else. On a terminal
progress is live, with the elapsed time; elsewhere it is plain lines, and never a long silence. What goes to stderr
never fails: a terminal or reader that is gone ends no work.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

from dataops_cli.errors import DataopsError
from dataops_cli.streams import NOBODY_READS, OLD_COMMAND, commands_are_read, enduring

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType
    from rich.status import Status

# Tables in a pipe are not folded to the width of a terminal that is not there.
PIPE_WIDTH = 10_000
# A pipe that shows nothing for this long gets a line that says what is still going on.
SILENCE_SECONDS = 15.0


class Console:
    """Where a command's output goes. `quiet` leaves results and errors; `verbose` adds `detail` lines; `advise`
    completes the commands in a hint."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        color: bool = True,
        debug: bool = False,
        advise: Callable[[str], str] = str,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.debug = debug
        self._color = color
        self._advise = advise
        self._stdout = stdout or sys.stdout
        self._stderr = enduring(stderr or sys.stderr)
        self._rich: dict[int, RichConsole] = {}
        self._status: Status | None = None
        self._last_line = time.monotonic()

    def go_on_unread(self) -> None:
        """From now on the work goes on, and tells how it ended, also where nobody reads the results."""
        self._stdout = enduring(self._stdout, NOBODY_READS)

    def result(self, document: Any, *renderables: RenderableType) -> None:
        """What the command was asked for: `document` with `--json`, else the renderables."""
        if self.as_json:
            self._write_json(document, indent=2)
            return
        for renderable in renderables:
            self._console(self._stdout).print(renderable)

    def record(self, document: Any, line: RenderableType) -> None:
        """One item of a stream: a JSON line, or a line of text."""
        if self.as_json:
            self._write_json(document, indent=None)
        else:
            self._console(self._stdout).print(line)

    def text(self, text: str) -> None:
        """Text that is the result and must not be wrapped or styled, such as CSV."""
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except BrokenPipeError:
            raise BrokenPipeError from None  # with its number, the parser would exit with 1 for it

    def styled(self, text: str, style: str) -> str:
        """`text` as `text()` is to write it in a style: with its codes where stdout shows colours."""
        from rich.text import Text

        console = self._console(self._stdout)
        with console.capture() as captured:
            console.print(Text(text, style), end="", soft_wrap=True)
        return captured.get()

    def progress(self, line: RenderableType) -> None:
        """Something happened. Goes to stderr; silent with `--quiet`."""
        if not self.quiet:
            self._last_line = time.monotonic()
            self._console(self._stderr).print(line)

    def detail(self, line: RenderableType) -> None:
        """Something worth knowing only with `--verbose`."""
        if self.verbose:
            self.progress(line)

    def advised(self, text: str) -> str:
        """A text with the commands in it completed, as in a hint."""
        return self._advise(text)

    def warn(self, text: str, hint: str = "") -> None:
        from rich.text import Text

        self._console(self._stderr).print(Text.assemble(("warning: ", "yellow"), text))
        if hint:
            self._console(self._stderr).print(Text.assemble(("  → ", "yellow"), self._advise(hint)))

    @contextmanager
    def activity(self, label: str) -> Iterator[Callable[[str], None]]:
        """Show that `label` is going on, with its elapsed seconds. Yields a function that renames it."""
        if self.quiet:
            yield lambda _label: None
            return
        current = [label]
        started = time.monotonic()
        done = threading.Event()
        live = self._is_live()
        if live:
            from rich.status import Status
            from rich.text import Text

            self._status = Status(Text(label), console=self._console(self._stderr))
            self._status.start()

        def tick() -> None:
            while not done.wait(0.5):
                elapsed = int(time.monotonic() - started)
                if live and self._status is not None:
                    self._status.update(Text.assemble(current[0], (f" {elapsed} s", "dim")))
                elif time.monotonic() - self._last_line >= SILENCE_SECONDS:
                    self.progress(f"… {current[0]}: {elapsed} s so far")

        def rename(new: str) -> None:
            current[0] = new

        ticker = threading.Thread(target=tick, daemon=True, name="progress")
        ticker.start()
        try:
            yield rename
        finally:
            done.set()
            ticker.join()
            if self._status is not None:
                self._status.stop()
                self._status = None

    @contextmanager
    def live(self, render: Callable[[], RenderableType]) -> Iterator[bool]:
        """Show at the terminal's bottom what `render` gives, several times a second, until the end.

        Yields whether it is shown: only on a terminal, and not with `--quiet`. Lines of progress appear above it.
        """
        if self.quiet or not self._is_live():
            yield False
            return
        from rich.live import Live

        with Live(get_renderable=render, console=self._console(self._stderr)) as shown:
            yield True
            shown.transient = True  # it gives way to the result; an error leaves it standing

    def error(self, error: DataopsError) -> None:
        """The one place where an error is rendered."""
        if self.as_json:
            document = {
                "error": {
                    "reason": error.reason,
                    "details": list(error.details),
                    "hint": self._advise(error.hint),
                    "exit_code": int(error.exit_code),
                }
            }
            self._write_json(document, indent=2)
        else:
            from rich.text import Text

            console = self._console(self._stderr)
            console.print(Text.assemble(("error: ", "bold red"), error.reason))
            for detail in error.details:
                console.print(Text(f"  {detail}"))
            if error.hint:
                console.print(Text.assemble(("  → ", "bold"), self._advise(error.hint)))
        if self.debug:
            # format_exception shows no locals, so nothing typed as a secret can appear.
            self._stderr.write("".join(traceback.format_exception(error)))

    def _write_json(self, document: Any, indent: int | None) -> None:
        text = json.dumps(document, indent=indent, default=plain, ensure_ascii=False)
        # A name of a file that is no UTF-8.
        text = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)
        if commands_are_read():  # the stream would put a space into it; this is the same document
            text = text.replace(OLD_COMMAND, OLD_COMMAND.replace("#", r"\u0023", 1))
        self.text(text + "\n")

    def _is_live(self) -> bool:
        return self._stderr.isatty() and not self.as_json

    def _console(self, stream: TextIO) -> RichConsole:
        if id(stream) not in self._rich:
            from rich.console import Console as RichConsole

            class Piped(RichConsole):
                def on_broken_pipe(self) -> None:
                    """Rich would end the program here, even from one of dbt's threads."""
                    raise BrokenPipeError

            self._rich[id(stream)] = Piped(
                file=stream,
                no_color=True if not self._color else None,
                highlight=False,
                markup=False,
                emoji=False,
                width=None if stream.isatty() else PIPE_WIDTH,
            )
        return self._rich[id(stream)]


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, null: str = "") -> RenderableType:
    """A plain table; numbers are right-aligned, None is shown as `null` says, dimly."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        right = bool(rows) and all(_is_numeric(row[index]) for row in rows)
        result.add_column(Text(column), justify="right" if right else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(null, "dim") if cell is None else _cell(cell) for cell in row))
    return result


def _is_numeric(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _cell(value: Any) -> Any:
    from rich.text import Text

    return value if isinstance(value, Text) else Text(shown(value))


def shown(value: Any) -> str:
    """A value as text that is in no notation of Python's own. Decimals are exact, and have no exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"0x{bytes(value).hex()}"
    return str(value)


def visible(text: str) -> str:
    """A name from outside in one line: characters that cannot be seen, or would steer a terminal, as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def plain(value: Any) -> Any:
    """What json does not know. Decimals stay exact: they are written as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return shown(value)
