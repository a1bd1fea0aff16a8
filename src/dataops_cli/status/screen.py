"""The status for people: one screen, from 80 columns on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dataops_cli.checks import STYLES, Finding
from dataops_cli.console import table
from dataops_cli.deploy.journal import Deployment, Outcome
from dataops_cli.facts.model import Facts, Lacking, Lock, had
from dataops_cli.health.installation import Installation
from dataops_cli.settings.model import Engine, Runner
from dataops_cli.stack.observe import Container
from dataops_cli.stack.reconcile import is_one_shot
from dataops_cli.status.alerts import alerts
from dataops_cli.status.links import links
from dataops_cli.status.runs import STYLES as RUN_STYLES
from dataops_cli.status.runs import recent_runs
from dataops_cli.status.spans import ago, moment, span

if TYPE_CHECKING:
    from rich.console import RenderableType

ENGINES = {Engine.DUCKDB: "DuckDB", Engine.SQLSERVER: "SQL Server"}
RUNNERS = {
    Runner.PROCESS: "dbt runs in this process",
    Runner.CONTAINER: "dbt runs in its container",
    Runner.AIRFLOW: "Airflow runs dbt",
}
HEALTH_STYLES = {"healthy": "green", "starting": "yellow", "unhealthy": "bold red"}


def rendered(facts: Facts, advise: Callable[[str], str]) -> list[RenderableType]:
    return [*_Screen(facts, advise).parts()]


@dataclass(frozen=True)
class _Screen:
    facts: Facts
    advise: Callable[[str], str]

    def parts(self) -> Iterator[RenderableType]:
        environment = self.facts.environment
        yield Text.assemble((environment.name, "bold"), "  ", (environment.settings.description, "dim"))
        yield ""
        found = alerts(self.facts)
        if found:
            yield self._alerts(found)
        else:
            lacks = any(isinstance(part, Lacking) for part in self.facts.parts().values())
            yield Text("No alerts from what is known." if lacks else "No alerts.", "green")
        yield ""
        yield self._grid()
        yield ""
        yield self._runs()
        if self.facts.stack is not None:
            yield ""
            yield self._containers()

    def _alerts(self, found: dict[str, Finding]) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, finding in found.items():
            style = STYLES[finding.result]
            for line in finding.found.splitlines():
                grid.add_row(
                    Text(finding.result, style), Text.assemble((f"{name}: ", "bold"), one_line(line))
                )
            for line in self.advise(finding.remedy).splitlines():
                grid.add_row("", Text.assemble(("→ ", style), line))
        return grid

    def _grid(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(overflow="fold")
        for label, texts in self._rows():
            for index, text in enumerate(texts):
                grid.add_row(label if index == 0 else "", text)
        return grid

    def _rows(self) -> Iterator[tuple[str, Sequence[str | Text]]]:
        settings = self.facts.environment.settings
        yield "warehouse", [f"{ENGINES[settings.warehouse.engine]}; {RUNNERS[settings.dbt.runner]}"]
        if self.facts.engine is not None:
            engine = self.facts.engine
            told = Text("not reachable", "bold red") if isinstance(engine, Lacking) else f"Docker, {engine}"
            yield "engine", [told]
        if release := self._release():
            yield "release", release
        if self.facts.deployments is not None and (deploy := self._deploy()):
            yield "deploy", [deploy]
        if lock := self._lock():
            yield "lock", [lock]
        if schedule := self._schedule():
            yield "schedule", [schedule]
        yield "published", self._published()
        pages = links(self.facts)
        wide = max(map(len, pages))
        yield "pages", [f"{name:<{wide}}  {self.advise(where)}" for name, where in pages.items()]

    def _release(self) -> Sequence[str | Text]:
        deployed = self.facts.deployments
        if deployed is None:
            return [f"{self.facts.release}, the files here"] if self.facts.release else []
        if isinstance(deployed, Lacking):
            return [self._lacking(deployed)]
        if (brought := deployed.brought) is None:
            return [Text("nothing has been deployed; the files here are in force", "dim")]
        subject = f"  {one_line(deployed.release.subject)}" if deployed.release else ""
        return [
            Text.assemble((brought.beginning.release, "bold"), subject),
            f"since {moment(brought.ended_at, self.facts.at)}, by {brought.beginning.who}",
        ]

    def _deploy(self) -> Text | None:
        deployed = had(self.facts.deployments)
        if deployed is None or deployed.last is None:
            return None
        lock = had(self.facts.lock)
        return _deployment(deployed.last, moment(deployed.last.beginning.at, self.facts.at), lock)

    def _lock(self) -> str | Text:
        lock = self.facts.lock
        if isinstance(lock, Lacking):
            return self._lacking(lock)
        return Text(f"held by {lock.holder}", "yellow") if lock and lock.holder else ""

    def _schedule(self) -> str | Text:
        cron, pipeline = self.facts.environment.settings.airflow.schedule, self.facts.pipeline
        if pipeline is None:
            return cron or ""
        told = f"{cron} (UTC)" if cron else "on demand"
        if isinstance(pipeline, Lacking):
            return Text.assemble(f"{told}; ", self._lacking(pipeline))
        if pipeline.dag.paused:
            return Text.assemble(f"{told}; ", ("paused", "yellow"))
        due = moment(pipeline.dag.next_run, self.facts.at)
        return f"{told}; next {due}" if due else told

    def _published(self) -> Sequence[str | Text]:
        data = self.facts.data
        if isinstance(data, Lacking):
            return [self._lacking(data)]
        if data.published is None:
            return [Text("nothing yet", "dim")]
        found, rows = data.published, sum(data.published.rows.values())
        of = f", as of {found.as_of_date}" if found.as_of_date else ""
        made = f", built by release {found.release}" if found.release else ""
        return [
            f"{found.run_id}{made}",
            f"{moment(found.published_at, self.facts.at)}: {rows:,} rows in {len(found.rows)} relations{of}",
        ]

    def _runs(self) -> RenderableType:
        runs = recent_runs(self.facts)
        if isinstance(runs, Lacking):
            return Text.assemble("Runs are ", self._lacking(runs))
        if not runs:
            return Text(f"No runs yet. Start one with: {self.advise('dataops run')}", "dim")
        rows = [
            [
                run.run_id,
                Text(run.status, RUN_STYLES.get(run.status, "dim")),
                ago(run.begun_at, self.facts.at),
                span(run.seconds),
                one_line(run.about),
            ]
            for run in runs
        ]
        return table(["run", "result", "begun", "time", "about"], rows)

    def _containers(self) -> RenderableType:
        if isinstance(self.facts.stack, Lacking):
            return Text.assemble("Containers are ", self._lacking(self.facts.stack))
        installed = self.facts.stack
        if installed is None or not installed.containers:
            return Text(f"No containers. Bring the stack up with: {self.advise('dataops up')}", "dim")
        rows = [
            [
                _name(item),
                Text(_state(item), _state_style(item, installed)),
                Text(item.health, HEALTH_STYLES.get(item.health, "")),
            ]
            for item in installed.containers
            if not item.one_off
        ]
        return table(["service", "state", "health"], rows)

    def _lacking(self, part: Lacking) -> Text:
        hint = f" → {one_line(self.advise(part.hint))}" if part.hint else ""
        return Text.assemble((f"not known: {one_line(part.reason)}", "yellow"), (hint, "dim"))


def one_line(text: str) -> str:
    """Without line breaks, nor what a terminal takes for a command."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _deployment(last: Deployment, begun: str, lock: Lock | None) -> Text:
    head = f"{last.beginning.kind} {last.beginning.number} of {last.beginning.release}, "
    if last.outcome is None:
        how = ("goes on", "cyan") if lock and lock.is_in_use else ("was cut off", "bold red")
        return Text.assemble(head, how, f", begun {begun}")
    style = "green" if last.outcome is Outcome.SUCCEEDED else "bold red"
    return Text.assemble(head, (str(last.outcome), style), f" in {span(last.seconds)}, begun {begun}")


def _name(item: Container) -> str:
    return item.service if item.number == 1 else f"{item.service} {item.number}"


def _state(item: Container) -> str:
    return item.state if item.exit_code is None else f"{item.state} ({item.exit_code})"


def _state_style(item: Container, installed: Installation) -> str:
    if item.state == "running":
        return "green"
    stack = installed.wanted.stack
    is_done = item.exit_code == 0 and item.service in stack.services and is_one_shot(stack, item.service)
    return "dim" if is_done else "bold red"
