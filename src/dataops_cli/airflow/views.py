"""Showing a run while it is watched: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataops_cli.airflow.model import NO_STATE, DagRun, TaskInstance
from dataops_cli.airflow.watch import Notes, View
from dataops_cli.console import Console, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

STYLES = {
    "success": "green",
    "running": "cyan",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
    "skipped": "dim",
    NO_STATE: "dim",
}


@contextmanager
def showing(console: Console) -> Iterator[View]:
    """What `watch` is to report to, as the console is: live, in lines, or silent."""
    view = _Watched(console)
    with console.live(view.render) as live:
        view.is_live = live
        if live:
            yield view
        else:
            with console.activity("Waiting for Airflow") as view.rename:
                yield view


def task_table(tasks: Sequence[TaskInstance], notes: Notes) -> RenderableType:
    """The tasks with state, try and duration, and below each one its notes."""
    from rich.text import Text

    rows: list[list[object]] = []
    for task in tasks:
        rows.append([task.name, state_text(task.state), try_of(task), task.seconds])
        rows += [[Text(f"  {line}", "dim"), None, None, None] for line in notes.get(task.name, ())]
    return table(["task", "state", "try", "seconds"], rows)


def state_text(state: str) -> Text:
    from rich.text import Text

    return Text(state, STYLES.get(state, ""))


def try_of(task: TaskInstance) -> str:
    """`1`, or `1/3` where it may be tried more often; empty before the first."""
    if not task.try_number:
        return ""
    return f"{task.try_number}/{task.max_tries + 1}" if task.max_tries else str(task.try_number)


class _Watched:
    """The view of both kinds. Console writes lines above the live table."""

    def __init__(self, console: Console) -> None:
        self.is_live = False
        self.rename: Callable[[str], None] = lambda _label: None
        self._console = console
        self._run: DagRun | None = None
        self._tasks: Sequence[TaskInstance] = ()
        self._notes: Notes = {}
        self._told: dict[str, tuple[str, int, list[str]]] = {}
        self._run_state = ""
        self._away = ""
        self._stalled: set[str] = set()

    def update(self, run: DagRun, tasks: Sequence[TaskInstance], notes: Notes) -> None:
        self._run, self._tasks, self._notes = run, list(tasks), dict(notes)
        if self.is_live:
            return
        if run.state != self._run_state and not run.ended:
            self._console.progress(f"{run.dag_id} {run.run_id}: {run.state}")
        self._run_state = run.state
        for task in tasks:
            # They may come a look later than the state: then the task is named again, with them.
            lines = list(notes.get(task.name, ())) if task.ended else []
            seen = (task.state, task.try_number, lines)
            if task.state == NO_STATE or self._told.get(task.name) == seen:
                continue
            self._told[task.name] = seen
            self._console.progress(_line(task))
            for line in lines:
                self._console.progress(f"    {line}")
        running = [task.name for task in tasks if task.state == "running"]
        self.rename(f"{run.dag_id} {run.state}: {', '.join(running) or 'no task runs'}"[:100])

    def log(self, task: TaskInstance, lines: Sequence[str]) -> None:
        from rich.text import Text

        for line in lines:
            self._console.progress(Text.assemble((f"{task.name} | ", "cyan"), line))

    def away(self, reason: str) -> None:
        if not self._away:
            self._console.warn(f"{reason}; the run does not need us, so this goes on asking")
        self._away = reason
        self.rename("Airflow is away; asking again")

    def back(self) -> None:
        self._away = ""
        self._console.progress("Airflow answers again.")

    def waits(self, for_what: str) -> None:
        self._console.progress(f"  It {for_what}.")

    def stalled(self, reason: str, hint: str) -> None:
        if reason not in self._stalled:
            self._stalled.add(reason)
            self._console.warn(reason, hint)

    def render(self) -> RenderableType:
        """The live table as it is now: durations grow between two looks."""
        from rich.console import Group
        from rich.text import Text

        if self._run is None:
            return Text("Waiting for Airflow", "dim")
        run = self._run
        head = Text.assemble(
            f"{run.dag_id} {run.run_id} ",
            state_text(run.state),
            (f" {run.seconds} s" if run.seconds is not None else "", "dim"),
            ("  Airflow is away; asking again" if self._away else "", "yellow"),
        )
        return Group(head, task_table(self._tasks, self._notes))


def _line(task: TaskInstance) -> Text:
    from rich.text import Text

    number = try_of(task)
    return Text.assemble(
        "  ",
        (f"{task.state:<16}", STYLES.get(task.state, "")),
        task.name,
        (f"  try {number}" if task.max_tries and number else "", "dim"),
        (f"  {task.seconds} s" if task.seconds is not None and task.state != "running" else "", "dim"),
    )
