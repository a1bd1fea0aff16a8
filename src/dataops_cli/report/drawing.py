"""Charts drawn as SVG, whose colours are the page's CSS variables. No script is in them.

Vega-Lite draws, through vl-convert: docs/REPORT.md says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

Spec = dict[str, Any]

# The widths that a chart is drawn at, in pixels: see report.css, which shows the one that fits.
NARROW, MEDIUM, HALF, WIDE = 322, 620, 504, 1070
FULL_WIDTH, HALF_WIDTH = (NARROW, MEDIUM, WIDE), (NARROW, HALF)

# Text is measured in vl-convert's own font, and shown in the page's.
_AXIS = {
    "domainColor": "var(--rule)",
    "tickColor": "var(--rule)",
    "gridColor": "var(--grid)",
    "labelColor": "var(--muted)",
    "titleColor": "var(--muted)",
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "labelPadding": 6,
    "tickSize": 4,
}
CONFIG: Spec = {
    "background": "transparent",
    "aria": False,  # hundreds of marks say nothing to who cannot see them: the text and the table do
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "axisY": {"domain": False, "ticks": False, "minExtent": 42},
    "axisX": {"grid": False},
    "text": {"color": "var(--ink)", "fontSize": 12},
    "mark": {"color": "var(--accent)"},
}


@dataclass(frozen=True)
class Chart:
    """`spec` gives the Vega-Lite chart of a width, without its size and configuration; `height` of a width."""

    spec: Callable[[int], Spec]
    height: Callable[[int], int]
    widths: Sequence[int] = FULL_WIDTH


def drawn(chart: Chart, label: str) -> Markup:
    """The chart at each of its widths. `label` is what it says to who cannot see it."""
    import vl_convert

    pictures = []
    for width in chart.widths:
        spec = chart.spec(width) | {
            "width": width,
            "height": chart.height(width),
            "autosize": {"type": "fit", "contains": "padding"},
            "padding": {"left": 0, "top": 6, "right": 10, "bottom": 5},
            "config": CONFIG,
        }
        svg = vl_convert.vegalite_to_svg(spec, vl_version="6.4", allowed_base_urls=[])
        named = Markup('<svg role="img" aria-label="{}"').format(label)
        pictures.append(
            Markup('<div class="at{}">{}</div>').format(
                width,
                Markup(svg.replace("<svg", named, 1)),  # noqa: S704 (Vega escapes the text that it draws)
            )
        )
    return Markup("").join(pictures)
