"""How a deployment that fails, or is interrupted, ends: put back, or left as it is, and told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dataops_cli.console import Console
from dataops_cli.deploy.building import bring_artifacts
from dataops_cli.deploy.hooks import run_deploy_hook
from dataops_cli.deploy.journal import Beginning, Outcome
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.way_back import put_back
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode


@dataclass(frozen=True)
class Failure:
    """A deployment that has ended early. `check` raises where the stack's lock is lost."""

    site: Site
    workspace: Workspace
    beginning: Beginning
    steps: Steps
    check: Callable[[], None]
    cause: DataopsError

    def put_back(self) -> DataopsError:
        """Put the environment back. Returns the error to end with."""
        if self._lock_is_lost():  # whoever has it now puts things right
            return _left_in_the_midst(self._what, self.cause)
        self.site.console.warn(f"{self._what} failed: {self.cause.reason}")
        try:
            if self.steps.changed:
                with _undisturbed(self.site.console):
                    bring_artifacts(self.site)
                    put_back(self.site, self.beginning, self.steps)
        except BaseException as error:
            fault = as_known(error)
            if self._lock_is_lost():
                return _left_in_the_midst(self._what, fault)
            self._tell()
            reason = f"{self._what} failed: {self.cause.reason}. It could not be put back: {fault.reason}"
            return broken(self.site, self.beginning, reason, fault)
        self.site.journal.end(self.beginning, Outcome.UNDONE, self.cause.reason)
        self._tell()
        how = "was interrupted" if self._was_interrupted else f"failed: {self.cause.reason}"
        back = self.beginning.previous is not None and self.steps.changed
        on = f"back on {self.beginning.previous}, and healthy" if back else "as it was"
        return self._error(f"{self._what} {how}. {self.site.name} is {on}", self.cause.hint)

    def leave(self) -> DataopsError:
        """Leave the environment as it is now. Returns the error to end with."""
        if self._lock_is_lost():
            return _left_in_the_midst(self._what, self.cause)
        bring_artifacts(self.site)
        self.site.journal.end(self.beginning, Outcome.BROKEN, self.cause.reason)
        self._tell()
        return self._error(
            f"{self._what} failed, and was left as it is (--no-rollback): {self.cause.reason}",
            "Look at it, then put it right: dataops repair",
        )

    @property
    def _what(self) -> str:
        return f"The {self.beginning.kind} of {self.beginning.release}"

    @property
    def _was_interrupted(self) -> bool:
        return self.cause.exit_code == ExitCode.INTERRUPTED

    def _error(self, reason: str, hint: str) -> DataopsError:
        code = ExitCode.INTERRUPTED if self._was_interrupted else ExitCode.FAILED
        return DataopsError(reason, hint=hint, details=self.cause.details, exit_code=code)

    def _tell(self) -> None:
        """The hook for it, whose own failure is a warning."""
        console = self.site.console
        try:
            run_deploy_hook(
                self.site,
                self.workspace,
                self.beginning,
                "on-failure",
                lambda line: console.progress(f"  {line}"),
            )
        except DataopsError as error:
            console.warn(error.reason, error.hint)

    def _lock_is_lost(self) -> bool:
        try:
            self.check()
        except DataopsError:
            return True
        return False


@contextmanager
def _undisturbed(console: Console) -> Iterator[None]:
    """One Ctrl-C does not break the block off: it is told what a second would do."""
    if threading.current_thread() is not threading.main_thread():  # only that one has handlers
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def tell(number: int, _frame: object) -> None:
        signal.signal(number, before)
        console.warn(
            "The way back goes on", "To break it off, press Ctrl-C again; then finish it: dataops repair"
        )

    signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def as_known(error: BaseException) -> DataopsError:
    """Any end of a step as an error with a remedy."""
    if isinstance(error, DataopsError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return DataopsError("interrupted", hint="Run it again when you want.", exit_code=ExitCode.INTERRUPTED)
    return DataopsError(
        f"unexpected {type(error).__name__}: {error}",
        hint="This is a fault in dataops: please report it with the output of the same command and --debug.",
    )


def _left_in_the_midst(what: str, cause: DataopsError) -> DataopsError:
    return DataopsError(
        f"{what} was left in the midst of it: {cause.reason}",
        hint="Who changes the stack now: dataops lock status. When nobody does, put it right: dataops repair",
        details=cause.details,
        exit_code=cause.exit_code,
    )


def broken(site: Site, beginning: Beginning, reason: str, fault: DataopsError) -> DataopsError:
    site.journal.end(beginning, Outcome.BROKEN, reason)
    by_hand = (
        "By hand: dataops ps, dataops logs; the containers: dataops repair; "
        f"the data: dataops generations publish {beginning.generation or 'RUN'}; "
        "the pipeline: dataops airflow unpause dataops_pipeline"
    )
    interrupted = fault.exit_code == ExitCode.INTERRUPTED
    return DataopsError(
        reason,
        hint=f"Put it right: dataops repair. {by_hand}",
        details=fault.details if interrupted else (fault.hint, *fault.details),
        exit_code=ExitCode.INTERRUPTED if interrupted else ExitCode.FAILED,
    )
