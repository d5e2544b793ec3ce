"""A comparison as Markdown, ready for a README."""

from __future__ import annotations

from collections.abc import Sequence

from . import wording
from .result import Result, SubjectResult

TABLE = "comparison.md"


def markdown(result: Result) -> str:
    """A table for each model, the promises, what did not run, and where it was measured."""
    parts = [_where(result)]
    parts += [_model(result, model, subjects) for model, subjects in wording.groups(result)]
    batched = [s for s in result.subjects if s.batches]
    if batched:
        parts.append(_batches(batched))
    if result.targets:
        parts.append(_targets(result))
    parts += [f"{s.model} {s.precision}, {s.backend}: {wording.linear(s)}." for s in result.steps]
    remarks = [f"{f.subject}, {f.part}: {f.reason}" for f in result.failures]
    remarks += [*result.environment.throttling, *result.environment.notes]
    if remarks:
        parts.append(
            "\n".join(["Did not run, and what to know:", "", *(f"- {r}" for r in remarks)])
        )
    return "\n\n".join(parts) + "\n"


def _where(result: Result) -> str:
    e = result.environment
    versions = ("python", "torch", "onnxruntime", "openvino", "nncf", "ncnn")
    found = ", ".join(f"{n} {e.versions[n]}" for n in versions if n in e.versions)
    load = "" if e.load is None else f"; load average {e.load:.1f} before the run"
    return (
        f"On {e.device}{', ' + e.gpu if e.gpu else ''}, {result.created[:10]}{load}. {found}. "
        f"{wording.method(result)}."
    )


def _model(result: Result, model: str, subjects: Sequence[SubjectResult]) -> str:
    quality = wording.judged_title(subjects)
    heads = ["ms per face, median (p99)", "times faster (95 %)", *([quality] if quality else [])]
    lines = [_row(f"`{model}`", *heads), "|---|" + "---|" * len(heads)]
    for subject in subjects:
        assert subject.latency
        cells = [
            f"{wording.ms(subject.latency.p50)} ({wording.ms(subject.latency.p99)})",
            wording.speedup(result, subject.name),
            *([wording.judged(subject)] if quality else []),
        ]
        lines.append(_row(wording.short(subject), *cells))
    return "\n".join(lines)


def _batches(subjects: Sequence[SubjectResult]) -> str:
    sizes = sorted({row.batch for s in subjects for row in s.batches})
    lines = [_row("faces per second, batch", *map(str, sizes)), "|---|" + "---|" * len(sizes)]
    for subject in subjects:
        rates = {row.batch: wording.throughput(row) for row in subject.batches}
        lines.append(_row(subject.name, *(wording.rate(rates.get(size)) for size in sizes)))
    return "\n".join(lines)


def _targets(result: Result) -> str:
    lines = [
        _row("", "promised", "measured (95 %)", "", "what was compared"),
        "|---|---|---|---|---|",
    ]
    for target in result.targets:
        name = f"`{target.model}`: {target.text}"
        found = (wording.promise(target), wording.figure(target), target.verdict, target.detail)
        lines.append(_row(name, *found))
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
