"""Plots of a benchmark result, drawn by matplotlib as SVG.

A plot is drawn in placeholder colours, which become either fixed ones, for a file of its own, or
the page's CSS variables, so that the same plot follows a light and a dark page.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from facedge.extras import require

from .result import Result, SubjectResult
from .wording import baseline, groups, judged, linear, ms, short, speedup, throughput

PALETTE = {
    "#010101": ("--ink", "#1f1d1a"),
    "#020202": ("--soft", "#6a655d"),
    "#030303": ("--rule", "#e6e1d8"),
    "#040404": ("--card", "#ffffff"),
    "#0a0001": ("--s0", "#0f766e"),
    "#0a0002": ("--s1", "#c2571a"),
    "#0a0003": ("--s2", "#4f5bd5"),
    "#0a0004": ("--s3", "#a3338b"),
    "#0a0005": ("--s4", "#7a7f1b"),
    "#0a0006": ("--s5", "#2f7fb8"),
}
"""Placeholder -> (CSS variable, fixed colour)."""

_INK, _SOFT, _RULE, _CARD, *_SERIES = PALETTE
_FRAMES = {30: 1e3 / 30, 60: 1e3 / 60}


@dataclass(frozen=True)
class Chart:
    """One plot.

    Attributes:
        name: of its file, without ending.
        title: one line.
        caption: what to see in it, one or two sentences.
        svg: the drawing, in placeholder colours.
    """

    name: str
    title: str
    caption: str
    svg: str

    def fixed(self) -> str:
        """An SVG file of its own, in light colours."""
        return _replace(self.svg, lambda variable, colour: colour)

    def inline(self) -> str:
        """Markup for a page that defines the variables."""
        body = self.svg[self.svg.index("<svg") :]
        body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
        sized = re.sub(r'^<svg ([^>]*?)width="[^"]*" ?', r"<svg \1", body, count=1)
        sized = re.sub(r'^<svg ([^>]*?)height="[^"]*" ?', r"<svg \1", sized, count=1)
        return _replace(sized, lambda variable, colour: f"var({variable})")


def charts(result: Result) -> list[Chart]:
    """Every plot that the result has figures for.

    Raises:
        BackendError: matplotlib is missing.
    """
    require("matplotlib", "bench", "draw the plots")
    measured = [s for s in result.subjects if s.latency]
    found: list[Chart | None] = []
    if any(s.peer for s in measured):
        found += [_bars(result, model, subjects) for model, subjects in groups(result)]
    if measured and len(measured) <= len(_SERIES):
        found += [_percentiles(measured), _rounds(measured)]
    if any(len(s.batches) > 1 for s in measured):
        few = len(measured) <= len(_SERIES)
        found.append(_batches(measured if few else [s for s in measured if s.batches]))
    if any(len(s.streams) > 1 for s in measured):
        found.append(_streams(measured))
    if result.steps:
        found.append(_steps(result))
    return [chart for chart in found if chart]


def _bars(result: Result, model: str, subjects: Sequence[SubjectResult]) -> Chart:
    """Median of every way to run one model, the slowest first; peers in grey."""
    rows = sorted(subjects, key=lambda s: -s.latency.p50 if s.latency else 0.0)
    longest = max(s.latency.p50 for s in rows if s.latency)

    def draw(axes: Any) -> None:
        for peer, colour in ((True, _SOFT), (False, _SERIES[0])):
            mine = [(y, s.latency.p50) for y, s in enumerate(rows) if s.latency and s.peer == peer]
            if mine:
                label = "without facedge" if peer else "facedge"
                ys, widths = zip(*mine, strict=True)
                axes.barh(ys, widths, height=0.68, color=colour, label=label)
        for y, subject in enumerate(rows):
            assert subject.latency
            p50 = subject.latency.p50
            parts = [f"{ms(p50)} ms", f"{speedup(result, subject.name).partition(' ')[0]}×"]
            if subject.judged and subject.judged.psnr_y is not None:
                parts.append(judged(subject))
            text = axes.text(p50 + 0.012 * longest, y, " · ".join(parts), va="center", fontsize=8.5)
            text.set_in_layout(False)
        axes.set_yticks(range(len(rows)), [short(s) for s in rows], color=_INK)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1.5 * longest)
        axes.set_xlabel("milliseconds per face, batch 1, median")

    quality = " and the luma PSNR" if any(s.judged and s.judged.psnr_y for s in rows) else ""
    return Chart(
        f"comparison-{model}",
        f"{model}: with and without facedge",
        f"All in turns in one run. Beside each bar: the median, how many times faster than "
        f"{baseline(result, subjects)}{quality}.",
        _figure(f"comparison-{model}", draw, (8.4, 0.33 * len(rows) + 1.2)),
    )


def _percentiles(subjects: Sequence[SubjectResult]) -> Chart:
    """Milliseconds over the percentile, the tail spread out: 90, 99, 99.9 % equally far apart."""

    def draw(axes: Any) -> None:
        highest, most = 0.0, 0.0
        for index, subject in enumerate(subjects):
            assert subject.latency
            # Beyond one call in all there is nothing to draw.
            last = min(99.9, 100 - 100 / subject.latency.queries)
            points = [(p, y) for p, y in subject.latency.distribution if p <= last]
            most = max(most, -math.log10(1 - last / 100))
            xs = [-math.log10(1 - p / 100) for p, _ in points]
            axes.plot(xs, [y for _, y in points], color=_colour(index), label=subject.name)
            highest = max(highest, *(y for _, y in points))
        for rate, late in _FRAMES.items():
            if late < 1.6 * highest:
                axes.axhline(late, color=_SOFT, lw=0.9, ls=(0, (2, 3)))
                axes.text(
                    0.03,
                    late,
                    f"one frame at {rate} per second",
                    color=_SOFT,
                    va="center",
                    bbox={"facecolor": _CARD, "edgecolor": "none", "pad": 1.5},
                )
                highest = max(highest, late)
        ticks = [p for p in (0, 50, 90, 99, 99.9) if -math.log10(1 - p / 100) <= most]
        axes.set_xticks([-math.log10(1 - p / 100) for p in ticks], [f"{p:g} %" for p in ticks])
        axes.set_xlim(0, most)
        axes.set_ylim(0, 1.12 * highest)
        axes.set_xlabel("share of calls that are at least this fast")
        axes.set_ylabel("milliseconds per call, batch 1")

    return Chart(
        "latency",
        "How latency is distributed",
        "Flat is steady. The right end is the slow tail: where a curve turns up, single calls "
        "are late.",
        _figure("latency", draw),
    )


def _rounds(subjects: Sequence[SubjectResult]) -> Chart:
    def draw(axes: Any) -> None:
        for index, subject in enumerate(subjects):
            assert subject.latency
            ys = subject.latency.rounds
            axes.plot(range(1, len(ys) + 1), ys, color=_colour(index), lw=1.3, label=subject.name)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=1)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("round")
        axes.set_ylabel("median milliseconds of the round")

    return Chart(
        "rounds",
        "Did it hold its speed?",
        "Each point is the median of one round. A rise to the right is heat or other work; "
        "a bump in all curves at once is the machine, not an engine.",
        _figure("rounds", draw),
    )


def _batches(subjects: Sequence[SubjectResult]) -> Chart:
    def draw(axes: Any) -> None:
        for index, subject in enumerate(subjects):
            rows = sorted(subject.batches, key=lambda row: row.batch)
            axes.plot(
                [row.batch for row in rows],
                [throughput(row) for row in rows],
                color=_colour(index),
                marker="o",
                ms=4.5,
                label=subject.name,
            )
        _doubling(axes, sorted({row.batch for s in subjects for row in s.batches}))
        axes.set_xlabel("faces per call")
        axes.set_ylabel("faces per second")

    return Chart(
        "batches",
        "Throughput over batch size",
        "Batch size divided by the median call. Where a curve is level, larger batches only make "
        "faces wait.",
        _figure("batches", draw),
    )


def _streams(subjects: Sequence[SubjectResult]) -> Chart:
    def draw(axes: Any) -> None:
        for index, subject in enumerate(subjects):
            axes.plot(
                [row.streams for row in subject.streams],
                [row.faces_per_second for row in subject.streams],
                color=_colour(index),
                marker="o",
                ms=4.5,
                label=subject.name,
            )
        _doubling(axes, sorted({row.streams for s in subjects for row in s.streams}))
        axes.set_xlabel("sessions at once, each in a thread")
        axes.set_ylabel("faces per second of all")

    return Chart(
        "streams",
        "Throughput over streams",
        "One face per call in every thread; the threads share the processor.",
        _figure("streams", draw),
    )


def _steps(result: Result) -> Chart:
    unit = {"psnr_y": "PSNR, luma, dB", "au_decision_agreement": "equal decisions, %"}
    judged = any(p.quality is not None for series in result.steps for p in series.points)

    def draw(axes: Any) -> None:
        for index, series in enumerate(result.steps):
            points = [p for p in series.points if p.quality is not None or not judged]
            ys = [p.quality if judged else p.p50 for p in points]
            xs = [p.p50 if judged else p.steps for p in points]
            label = f"{series.model} {series.precision} · {series.backend}"
            axes.plot(xs, ys, color=_colour(index), marker="o", ms=5, label=label)
            for point, x, y in zip(points, xs, ys, strict=True):
                name = f"{point.steps} step{'s' * (point.steps > 1)}"
                axes.annotate(
                    name, (x, y), (0, 7), textcoords="offset points", ha="center", color=_SOFT
                )
        axes.margins(0.16, 0.22)
        if judged:
            axes.set_xlabel("median milliseconds per face")
            axes.set_ylabel(unit.get(result.steps[0].quality_name, "quality"))
        else:
            axes.set_xlabel("recurrent steps")
            axes.set_ylabel("median milliseconds per face")
            axes.set_ylim(bottom=0)

    return Chart(
        "steps",
        "What another recurrent step costs and brings",
        " ".join(
            [
                "Quality as measured when the bundles were built, against latency here.",
                *(f"{s.backend}: {linear(s)}." for s in result.steps if s.deviation is not None),
            ]
        ),
        _figure("steps", draw),
    )


def _doubling(axes: Any, sizes: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)


def _colour(index: int) -> str:
    return _SERIES[index % len(_SERIES)]


def _figure(name: str, draw: Callable[[Any], None], size: tuple[float, float] = (5.8, 3.5)) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"facedge-{name}",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.edgecolor": _RULE,
        "axes.labelcolor": _SOFT,
        "text.color": _INK,
        "xtick.color": _SOFT,
        "ytick.color": _SOFT,
        "grid.color": _RULE,
        "axes.grid": True,
        "axes.axisbelow": True,
        "lines.linewidth": 2,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
        "legend.labelcolor": _INK,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0, pad=6)
        figure.legend(loc="outside upper left", ncols=2)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": name})
    return text.getvalue()


def _replace(svg: str, colour: Callable[[str, str], str]) -> str:
    return re.sub(
        "|".join(PALETTE), lambda found: colour(*PALETTE[found[0]]), svg, flags=re.IGNORECASE
    )
