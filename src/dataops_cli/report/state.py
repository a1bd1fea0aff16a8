"""The report's sections on the platform: health, runs and tests, lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataops_cli.report import platform_charts
from dataops_cli.report.drawing import drawn
from dataops_cli.report.figures import share
from dataops_cli.report.formats import NONE, amount, moment, percent, seconds, words
from dataops_cli.report.parts import Figure, Key, Number, Section, Table

# The worst first.
RESULTS = {"fail": "bad", "warn": "warn", "skipped": "prior", "ok": "good"}
BAD = ("fail", "warn")
# The colour of each status of a run.
MARKS = {"succeeded": "good", "failed": "bad", "interrupted": "warn", "killed": "warn", "running": "accent"}


def state_numbers(platform: Mapping[str, Any], health: Mapping[str, Any] | None) -> list[Number]:
    last = platform["runs"][0] if platform["runs"] else None
    published = platform["published"]
    tests = platform["tests"]
    on, _, at = moment(published["published_at"]).partition(", ")
    passed, run = (
        sum(row["passed"] for row in tests),
        sum(row["passed"] + row["failed"] + row["warned"] for row in tests),
    )
    return [
        Number("Health", _verdict(health), _checks(health), good=health["healthy"] if health else None),
        Number(
            "Last run",
            words(last["status"]) if last else "None yet",
            f"{moment(last['started_at'])}, {seconds(last['seconds'])}" if last else "",
            good=last["published"] if last else None,
        ),
        Number(
            "Data tests",
            f"{amount(passed)} of {amount(run)} passed" if run else "None yet",
            percent(share(passed, run)) if run else "",
            good=passed == run if run else None,
        ),
        Number("Published", on, at, f"· run {published['run_id']}"),
    ]


def health_section(health: Mapping[str, Any] | None, advice: str) -> Section:
    if health is None:
        return Section(
            "health", "Health", note=f"Health was not looked at for this report. Look now with: {advice}"
        )
    checks = sorted(health["checks"], key=lambda check: ([*RESULTS].index(check["result"]), check["name"]))
    bad = [check for check in checks if check["result"] in BAD]
    fine = [check for check in checks if check["result"] not in BAD]
    tables = [_check_table("What is wrong, and what to do", bad)] if bad else []
    if fine:
        tables.append(_check_table(_made(fine), fine, folded=True))
    return Section("health", "Health", tables=tables)


def _check_table(caption: str, checks: list[Mapping[str, Any]], *, folded: bool = False) -> Table:
    return Table(
        caption,
        ["Result", "Check", "Found", "Time"],
        [
            [check["result"].capitalize(), check["name"], _found(check), seconds(check["seconds"])]
            for check in checks
        ],
        numbers=3,
        minor=frozenset({3}),
        marks=[RESULTS[check["result"]] for check in checks],
        folded=folded,
    )


def run_section(platform: Mapping[str, Any]) -> Section:
    runs = platform["runs"]
    if not runs:
        return Section("runs", "Runs and tests", note="No run is kept.")
    ended = [run for run in runs if run["status"] != "running"]
    good = sum(run["published"] for run in ended)
    if len(ended) > 1:
        says = f"{good} of the last {len(ended)} runs succeeded."
    else:
        says = (
            f"There was one run; it {'succeeded' if good else 'did not succeed'}."
            if ended
            else "The first run is under way."
        )
    rows = [
        [
            moment(run["started_at"]),
            words(run["status"]),
            f"{amount(run['tests_passed'])} of {amount(run['tests'])}" if run["tests"] else NONE,
            seconds(run["seconds"]),
            run["release"] or NONE,
            (run["reason"] or "") if not run["published"] else "",
        ]
        for run in runs
    ]
    drawn_runs = [run for run in runs if run["seconds"] is not None]
    figure = Figure(
        "Durations of the last runs",
        says,
        drawn(platform_charts.durations(runs), f"Bars of how long each run took. {says}")
        if drawn_runs
        else None,
        [
            Key(MARKS[status], words(status))
            for status in MARKS
            if any(run["status"] == status for run in drawn_runs)
        ],
        Table(
            "Runs, the newest first",
            ["Begun", "Result", "Tests passed", "Time", "Release", "Why"],
            rows,
            numbers=2,
            minor=frozenset({4, 5}),
            marks=[MARKS[run["status"]] for run in runs],
        ),
    )
    return Section(
        "runs",
        "Runs and tests",
        [figure],
        [table for table in (_tests(platform), _slowest(platform)) if table],
    )


def lineage_section(lineage: Mapping[str, Any] | None) -> Section:
    if lineage is None:
        return Section("lineage", "Lineage", note="No run's manifest is kept: the next run writes one.")
    parents: dict[str, list[str]] = {}
    for parent, child in lineage["arrows"]:
        parents.setdefault(child, []).append(parent)
    models = [node for node in lineage["nodes"] if node["layer"] != "source"]
    sources = len(lineage["nodes"]) - len(models)
    says = f"{len(models)} models, made from {sources} tables of the source."
    return Section(
        "lineage",
        "Lineage",
        [
            Figure(
                "From the source to gold",
                says,
                drawn(
                    platform_charts.lineage(lineage),
                    f"Boxes joined by lines, from the source to gold. {says}",
                ),
                [Key(layer, words(layer)) for layer in platform_charts.COLUMNS],
                Table(
                    "What each model reads",
                    ["Model", "Layer", "Reads", "Rows"],
                    [
                        [
                            node["name"],
                            node["layer"],
                            ", ".join(parents.get(node["name"], [])),
                            amount(node["rows"]),
                        ]
                        for node in models
                    ],
                    numbers=3,
                    minor=frozenset({1}),
                ),
                wide_only=True,
            )
        ],
    )


def _tests(platform: Mapping[str, Any]) -> Table | None:
    rows = [
        [
            words(row["layer"]),
            *(amount(row[key]) for key in ("passed", "warned", "failed", "skipped")),
            seconds(row["seconds"]),
        ]
        for row in platform["tests"]
    ]
    columns = ["Layer", "Passed", "Warned", "Failed", "Skipped", "Time"]
    return Table("Tests of the last run", columns, rows, minor=frozenset({4}), half=True) if rows else None


def _slowest(platform: Mapping[str, Any]) -> Table | None:
    rows = [[f"{row['name']} ({row['kind']})", seconds(row["seconds"])] for row in platform["slowest"]]
    columns = ["Step", "Time"]
    return Table("Slowest steps of the last run", columns, rows, half=True) if rows else None


def _made(checks: list[Mapping[str, Any]]) -> str:
    made = sum(check["result"] == "ok" for check in checks)
    skipped = len(checks) - made
    text = f"{made} check{'s' * (made != 1)} found nothing wrong"
    return f"{text}, {skipped} had nothing to look at" if skipped else text


def _found(check: Mapping[str, Any]) -> str:
    """What was found, and below it what to do about it."""
    told = check["remedy"] and check["result"] in BAD
    return f"{check['found']}\n→ {check['remedy']}" if told else str(check["found"])


def _verdict(health: Mapping[str, Any] | None) -> str:
    return "Not looked at" if health is None else "Healthy" if health["healthy"] else "Not healthy"


def _checks(health: Mapping[str, Any] | None) -> str:
    if health is None:
        return ""
    made = [check["result"] for check in health["checks"] if check["result"] != "skipped"]
    bad = made.count("fail")
    return (
        f"{bad} of {len(made)} checks failed"
        if bad
        else f"{len(made) - made.count('warn')} of {len(made)} checks are fine"
    )
