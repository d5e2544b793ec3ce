"""A result and a comparison as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from . import wording
from .compare import Comparison
from .result import Result, SubjectResult

_STYLE = {"slower": "red", "faster": "green", "same": "", "unclear": "yellow"}


def print_result(result: Result, console: Console) -> None:
    """Latency, throughput, what did not run, and what to know about the machine."""
    environment = result.environment
    head = [environment.device, environment.power_mode, environment.gpu]
    console.print(escape(" · ".join(part for part in head if part)), style="bold")
    if result.method.quick:
        console.print("quick look: fewer than 1,024 calls, not for quoting", style="yellow")
    for table in _tables(result):
        console.print(table)
    if result.targets:
        console.print(_targets(result))
    for series in result.steps:
        if text := wording.linear(series):
            console.print(f"{series.model} {series.precision}, {series.backend}: {text}")
    for failure in result.failures:
        text = f"{failure.subject}, {failure.part}: {failure.reason}"
        console.print(f"[red]did not run[/red] {escape(text)}")
    for sign in environment.throttling:
        console.print(f"[red]throttled[/red] {escape(sign)}")
    notes = [*environment.notes, *(f"{s.name}: {n}" for s in result.subjects for n in s.notes)]
    for note in notes:
        console.print(f"[dim]note[/dim] {escape(note)}")


def print_comparison(found: Comparison, console: Console) -> None:
    """One line per figure; slower ones in red."""
    table = _table("after / before", "ms before", "ms after", "ratio", "95 % interval", "")
    for row in found.rows:
        style = _STYLE[row.verdict]
        table.add_row(
            f"{row.subject}, {row.what}",
            wording.ms(row.before),
            wording.ms(row.after),
            f"{row.ratio:.3f}",
            f"{row.low:.3f} – {row.high:.3f}",
            f"[{style}]{row.verdict}[/{style}]" if style else row.verdict,
        )
    console.print(table)
    for text in found.broken:
        console.print(f"[red]no longer runs[/red] {escape(text)}")
    for note in found.notes:
        console.print(f"[dim]note[/dim] {escape(note)}")


def _tables(result: Result) -> list[RenderableType]:
    measured = [s for s in result.subjects if s.latency]
    found: list[RenderableType] = []
    if not measured:
        return found
    for model, subjects in wording.groups(result):
        found += _latency(result, model, subjects)
    batched = [s for s in measured if s.batches]
    batches = {s.name: {r.batch: wording.throughput(r) for r in s.batches} for s in batched}
    streams = {s.name: {r.streams: r.faces_per_second for r in s.streams} for s in measured}
    found += _grid("faces per second, batch", batches)
    found += _grid("faces per second, streams", streams)
    rest = [s for s in measured if s.memory or s.energy or s.quality]
    if rest and not any(s.peer for s in measured):
        found.append(_rest(measured))
    if any(s.gpu for s in measured):
        found.append(_gpu(measured))
    return found


def _latency(result: Result, model: str, subjects: Sequence[SubjectResult]) -> list[RenderableType]:
    """Two narrow tables rather than a wide one: a terminal has 80 columns."""
    quality = wording.judged_title(subjects)
    judged = (quality,) if quality else ()
    latency = _table(f"{model or 'batch 1'}, ms", "p50", "p90", "p99", "max", "jitter")
    kept = _table(f"{model or 'batch 1'}, calls", "late at 30 / 60 per s", "times faster (95 %)")
    if judged:
        kept = _table(model, "times faster (95 %)", quality)
    for subject in subjects:
        row = subject.latency
        assert row
        times = (row.p50, row.p90, row.p99, row.max, row.jitter)
        name, faster = wording.short(subject), wording.speedup(result, subject.name)
        latency.add_row(name, *(wording.ms(v) for v in times))
        if judged:
            kept.add_row(name, faster, wording.judged(subject))
        else:
            kept.add_row(name, wording.misses(row), faster)
    return [latency, kept]


def _targets(result: Result) -> Table:
    styles = {"met": "green", "not met": "red", "not resolved": "yellow", "not measured": "dim"}
    table = Table(title_justify="left", pad_edge=False, box=None, header_style="dim")
    table.add_column("promised", ratio=1)
    for heading in ("", "measured (95 %)", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for target in result.targets:
        style = styles[target.verdict]
        table.add_row(
            f"{target.model}: {target.text}",
            wording.promise(target),
            wording.figure(target),
            f"[{style}]{target.verdict}[/{style}]",
        )
    return table


def _grid(title: str, rates: dict[str, dict[int, float]]) -> list[RenderableType]:
    sizes = sorted({size for row in rates.values() for size in row})
    if not sizes:
        return []
    table = _table(title, *(str(size) for size in sizes))
    for name, row in rates.items():
        table.add_row(name, *(wording.rate(row.get(size)) for size in sizes))
    return [table]


def _rest(subjects: Sequence[SubjectResult]) -> Table:
    table = _table("the rest", "quality at build", "MiB opened / peak", "mJ per face")
    for s in subjects:
        memory = f"{s.memory.opened:.0f} / {s.memory.peak:.0f}" if s.memory else wording.NONE
        table.add_row(s.name, wording.quality(s), memory, wording.energy(s))
    return table


def _gpu(subjects: Sequence[SubjectResult]) -> Table:
    table = _table("GPU, ms", "to device", "compute", "to host", "no graph", "graph")
    for s in subjects:
        if s.gpu:
            parts = (s.gpu.to_device, s.gpu.compute, s.gpu.to_host, s.gpu.enqueued, s.gpu.graph)
            table.add_row(s.name, *(wording.ms(v) for v in parts))
    return table


def _table(first: str, *headings: str) -> Table:
    table = Table(title_justify="left", pad_edge=False, box=None, header_style="dim")
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
