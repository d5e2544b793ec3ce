"""One self-contained page of a benchmark result: no script, no network, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facedge.extras import require
from facedge.runtime.publish import refuse_existing, results_into

from . import wording
from .charts import Chart, charts
from .glossary import TERMS
from .markdown import TABLE, markdown
from .result import FILE, Result, SubjectResult, encode

PAGE = "report.html"
PACKAGES = ("matplotlib", "jinja2")


def require_packages() -> None:
    """Say that a package is missing before anything is measured.

    Raises:
        BackendError: naming the extra to install.
    """
    for module in PACKAGES:
        require(module, "bench", "draw the report; --json alone needs neither")


def refuse_results(out: Path, overwrite: bool) -> None:
    """Stop before anything is measured when the folder holds results already.

    Raises:
        InputError: naming the file.
    """
    refuse_existing(out, (FILE, PAGE), overwrite)


def write_results(result: Result, out: Path, overwrite: bool = False) -> tuple[str, ...]:
    """Write JSON, page and plots into a folder: all of them, or none.

    Returns:
        Names of the files.

    Raises:
        InputError: a file is there already, or the disk refuses.
        BackendError: matplotlib or jinja2 is missing.
    """
    drawn = charts(result)
    files = {FILE: encode(result), PAGE: render(result, drawn).encode()}
    files |= {f"{chart.name}.svg": chart.fixed().encode() for chart in drawn}
    if any(subject.peer for subject in result.subjects):
        files[TABLE] = markdown(result).encode()
    with results_into(out, overwrite) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
    return tuple(files)


def render(result: Result, drawn: Sequence[Chart]) -> str:
    """The page."""
    jinja2 = require("jinja2", "bench", "write the report")
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    measured = [s for s in result.subjects if s.latency]
    page: str = environment.get_template("bench.html.j2").render(
        result=result,
        measured=measured,
        best=_best(measured),
        busiest=_busiest(measured),
        charts=drawn,
        words=wording,
        groups=wording.groups(result),
        compared=any(s.peer for s in measured),
        terms=TERMS,
        css=(folder / "bench.css").read_text(),
        batches=sorted({row.batch for s in measured for row in s.batches}),
        notes=[
            *result.environment.notes,
            *(f"{s.name}: {note}" for s in result.subjects for note in s.notes),
        ],
    )
    return page


def _best(subjects: Sequence[SubjectResult]) -> SubjectResult | None:
    """The lowest median at batch 1; where peers were measured, of the first model's bundles."""
    kept = [s for s in subjects if not s.peer]
    if len(kept) < len(subjects):
        whole = max((s.steps for s in kept if s.model == subjects[0].model), default=0)
        kept = [s for s in kept if (s.model, s.steps) == (subjects[0].model, whole)]
    timed = [(s.latency.p50, i) for i, s in enumerate(kept) if s.latency]
    return kept[min(timed)[1]] if timed else None


def _busiest(subjects: Sequence[SubjectResult]) -> tuple[str, str, float] | None:
    """(subject, way, faces per second) of the highest throughput of all."""
    found = [
        (wording.throughput(row), s.name, f"batch {row.batch}")
        for s in subjects
        for row in s.batches
    ]
    found += [
        (row.faces_per_second, s.name, f"{row.streams} stream{'s' * (row.streams > 1)}")
        for s in subjects
        for row in s.streams
    ]
    if not found:
        return None
    value, name, way = max(found)
    return name, way, value
