"""The steps of a deployment: each shown while it goes on, with its time, and written down when it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dataops_cli.console import Console
from dataops_cli.deploy.journal import INTERRUPTED, Beginning, Journal, StepRecord
from dataops_cli.errors import DataopsError

# How many things that go on side by side one line names.
SHOWN = 3


@dataclass
class Steps:
    """The steps of one deployment. `check` is called before each: it raises where the stack's lock has been lost.
    `first` is the place of the next one in the journal; `after_the_end` says that the deployment has ended well, `changed`
    that something may have been changed, which is to be put back where it fails; `done` are the names of steps that need not
    be done again."""

    console: Console
    journal: Journal
    beginning: Beginning
    check: Callable[[], None]
    first: int = 0
    after_the_end: bool = False
    changed: bool = False
    done: frozenset[str] = frozenset()

    def go_on_after(self, steps: Sequence[StepRecord]) -> None:
        """Go on with a deployment that was cut off after some steps."""
        self.first = len(steps)
        self.done = frozenset(step.name for step in steps if step.ok)
        self.changed = True

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Step]:
        """One step. What ends it early is written down and goes on as it was raised."""
        self.check()
        started = time.monotonic()
        ok = False
        with self.console.activity(title) as rename:
            step = Step(self.console, title, rename)
            try:
                yield step
                ok = True
            except BaseException as error:
                step.detail = _reason(error)
                raise
            finally:
                seconds = round(time.monotonic() - started, 1)
                self._record(StepRecord(name, ok, seconds, step.detail), title)

    def _record(self, record: StepRecord, title: str) -> None:
        from rich.text import Text

        self.journal.step(self.beginning, self.first, record, after_the_end=self.after_the_end)
        self.first += 1
        mark = ("✓ ", "green") if record.ok else ("✗ ", "bold red")
        detail = f": {record.detail}" if record.detail else ""
        self.console.progress(Text.assemble(mark, f"{title}{detail}", (f"  {record.seconds} s", "dim")))


def _reason(error: BaseException) -> str:
    if isinstance(error, DataopsError):
        return error.reason
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else type(error).__name__


class Step:
    """A step that goes on. `detail` is what it has come to, in words."""

    def __init__(self, console: Console, title: str, rename: Callable[[str], None]) -> None:
        self.detail = ""
        self._console = console
        self._title = title
        self._rename = rename
        self._current: dict[str, str] = {}

    def report(self, subject: str, text: str) -> None:
        """What a part of it does now; threads call it."""
        self._current[subject] = text
        shown = ", ".join(f"{name}: {what}" for name, what in [*self._current.items()][-SHOWN:])
        self._rename(f"{self._title} ({shown})")
        self._console.detail(f"  {subject}: {text}")

    def say(self, text: str) -> None:
        self._rename(f"{self._title} ({text})")
        self._console.detail(f"  {text}")
