"""Bars of latency, one per contender, as SVG text."""

from __future__ import annotations

import io
from collections.abc import Sequence

from facedge.extras import require

COLOURS = {
    "torch": "#9aa0a6",
    "plain": "#9aa0a6",
    "fp32": "#8ab4f8",
    "fp16": "#4285f4",
    "int8": "#188038",
}
OTHER = "#9aa0a6"
"""Colour of a contender that the table above does not name."""


def latency_plot(title: str, bars: Sequence[tuple[str, float, float, float]]) -> str:
    """Median latency with a whisker to the 99th percentile, as SVG.

    Args:
        title: heading of the plot.
        bars: contender, median ms, 99th percentile ms, times faster than the baseline.
    """
    require("matplotlib", "bench", "draw the latency plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.42 * len(bars) + 1.0), layout="constrained")
    axes = figure.add_subplot()
    names = [name for name, *_ in bars]
    medians = [median for _, median, _, _ in bars]
    tails = [p99 - median for _, median, p99, _ in bars]
    colours = [COLOURS.get(name.split()[0].rstrip(","), OTHER) for name in names]
    axes.barh(names, medians, color=colours, xerr=[[0] * len(tails), tails], ecolor="#5f6368")
    for y, (_, median, _, faster) in enumerate(bars):
        axes.text(median, y - 0.28, f" {median:.2f} ms · {faster:.1f}×", fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per face: median, whisker to the 99th percentile")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()
