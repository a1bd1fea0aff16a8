"""Which metrics there are: docs/METRICS.md lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dataops_cli.checks import Result as CheckResult
from dataops_cli.deploy.journal import Kind, Outcome
from dataops_cli.facts.data import Data, Run
from dataops_cli.facts.model import Deployments, Facts, Lacking, Lock, Pipeline, had
from dataops_cli.health.examination import Outcome as CheckOutcome
from dataops_cli.health.installation import Installation
from dataops_cli.metrics.naming import Metrics
from dataops_cli.warehouse.generation import Generation

RUN_STATUSES = ("succeeded", "failed", "interrupted", "killed")
TEST_STATUSES = ("pass", "warn", "fail", "error", "skipped")
# How a deployment is that has no end: it goes on, or was cut off.
NO_END = "none yet"


def families(facts: Facts, health: Sequence[CheckOutcome] | None) -> Metrics:
    """`health` is None where the platform's health was not looked at."""
    metrics = Metrics(facts.environment.name)
    settings = facts.environment.settings
    metrics.info(
        "environment_info",
        "The environment's choices.",
        {"warehouse": settings.warehouse.engine.value, "runner": settings.dbt.runner.value},
    )
    for name, part in facts.parts().items():
        told = "Whether this part of the facts could be had: 1, or 0 where its other metrics are absent."
        metrics.add("part_available", told, not isinstance(part, Lacking), part=name)
    if deployed := had(facts.deployments):
        _deployments(metrics, deployed)
    if installed := had(facts.stack):
        _containers(metrics, installed)
    if lock := had(facts.lock):
        _lock(metrics, lock)
    if pipeline := had(facts.pipeline):
        _pipeline(metrics, pipeline)
    if data := had(facts.data):
        _runs(metrics, data.runs)
        _results(metrics, data)
        if data.published:
            _published(metrics, data.published)
    if health is not None:
        _health(metrics, health)
    return metrics


def _deployments(metrics: Metrics, deployed: Deployments) -> None:
    if brought := deployed.brought:
        release = deployed.release
        metrics.info(
            "release_info",
            "The release in force.",
            {
                "release": brought.beginning.release,
                "sha": release.sha if release else None,
                "subject": release.subject if release else None,
                "deployed_by": brought.beginning.who,
            },
        )
        metrics.time(
            "release_in_force_timestamp_seconds", "Since when the release is in force.", brought.ended_at
        )
    if (last := deployed.last) is None:
        return
    beginning = last.beginning
    metrics.add("deployment_number", "Number of the last deploy or rollback.", beginning.number)
    metrics.one_of(
        "deployment_kind", "What the last deployment is: 1 for its kind.", "kind", [*Kind], beginning.kind
    )
    metrics.one_of(
        "deployment_outcome",
        "How the last deployment ended: 1 for its outcome.",
        "outcome",
        [*Outcome, NO_END],
        last.outcome or NO_END,
    )
    metrics.add("deployment_duration_seconds", "Duration of the last deployment's steps.", last.seconds)
    metrics.time("deployment_start_timestamp_seconds", "When the last deployment began.", beginning.at)
    metrics.time("deployment_end_timestamp_seconds", "When the last deployment ended.", last.ended_at)


def _containers(metrics: Metrics, installed: Installation) -> None:
    for item in installed.containers:
        if not item.one_off:
            labels = {"service": item.service, "container": item.name}
            metrics.add("container_running", "Whether the container runs.", item.state == "running", **labels)
            metrics.add(
                "container_healthy",
                "Whether the container's own health check passes; absent where it has none, or does not run.",
                item.health == "healthy" if item.health else None,
                **labels,
            )


def _lock(metrics: Metrics, lock: Lock) -> None:
    metrics.add("stack_locked", "Whether somebody holds the lock of the stack.", lock.holder is not None)


