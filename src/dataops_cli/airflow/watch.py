"""Watching a run until it ends: what is looked at, how often, and what is done while Airflow is away."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.faults import Away, Fault, Missing
from dataops_cli.airflow.logs import LogLine, tail
from dataops_cli.airflow.model import FAILED, QUEUED, SUCCESS, DagRun, TaskInstance
from dataops_cli.airflow.names import command_for
from dataops_cli.airflow.queueing import waits_for
from dataops_cli.errors import DataopsError, ExitCode

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 1.0, 5.0, 1.4
# How long Airflow may be away where nobody set a deadline.
AWAY_SECONDS = 600.0
# A run of which no task runs, and which does not change for this long: is there anyone to do it?
STALL_SECONDS = 30.0
TAIL_LINES = 30
# For logs that could not be read while the run went on.
LAST_SECONDS = 3.0
# More tasks than these that failed are named, without their logs.
TAILS = 3

# The queues that tasks wait in → why nobody takes these, and what to do about it; None where nothing is known.
NoWorker = Callable[[Collection[str]], tuple[str, str] | None]
# What a task returned → lines to show below it.
ReturnedLines = Callable[[Any], Sequence[str]]
Notes = Mapping[str, Sequence[str]]


class View(Protocol):
    """What shows a run that is being watched."""

    def update(self, run: DagRun, tasks: Sequence[TaskInstance], notes: Notes) -> None:
        """The run was looked at. `notes` are lines to show below a task, by its name."""

    def log(self, task: TaskInstance, lines: Sequence[str]) -> None:
        """A task wrote these lines."""

    def away(self, reason: str) -> None:
        """Airflow could not be asked, once more."""

    def back(self) -> None:
        """Airflow answers again."""

    def waits(self, for_what: str) -> None:
        """The run is queued, and `for_what` says behind which others."""

    def stalled(self, reason: str, hint: str) -> None:
        """The run does not go on."""


@dataclass(frozen=True)
class Failure:
    """A task that failed, with the end of its log."""

    task: TaskInstance
    log: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    run: DagRun
    tasks: Sequence[TaskInstance]
    notes: Notes
    failures: Sequence[Failure] = ()

    @property
    def succeeded(self) -> bool:
        return self.run.state == SUCCESS


def watch(
    api: Airflow,
    dag_id: str,
    run_id: str,
    *,
    view: View,
    deadline: float | None = None,
    follow_logs: bool = False,
    logs_behind: float = 0.0,
    returned_lines: ReturnedLines | None = None,
    no_worker: NoWorker = lambda _queues: None,
) -> Outcome:
    """Look at a run until it ends. `deadline` is in time.monotonic() seconds; `logs_behind` is how many seconds after
    a task's end its log may still grow.

    Airflow may be away meanwhile: until the deadline, or without one for ten minutes. Raises DataopsError: exit 1
    where the run has not ended by the deadline, exit 3 where Airflow stays away, exit 2 where there is no such run.
    """
    return _Watching(
        api.impatient(), dag_id, run_id, view, deadline, follow_logs, logs_behind, returned_lines, no_worker
    ).to_the_end()


@dataclass
class _Watching:
    api: Airflow
    dag_id: str
    run_id: str
    view: View
    deadline: float | None
    follow_logs: bool
    logs_behind: float
    returned_lines: ReturnedLines | None
    no_worker: NoWorker
    waiting: str = ""
    notes: dict[str, Sequence[str]] = field(default_factory=dict)
    # Tries whose result was read, and what of a try's log was shown.
    read: set[tuple[str, int]] = field(default_factory=set)
    shown: dict[tuple[str, int], Counter[LogLine]] = field(default_factory=lambda: defaultdict(Counter))
    # Of tries that have ended: when their log last grew, and those of which no more is to come.
    grew: dict[tuple[str, int], float] = field(default_factory=dict)
    finished: set[tuple[str, int]] = field(default_factory=set)

    def to_the_end(self) -> Outcome:
        pause, before = FIRST_PAUSE, None
        check_at = time.monotonic() + STALL_SECONDS
        while True:
            run = self._reach(lambda: self.api.run(self.dag_id, self.run_id))
            # After the run, so that its tasks are not older than what it says about itself.
            tasks = self._reach(lambda: self.api.tasks(self.dag_id, self.run_id))
            if self.follow_logs:
                self._follow(tasks)
            self._read_results(tasks)
            self.view.update(run, tasks, self.notes)
            if run.ended:
                if self.follow_logs:
                    self._follow_to_the_end(tasks)
                return Outcome(run, tasks, self.notes, self._failures(run, tasks))
            now = [(run.state, [(task.name, task.state, task.try_number) for task in tasks])]
            self._tell_what_it_waits_for(run)
            pause = FIRST_PAUSE if now != before else min(pause * GROWTH, LONGEST_PAUSE)
            if now != before or any(task.state == "running" for task in tasks):
                check_at = time.monotonic() + STALL_SECONDS
            elif time.monotonic() >= check_at:
                check_at = time.monotonic() + STALL_SECONDS
                self._tell_why_it_stalls(tasks)
            before = now
            self._wait(pause, run)

    def _tell_what_it_waits_for(self, run: DagRun) -> None:
        waiting = self._reach(lambda: waits_for(self.api, run))
        if waiting and waiting != self.waiting:
            self.view.waits(waiting)
        self.waiting = waiting

    def _tell_why_it_stalls(self, tasks: Sequence[TaskInstance]) -> None:
        """Nothing of the run is done. Are those there who would do it?"""
        if ill := [part.part for part in self._reach(self.api.health) if part.ill]:
            reason = f"The run does not go on: of Airflow, this is not healthy: {', '.join(ill)}"
            self.view.stalled(reason, "See its containers: dataops ps")
        queues = {task.queue for task in tasks if task.state == QUEUED}
        if queues and (found := self.no_worker(queues)):
            self.view.stalled(*found)

    def _reach(self, call: Callable[[], T]) -> T:
        """The answer to a call, whenever Airflow gives it."""
        pause, since = FIRST_PAUSE, time.monotonic()
        away = False
        while True:
            try:
                answer = call()
            except Away as fault:
                limit = since + AWAY_SECONDS if self.deadline is None else self.deadline
                if time.monotonic() >= limit:
                    raise DataopsError(
                        f"Airflow stayed away, and whether run {self.run_id} has ended is not known: {fault.reason}",
                        hint=f"The run does not need us. Once Airflow answers again: {self._again()}",
                        exit_code=ExitCode.UNAVAILABLE,
                    ) from fault
                away = True
                self.view.away(fault.reason)
                time.sleep(max(0.0, min(pause, limit - time.monotonic())))
                pause = min(pause * GROWTH, LONGEST_PAUSE)
            else:
                if away:
                    self.view.back()
                return answer

    def _wait(self, pause: float, run: DagRun) -> None:
        if self.deadline is None:
            time.sleep(pause)
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DataopsError(
                f"Run {self.run_id} has not ended in time: it is {run.state}, and goes on",
                hint=f"Watch it again: {self._again()}",
                exit_code=ExitCode.FAILED,
            )
        time.sleep(min(pause, left))

    def _again(self) -> str:
        return f"dataops {command_for('watch', self.run_id, self.dag_id)}"

    def _follow(self, tasks: Sequence[TaskInstance]) -> None:
        """Show what each task wrote since the last look."""
        for task in tasks:
            key = (task.name, task.try_number)
            if key in self.finished or task.state == "queued":
                continue
            lines = self._log(task)
            if lines is None:
                continue
            # Airflow sorts them by time: what a task prints may stand before what it logged, and come later.
            shown, fresh = self.shown[key].copy(), list[LogLine]()
            for line in lines:
                if shown[line]:
                    shown[line] -= 1
                else:
                    fresh.append(line)
            self.shown[key].update(fresh)
            if fresh:
                self.view.log(task, [text for line in fresh for text in line.lines])
            if task.ended or task.state == "up_for_retry":
                if fresh or key not in self.grew:
                    self.grew[key] = time.monotonic()
                if not task.try_number or time.monotonic() >= self.grew[key] + self.logs_behind:
                    self.finished.add(key)

    def _follow_to_the_end(self, tasks: Sequence[TaskInstance]) -> None:
        """Show what could not be read before: no next look comes."""
        until = time.monotonic() + LAST_SECONDS + 2 * self.logs_behind
        while left := [task for task in tasks if (task.name, task.try_number) not in self.finished]:
            if time.monotonic() >= until:
                return
            time.sleep(FIRST_PAUSE)
            self._follow(left)

    def _log(self, task: TaskInstance) -> list[LogLine] | None:
        """None where the next look may see it: it was too long for the time that a call has, for one."""
        try:
            lines = self.api.log(self.dag_id, self.run_id, task)
        except Away:
            return None
        except Missing:  # not begun
            return []
        # A line without a time says only where the log is, or why it is not to be had yet.
        return [line for line in lines if line.time and not line.framing]

    def _read_results(self, tasks: Sequence[TaskInstance]) -> None:
        """The lines below each task that has ended, from what it returned. Parts of mapped tasks, which may be
        thousands, are not asked."""
        if self.returned_lines is None:
            return
        for task in tasks:
            key = (task.name, task.try_number)
            if key in self.read or task.state not in (SUCCESS, FAILED) or task.map_index >= 0:
                continue
            try:
                value = self.api.returned(self.dag_id, self.run_id, task)
            except Away:  # the next look may get it; the outcome does not wait for it
                continue
            except Fault:  # such as for one who may watch runs, and not read what tasks return
                value = None
            self.read.add(key)
            # An earlier try's lines are not this one's.
            self.notes[task.name] = list(self.returned_lines(value)) if value is not None else []

    def _failures(self, run: DagRun, tasks: Sequence[TaskInstance]) -> list[Failure]:
        if run.state == SUCCESS:
            return []
        failed = [task for task in tasks if task.state == FAILED]
        if failed and not self.follow_logs:
            time.sleep(self.logs_behind)
        return [
            Failure(task, self._tail(task) if number < TAILS else ()) for number, task in enumerate(failed)
        ]

    def _tail(self, task: TaskInstance) -> list[str]:
        try:
            return tail(self.api.log(self.dag_id, self.run_id, task), TAIL_LINES)
        except Fault as fault:  # the outcome is known, with its log or without
            return [f"(its log cannot be read: {fault.reason})"]
