"""A release's data: built aside, tested and published by the release's own dbt, in its container.

What builds does not publish: a killed deploy leaves nothing running that would change what consumers read.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.pipeline.steps import Step, done
from dataops_cli.processes import CALLER, user_name
from dataops_cli.stack.dbt_container import SERVICE
from dataops_cli.stack.forwarding import SCRIPT, TOKEN
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.run_command import not_running, running_container

# What is done before anything is published, in one process, and what from then on.
FIRST, LAST = (Step.FRESHNESS, Step.BRONZE, Step.SILVER, Step.GOLD), (Step.PUBLISH, Step.DOCUMENTATION)
# How long the warehouse's lock is kept between two steps, and how long a step waits for somebody else's.
RESERVED, LOCK_WAIT = "1m", "15m"
# Lines of a failed step that are shown.
SHOWN_LINES = 40
# Seconds until a step that was told to end is given up.
PATIENCE = 60.0


@dataclass
class Data:
    """The data of the release that runs in the stack `project`. `caller` is who deploys; `key` names the deployment,
    whose steps a later command can find and end."""

    engine: Engine
    project: str
    caller: str
    key: str

    def is_reachable(self) -> bool:
        """Whether the container that dbt works in runs."""
        return running_container(observe_containers(self.engine, self.project), SERVICE, None) is not None

    def generations(self) -> list[dict[str, Any]]:
        """What is kept of what was published, the newest first, as `dataops generations` says it."""
        # Warnings go to another stream, which is not to be mixed in.
        quietly = ["sh", "-c", 'exec "$@" 2>/dev/null', "sh"]
        return list(json.loads(self._exec([*quietly, "dataops", "generations", "list", "--json"])))

    def published(self) -> str | None:
        """The generation that consumers read."""
        return next((str(item["run_id"]) for item in self.generations() if item["published"]), None)

    def newest_of(self, release: str) -> dict[str, Any] | None:
        """The generation that a release has published last, as far as one is kept."""
        found = [item for item in self.generations() if item["release"] == release and item["published_at"]]
        return max(found, key=itemgetter("published_at"), default=None)

    def publish(self, generation: str) -> None:
        """Make an earlier generation what consumers read."""
        self._dataops(
            "generations", "publish", generation, "--lock-wait", LOCK_WAIT, "--asked-by", self.caller
        )

    def build(self, *, test: bool) -> Generator[str]:
        """Check the sources, then build and test each layer aside: freshness, bronze, silver, gold, as far as each
        passes. Yields what each has come to, in words, when it is done."""
        return self._steps(FIRST, *([] if test else ["--without-tests"]))

    def publish_what_was_built(self) -> Generator[str]:
        """Make what was built what consumers read, at once; then write its documentation. Yields as `build` does."""
        return self._steps(LAST, "--so-far", self._out)

    @property
    def built(self) -> str:
        """The generation that is being built."""
        return str(self._run["run_id"])

    def manifest(self) -> bytes:
        """dbt's manifest of the run."""
        folder = f"/opt/dataops/.dataops/{self._run['facts']['environment']}/runs/{self._run['run_id']}"
        return self._exec(["cat", f"{folder}/manifest.json"])

    def abandon(self) -> None:
        """Let go of the warehouse's lock, where it is kept for the next step: there will be none."""
        with suppress(DataopsError):  # somebody else has it, or it is let go of when its time is over
            self.wait_for_runs(0)

    def wait_for_runs(self, timeout: float) -> None:
        """Wait until nobody builds or publishes. Raises DataopsError (exit 4) where that takes longer than `timeout`
        seconds."""
        free = ["step", "abandon", "--out", "/dev/null", "--asked-by", self.caller]
        self._dataops(*free, "--lock-wait", f"{timeout:.0f}s")

    def end_what_is_left(self) -> None:
        """End what a deployment that was cut off has left running in the container."""
        deadline = time.monotonic() + PATIENCE
        with suppress(EngineError, DataopsError):
            while self._signalled("INT" if time.monotonic() < deadline else "KILL"):
                time.sleep(0.5)

    def _steps(self, names: Sequence[str], *options: str) -> Generator[str]:
        """Steps of a run in one process, which is ended where its results are not waited for."""
        asked = ["--asked-by", self.caller, "--reserve", RESERVED, "--lock-wait", LOCK_WAIT, "--last-try"]
        command = ["dataops", "step", *names, "--out", self._out, *asked, *options]
        left, lines = deque(names), list[str]()
        try:
            identity = self.engine.make_exec(self._container(), command, self._variables())
            for line in self.engine.exec_lines(identity):
                lines.append(line)
                told = done(left[0], "") if left else None
                if told and line.startswith(told):
                    left.popleft()
                    if left:
                        yield line.removeprefix(told)
        except BaseException:
            self.end_what_is_left()
            raise
        if code := self.engine.inspect_exec(identity)["ExitCode"]:
            raise _failed(command, code, "\n".join(lines))
        self.__dict__.pop("_run", None)
        yield lines[-1].removeprefix(done(names[-1], ""))

    @cached_property
    def _run(self) -> Mapping[str, Any]:
        """What the last step wrote of the run."""
        return dict(json.loads(self._exec(["cat", self._out]))["run"])

    @property
    def _out(self) -> str:
        return f"/tmp/dataops-{self.key}.json"  # noqa: S108 (the container's, which nobody else writes to)

    def _variables(self) -> dict[str, str]:
        return {TOKEN: self.key, CALLER: user_name(), "NO_COLOR": "1"}

    def _dataops(self, *arguments: str) -> bytes:
        return self._exec(["dataops", *arguments])

    def _exec(self, command: list[str]) -> bytes:
        """What a command in the container writes. Raises DataopsError, with its last lines, where it fails."""
        container = self._container()
        try:
            code, output = self.engine.exec(container, command, self._variables())
        except KeyboardInterrupt:
            self.end_what_is_left()
            raise
        if code:
            raise _failed(command, code, output.decode(errors="replace"))
        return output

    def _container(self) -> str:
        container = running_container(observe_containers(self.engine, self.project), SERVICE, None)
        if container is None:
            raise not_running(SERVICE, {SERVICE}, f"Start it: dataops up {SERVICE}")
        return container.id

    def _signalled(self, name: str) -> bool:
        if not self.is_reachable():
            return False
        command = ["sh", "-c", SCRIPT, f"{TOKEN}={self.key}", name]
        return bool(self.engine.exec(self._container(), command)[1])


def _failed(command: list[str], code: int, output: str) -> DataopsError:
    """The error of a command in the container, from what it wrote: what failed is told from `failed …` on, or after
    `error: `."""
    if "--json" in command:
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(output)["error"]
            return DataopsError(told["reason"], hint=told["hint"], details=tuple(told["details"]))
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    telling = next(
        (place for place, line in enumerate(lines) if line.startswith(("failed ", "error: "))), None
    )
    if telling is None:
        what = " ".join(command[1:3]) if command[0] == "dataops" else " ".join(command)
        reason, details = f"`{what}` in dbt's container ended with exit code {code}", lines[-SHOWN_LINES:]
    else:
        reason, details = lines[telling].removeprefix("error: "), lines[telling + 1 :][:SHOWN_LINES]
    hints = [line.removeprefix("  → ") for line in details if line.startswith("  → ")]
    return DataopsError(
        reason,
        hint=hints[0] if hints else "Mend the model, test or source, and deploy again.",
        exit_code=ExitCode.LOCKED if code == ExitCode.LOCKED else ExitCode.FAILED,
        details=tuple(line for line in details if not line.startswith("  → ")),
    )
