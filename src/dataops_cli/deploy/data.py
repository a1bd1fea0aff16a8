"""A release's data: built aside, tested and published by the release's own dbt, step by step, in its container.

No step goes on to the next by itself: what a killed deploy leaves running publishes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.processes import CALLER, user_name
from dataops_cli.stack.dbt_container import SERVICE
from dataops_cli.stack.forwarding import SCRIPT, TOKEN
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.run_command import not_running, running_container

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
    _run: Mapping[str, Any] | None = field(default=None, init=False)

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
        """The newest generation that a release has published, as far as one is kept."""
        found = (item for item in self.generations() if item["release"] == release)
        return next((item for item in found if item["published_at"]), None)

    def publish(self, generation: str) -> None:
        """Make an earlier generation what consumers read."""
        self._dataops(
            "generations", "publish", generation, "--lock-wait", LOCK_WAIT, "--asked-by", self.caller
        )

    def start(self, *, test: bool) -> None:
        """Begin a run aside."""
        self._step("freshness", *([] if test else ["--without-tests"]))

    def build(self, layer: str) -> str:
        """Build a layer aside, and test it there. Returns what was built, in words."""
        result = self._step(layer)
        tests = result["tests"]
        return f"{len(result['models'])} models, {tests['passed']} of {tests['run']} tests passed"

    def publish_what_was_built(self) -> str:
        """Make what was built what consumers read, at once. Returns its generation."""
        self._step("publish")
        return self.built

    @property
    def built(self) -> str:
        """The generation that is being built."""
        assert self._run is not None  # noqa: S101 (a step has been done)
        return str(self._run["run_id"])

    def document(self) -> None:
        """Write the documentation of what was published."""
        self._step("documentation")

    def manifest(self) -> bytes:
        """dbt's manifest of the run."""
        assert self._run is not None  # noqa: S101 (a step has been done)
        folder = f"/opt/dataops/.dataops/{self._run['facts']['environment']}/runs/{self._run['run_id']}"
        return self._exec(["cat", f"{folder}/manifest.json"])

    def abandon(self) -> None:
        """Let go of the warehouse's lock, where it is kept for the next step: there will be none."""
        with suppress(DataopsError):  # somebody else has it, or it is let go of when its time is over
            self._dataops("step", "abandon", "--out", "/dev/null", "--asked-by", self.caller)

    def end_what_is_left(self) -> None:
        """End what a deployment that was cut off has left running in the container."""
        deadline = time.monotonic() + PATIENCE
        with suppress(EngineError, DataopsError):
            while self._signalled("INT" if time.monotonic() < deadline else "KILL"):
                time.sleep(0.5)

    def _step(self, name: str, *options: str) -> dict[str, Any]:
        out = f"/tmp/dataops-{self.key}-{name}.json"  # noqa: S108 (the container's, which nobody else writes to)
        before = ["--so-far", f"/tmp/dataops-{self.key}-before.json"] if name != "freshness" else []  # noqa: S108
        last = [] if name in ("freshness", *LAYERS[:-1]) else ["--last-try"]
        asked = ["--asked-by", self.caller, "--reserve", RESERVED, "--lock-wait", LOCK_WAIT]
        self._dataops("step", name, "--out", out, *before, *asked, *last, *options)
        document = json.loads(self._exec(["cat", out]))
        self._exec(["mv", out, f"/tmp/dataops-{self.key}-before.json"])  # noqa: S108
        self._run = document["run"]
        return dict(document["result"] or {"models": [], "tests": {"run": 0, "passed": 0}})

    def _dataops(self, *arguments: str) -> bytes:
        return self._exec(["dataops", *arguments])

    def _exec(self, command: list[str]) -> bytes:
        """What a command in the container writes. Raises DataopsError, with its last lines, where it fails."""
        container = self._container()
        variables = {TOKEN: f"{self.key}", CALLER: user_name(), "NO_COLOR": "1"}
        try:
            code, output = self.engine.exec(container, command, variables)
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
