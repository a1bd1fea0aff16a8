"""The charts of the platform: its lineage and its runs, as Vega-Lite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataops_cli.layers import LAYERS
from dataops_cli.report.drawing import MEDIUM, WIDE, Chart, Spec
from dataops_cli.report.formats import seconds

COLUMNS = ("source", *LAYERS)
# A node's box, in pixels.
BOX, ROW = 26, 40
# Runs that the chart has room for.
SLOTS = 20
STATUS_COLORS = {"succeeded": "var(--good)", "failed": "var(--bad)", "running": "var(--accent)"}


def placed(lineage: Mapping[str, Any]) -> dict[str, tuple[int, float]]:
    """Column and row of each node: below one another in their layer, near what they read, and centred."""
    parents: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    for parent, child in lineage["arrows"]:
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    columns = [[node["name"] for node in lineage["nodes"] if node["layer"] == layer] for layer in COLUMNS]
    tallest = max(map(len, columns), default=0)
    places: dict[str, tuple[int, float]] = {}

    def height(name: str) -> float:
        rows = [places[parent][1] for parent in parents.get(name, ()) if parent in places]
        return sum(rows) / len(rows) if rows else 0.0

    for column, names in enumerate(columns):
        gap = tallest / len(names) if names else 0
        # Nothing comes before a source: those that one model reads are beside one another.
        ordered = (
            sorted(names, key=lambda name: min(children.get(name, [""])))
            if column == 0
            else sorted(names, key=height)
        )
        for row, name in enumerate(ordered):
            places[name] = column, gap * (row + 0.5)
    return places


def lineage(document: Mapping[str, Any]) -> Chart:
    """Boxes from the sources on the left to gold on the right, and what is read from what."""
    places = placed(document)
    rows = max((row for _, row in places.values()), default=0) + 0.5
    nodes = [
        {
            "name": node["name"].rpartition(".")[2],
            "layer": node["layer"],
            "column": places[node["name"]][0],
            "row": places[node["name"]][1],
        }
        for node in document["nodes"]
    ]

    def spec(width: int) -> Spec:
        half = 0.385
        arrows = []
        for number, (parent, child) in enumerate(document["arrows"]):
            (left, top), (right, bottom) = places[parent], places[child]
            begin, end = (left + half, right - half) if left < right else (left, right)
            bend = (end - begin) * 0.35
            points = ((begin, top), (begin + bend, top), (end - bend, bottom), (end, bottom))
            arrows += [
                {"arrow": number, "step": step, "column": column, "row": row}
                for step, (column, row) in enumerate(points)
            ]
        x: Spec = {
            "field": "column",
            "type": "quantitative",
            "scale": {"domain": [-0.42, 3.42]},
            "axis": None,
        }
        y: Spec = {"field": "row", "type": "quantitative", "scale": {"domain": [rows, 0]}, "axis": None}
        where = {"x": x, "y": y}
        color = {
            "field": "layer",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": list(COLUMNS), "range": [f"var(--{layer})" for layer in COLUMNS]},
        }
        box = width * half * 2 / 3.84
        return {
            "layer": [
                {
                    "data": {"values": arrows},
                    "mark": {
                        "type": "line",
                        "interpolate": "basis",
                        "color": "var(--prior)",
                        "strokeWidth": 1.25,
                    },
                    "encoding": where
                    | {"detail": {"field": "arrow"}, "order": {"field": "step", "type": "quantitative"}},
                },
                {
                    "data": {"values": nodes},
                    "mark": {"type": "rect", "width": box, "height": BOX, "cornerRadius": 4},
                    "encoding": where | {"color": color},
                },
                {
                    "data": {"values": nodes},
                    "mark": {
                        "type": "text",
                        "color": "var(--on-layer)",
                        "fontSize": 12 if width == WIDE else 10,
                    },
                    "encoding": where | {"text": {"field": "name"}},
                },
            ]
        }

    return Chart(spec, lambda _width: round(rows * ROW), (MEDIUM, WIDE))


def durations(runs: Sequence[Mapping[str, Any]]) -> Chart:
    """How long each run took, the oldest first, by how it ended."""
    values: list[Spec] = [
        {
            "run": run["run_id"],
            "seconds": run["seconds"],
            "label": seconds(run["seconds"]),
            "status": run["status"],
        }
        for run in reversed(runs)
        if run["seconds"] is not None
    ]
    color: Spec = {
        "field": "status",
        "type": "nominal",
        "legend": None,
        "scale": {
            "domain": [*STATUS_COLORS, "interrupted", "killed"],
            "range": [*STATUS_COLORS.values(), "var(--warn)", "var(--warn)"],
        },
    }
    room = [" " * (place + 1) for place in range(SLOTS - len(values))]  # a few runs are no wide ones
    domain = room + [value["run"] for value in values]
    x: Spec = {
        "field": "run",
        "type": "ordinal",
        "axis": None,
        "scale": {"paddingInner": 0.25, "domain": domain},
    }
    y: Spec = {
        "field": "seconds",
        "type": "quantitative",
        "axis": {"title": None, "tickCount": 3, "labelExpr": "datum.value + ' s'"},
    }

    def spec(_width: int) -> Spec:
        return {
            "data": {"values": values},
            "mark": {"type": "bar"},
            "encoding": {"x": x, "y": y, "color": color},
        }

    return Chart(spec, lambda _width: 150)