def _pipeline(metrics: Metrics, pipeline: Pipeline) -> None:
    dag = pipeline.dag
    metrics.add("pipeline_paused", "Whether the pipeline's DAG is paused in Airflow.", dag.paused)
    metrics.time("pipeline_next_run_timestamp_seconds", "When the schedule's next run is due.", dag.next_run)


def _runs(metrics: Metrics, runs: Sequence[Run]) -> None:
    counts = Counter(run.status for run in runs if run.is_over)
    for status in dict.fromkeys([*RUN_STATUSES, *counts]):
        metrics.add(
            "runs_kept",
            "Runs that ended, by status, as far as they are kept (runs.keep).",
            counts[status],
            status=status,
        )
    metrics.add("run_in_progress", "Whether a run goes on.", any(not run.is_over for run in runs))
    ended = [run for run in runs if run.is_over and not run.is_undone]
    good = next((run for run in ended if run.status == "succeeded"), None)
    metrics.time(
        "run_last_success_timestamp_seconds",
        "When the last run that succeeded ended.",
        good.finished_at if good else None,
    )
    if not ended:
        return
    last = ended[0]
    metrics.one_of(
        "run_status", "How the last run ended: 1 for its status.", "status", RUN_STATUSES, last.status
    )
    metrics.add("run_duration_seconds", "Duration of the last run.", last.seconds)
    metrics.time("run_start_timestamp_seconds", "When the last run began.", last.started_at)
    metrics.time("run_end_timestamp_seconds", "When the last run ended.", last.finished_at)
    metrics.add("run_failures", "Models and tests that failed in the last run.", last.failures)
    for step, seconds in last.steps.items():
        metrics.add("run_step_duration_seconds", "Duration of a step of the last run.", seconds, step=step)


def _results(metrics: Metrics, data: Data) -> None:
    """Of the newest run that has some: one that failed at once has none."""
    tests: Counter[tuple[str, str, str]] = Counter()
    seconds: Counter[tuple[str, str]] = Counter()
    for result in data.results:
        if result.kind == "test":
            tests[result.layer, result.model, result.status] += 1
            seconds[result.layer, result.model] += result.seconds  # type: ignore[assignment]
        else:
            labels = {"layer": result.layer, "model": result.name}
            metrics.add(
                "model_duration_seconds", "Duration of a model's last build.", result.seconds, **labels
            )
            metrics.add("model_success", "Whether a model's last build succeeded.", result.ok, **labels)
    for layer, model in sorted(seconds):
        for status in dict.fromkeys([*TEST_STATUSES, *(key[2] for key in tests)]):
            metrics.add(
                "model_tests",
                "Tests of a model, or of a table of the source, in the last run, by status.",
                tests[layer, model, status],
                layer=layer,
                model=model,
                status=status,
            )
        metrics.add(
            "model_tests_duration_seconds",
            "Duration of a model's tests in the last run, one after the other.",
            round(seconds[layer, model], 3),
            layer=layer,
            model=model,
        )


def _published(metrics: Metrics, published: Generation) -> None:
    metrics.info(
        "published_info",
        "The generation that consumers read.",
        {"generation": published.run_id, "release": published.release, "as_of_date": published.as_of_date},
    )
    metrics.time("published_timestamp_seconds", "When that generation was published.", published.published_at)
    metrics.time(
        "published_built_timestamp_seconds", "When the build of that generation began.", published.built_at
    )
    for model, rows in sorted(published.rows.items()):
        metrics.add("published_rows", "Rows of a published relation.", rows, model=model)


def _health(metrics: Metrics, health: Sequence[CheckOutcome]) -> None:
    for item in health:
        labels = {"check": item.name, "layer": item.layer.value}
        metrics.one_of(
            "health_check",
            "What a check found: 1 for its result.",
            "result",
            [*CheckResult],
            item.finding.result,
            **labels,
        )
        metrics.add("health_check_duration_seconds", "Duration of a check.", item.seconds, **labels)
