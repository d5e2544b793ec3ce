"""Plots of the build report as inline SVG that follows the page's light or dark colours.

Every function returns markup whose text is escaped; colours are classes of the page's style
sheet (``s0`` to ``s5`` for series), so a plot costs a few kilobytes and prints sharply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

RangeTable = Mapping[str, Mapping[str, tuple[float, float]]]


def steps_plot(series: Mapping[str, Mapping[int, float]], baseline: float | None) -> Markup:
    """Quality after every step: one line per variant, the bicubic baseline dashed.

    Args:
        series: variant -> step -> luma PSNR in dB.
        baseline: luma PSNR of bicubic enlargement in dB, or None.
    """
    values = [v for line in series.values() for v in line.values()]
    values += [] if baseline is None else [baseline]
    steps = sorted({k for line in series.values() for k in line})
    low, high = _padded(min(values), max(values))
    width, height, left, right, top, bottom = 560, 250, 52, 120, 16, 34

    def x(step: int) -> float:
        share = 0.5 if len(steps) == 1 else (step - steps[0]) / (steps[-1] - steps[0])
        return left + 14 + share * (width - left - right - 28)

    def y(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    parts = []
    for tick in nice_ticks(low, high, 5):
        parts.append(_line(left, y(tick), width - right, y(tick), "grid"))
        parts.append(_text(left - 8, y(tick) + 4, f"{tick:g}", "end"))
    for step in steps:
        parts.append(_text(x(step), height - 10, f"step {step}", "middle"))
    ends: list[tuple[float, str, str]] = []
    if baseline is not None:
        parts.append(_line(left, y(baseline), width - right, y(baseline), "baseline"))
        ends.append((y(baseline), "bicubic", "muted"))
    for index, (variant, line) in enumerate(series.items()):
        points = " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in sorted(line.items()))
        parts.append(Markup('<polyline class="line s{}" points="{}"/>').format(index % 6, points))
        for step, value in sorted(line.items()):
            parts.append(
                Markup(
                    '<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="4">'
                    "<title>{}</title></circle>"
                ).format(index % 6, x(step), y(value), f"{variant}, step {step}: {value:.2f} dB")
            )
        ends.append((y(line[max(line)]), variant, f"s{index % 6}"))
    for at, label, kind in _spread(ends, 15):
        parts.append(_text(width - right + 8, at + 4, label, "start", f"label {kind}"))
    return _svg(width, height, parts, "Luma PSNR in dB after every recurrent step")


def waterfall_cell(before: int, after: int, largest: int) -> Markup:
    """One cell of the rewrites' waterfall: what stays, and what this rewrite removed or added."""
    scale = 100 / max(largest, 1)
    stays = min(before, after) * scale
    change = abs(after - before) * scale
    kind = "removed" if after < before else "added"
    label = f"{before:,} to {after:,}"
    return Markup(
        '<svg class="cell" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><rect class="track" width="100" height="8"/>'
        '<rect class="stays" width="{:.2f}" height="8"/>'
        '<rect class="{}" x="{:.2f}" width="{:.2f}" height="8"/></svg>'
    ).format(label, stays, kind, stays, change)


def coverage_bar(rows: Sequence[tuple[str, float, bool]]) -> Markup:
    """All convolutions of a dialect in graph order, each as wide as its share of the work.

    Args:
        rows: node, percent of the multiply-accumulates, whether it runs in INT8.
    """
    parts, at = [], 0.0
    for node, share, int8 in rows:
        parts.append(
            Markup(
                '<rect class="{}" x="{:.3f}" width="{:.3f}" height="20"><title>{}</title></rect>'
            ).format("stays" if int8 else "higher", at, share, f"{node}: {share:.1f} %")
        )
        at += share
    return Markup(
        '<svg class="cell coverage" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" '
        'aria-label="Convolutions in graph order, INT8 in green">{}</svg>'
    ).format(Markup().join(parts))


def ranges_plot(ranges: RangeTable, chosen: str) -> Markup:
    """Range of every tensor along the depth of the graph, the methods compared.

    The value axis is asinh: linear around zero, logarithmic outside.

    Args:
        ranges: tensor (in graph order) -> method -> (lowest, highest).
        chosen: method the bundle was quantised with, drawn as the thick bar.
    """
    methods = _methods(ranges, chosen)
    limits = [abs(v) for row in ranges.values() for pair in row.values() for v in pair]
    unit = max(_median(limits), 1e-6)
    peak = math.asinh(max(limits, default=1.0) / unit) * 1.04
    width, height, left, right, top, bottom = 1080, 300, 58, 10, 12, 30
    column = (width - left - right) / max(len(ranges), 1)

    def y(value: float) -> float:
        return top + (1 - math.asinh(value / unit) / peak) / 2 * (height - top - bottom)

    parts = []
    zero = y(0.0)
    for tick in _decades(unit, max(limits, default=1.0)):
        shown = tick == 0 or abs(y(tick) - zero) > 16
        if shown and abs(math.asinh(tick / unit)) <= peak:
            parts.append(
                _line(left, y(tick), width - right, y(tick), "zero" if tick == 0 else "grid")
            )
            parts.append(_text(left - 8, y(tick) + 4, f"{tick:g}", "end"))
    for index, (tensor, row) in enumerate(ranges.items()):
        centre = left + (index + 0.5) * column
        parts.append(_range_column(tensor, row, methods, centre, column, y))
    parts.append(_text(left, height - 8, "input", "start"))
    parts.append(_text(width - right, height - 8, "output", "end"))
    parts.append(_text((left + width) / 2, height - 8, "depth of the graph", "middle"))
    return _svg(
        width, height, parts, "Range of every activation tensor along the depth of the graph"
    )


