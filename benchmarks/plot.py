"""Bars of latency, one per contender, as SVG text."""

from __future__ import annotations

import io
from collections.abc import Sequence

from facedge.extras import require

COLOURS = {"torch": "#9aa0a6", "plain": "#9aa0a6", "fp32": "#8ab4f8", "fp16": "#4285f4", "int8": "#188038"}


def latency_plot(title: str, table: Sequence[dict[str, object]]) -> str:
    """Median latency with a whisker to the 99th percentile; rows as ``benchmarks.latency.rows``."""
    require("matplotlib", "bench", "draw the latency plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.42 * len(table) + 1.0), layout="constrained")
    axes = figure.add_subplot()
    names = [str(row["contender"]) for row in table]
    medians = [float(str(row["p50_ms"])) for row in table]
    tails = [float(str(row["p99_ms"])) - m for row, m in zip(table, medians, strict=True)]
    colours = [COLOURS[name.split()[0].rstrip(",")] for name in names]
    axes.barh(names, medians, color=colours, xerr=[[0] * len(tails), tails], ecolor="#5f6368")
    for y, (row, value) in enumerate(zip(table, medians, strict=True)):
        axes.text(value, y - 0.28, f" {value:.2f} ms · {float(str(row['times_faster'])):.1f}×", fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds per face: median, whisker to the 99th percentile")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()