def range_legend(ranges: RangeTable, chosen: str) -> tuple[tuple[str, str], ...]:
    """(method, style class) pairs in the order and colours of :func:`ranges_plot`."""
    return tuple(
        (name, "s0 chosen" if name == chosen else f"s{i}")
        for i, name in enumerate(_methods(ranges, chosen))
    )


def loss_plot(bars: Sequence[tuple[str, float, str]]) -> Markup:
    """A horizontal bar for every node, in the order given.

    Args:
        bars: node, its loss, style class of its colour.
    """
    row, width, left, right, bottom = 17, 900, 300, 70, 24
    height = row * len(bars) + bottom
    largest = max([value for _, value, _ in bars] + [1e-12])

    def x(value: float) -> float:
        return left + max(value, 0.0) / largest * (width - left - right)

    parts = []
    for tick in nice_ticks(0.0, largest, 5):
        parts.append(_line(x(tick), 0, x(tick), height - bottom, "grid"))
        parts.append(_text(x(tick), height - 8, f"{tick:g}", "middle"))
    for index, (node, value, kind) in enumerate(bars):
        top = index * row
        parts.append(_text(left - 8, top + 12, node, "end"))
        parts.append(
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                "<title>{}</title></rect>"
            ).format(
                kind, left, top + 3, max(x(value) - left, 0.6), row - 6, f"{node}: {value:.4g}"
            )
        )
        parts.append(_text(x(value) + 6, top + 12, f"{value:.3g}", "start"))
    return _svg(width, height, parts, "Loss of every node quantised alone, worst first")


def landmark_overlay(points: Sequence[tuple[float, float]], side: int) -> Markup:
    """Landmarks as dots to lay over a picture of ``side`` pixels; x and y in its pixels."""
    dots = [
        Markup('<circle cx="{:.2f}" cy="{:.2f}" r="{:.2f}"/>').format(x + 0.5, y + 0.5, side / 110)
        for x, y in points
        if math.isfinite(x) and math.isfinite(y)
    ]
    return Markup('<svg class="marks" viewBox="0 0 {0} {0}" aria-hidden="true">{1}</svg>').format(
        side, Markup().join(dots)
    )


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About ``count`` round values (1, 2 or 5 times a power of ten) inside [low, high]."""
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _methods(ranges: RangeTable, chosen: str) -> list[str]:
    found = dict.fromkeys(name for row in ranges.values() for name in row)
    rest = [name for name in found if name != chosen]
    return [chosen, *rest] if chosen in found else rest


def _range_column(
    tensor: str,
    row: Mapping[str, tuple[float, float]],
    methods: Sequence[str],
    centre: float,
    column: float,
    y: Callable[[float], float],
) -> Markup:
    """One tensor: the chosen method as a bar, every other method as two caps."""
    told = "; ".join(f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in row.items())
    parts = [Markup("<title>{}</title>").format(f"{tensor}: {told}")]
    half = min(column * 0.42, 9.0)
    for index, name in enumerate(methods):
        if name not in row:
            continue
        top, bottom = y(row[name][1]), y(row[name][0])
        if index == 0:
            parts.append(
                Markup(
                    '<rect class="reach s0" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                ).format(centre - half, top, 2 * half, max(bottom - top, 0.6))
            )
            continue
        left, across = f"M{centre - half:.1f}", f"h{2 * half:.1f}"
        path = f"{left} {top:.1f}{across}{left} {bottom:.1f}{across}"
        parts.append(Markup('<path class="cap s{}" d="{}"/>').format(index % 6, path))
    return Markup("<g>{}</g>").format(Markup().join(parts))


def _decades(smallest: float, largest: float) -> list[float]:
    """0 and the signed powers of ten from about ``smallest`` to ``largest``."""
    first = math.floor(math.log10(max(smallest, 1e-12)))
    last = math.floor(math.log10(max(largest, 1e-12)))
    powers = [10.0**e for e in range(first, last + 1)]
    return [-p for p in reversed(powers)] + [0.0] + powers


def _median(values: Sequence[float]) -> float:
    ordered = sorted(v for v in values if v > 0)
    return ordered[len(ordered) // 2] if ordered else 1.0


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = max((high - low) * 0.12, 0.05)
    return low - margin, high + margin


def _spread(labels: list[tuple[float, str, str]], gap: float) -> list[tuple[float, str, str]]:
    """Move labels down until they are ``gap`` apart."""
    placed: list[tuple[float, str, str]] = []
    for at, label, kind in sorted(labels):
        if placed:
            at = max(at, placed[-1][0] + gap)
        placed.append((at, label, kind))
    return placed


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, y1, x2, y2
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, text
    )


def _svg(width: int, height: int, parts: Sequence[Markup], label: str) -> Markup:
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, label, Markup().join(parts))
