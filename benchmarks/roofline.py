"""How fast a model could be: operations and bytes of its graph against what devices can do.

    python benchmarks/roofline.py                                  # fsr-student and au-gcn-edge
    python benchmarks/roofline.py --bench bundles/benchmark        # with measured latencies
    python benchmarks/roofline.py -m fsr-student --markdown        # for docs/performance.md

The bound is the larger of operations / peak rate and bytes / bandwidth (Williams, Waterman and
Patterson, "Roofline", CACM 2009), the bytes being those that no implementation avoids. Measured
latencies come from results of facedge bench or benchmarks/latency.py, from nowhere else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
import typer
from rich.console import Console
from rich.table import Table

from facedge.benchmarks.cpu_peak import this_cpu
from facedge.benchmarks.devices import PUBLISHED, Device
from facedge.benchmarks.result import Result, SubjectResult, read_result
from facedge.benchmarks.traffic import Traffic, traffic
from facedge.benchmarks.wording import ms
from facedge.errors import InputError, QualityGateError
from facedge.extras import require
from facedge.progress import Stages
from facedge.runtime.bundle import Bundle, load
from facedge.runtime.machine import identity
from facedge.runtime.manifest import Dialect

NOT_YET = "not yet measured"
MODELS = ("fsr-student", "au-gcn-edge")


@dataclass(frozen=True)
class Row:
    """One bundle on one class of device, a face at a time.

    Attributes:
        model: of the bundle, ``precision`` likewise.
        device: the class.
        operations: two for each multiply-accumulate.
        weights: bytes of the weights.
        layerwise: bytes when every layer goes through memory, weights included.
        intensity: operations per byte of ``layerwise``.
        compute_ms: operations at the peak rate of their arithmetic.
        memory_ms: bytes that cannot be avoided at the peak bandwidth.
        layerwise_ms: ``layerwise`` at the peak bandwidth: where a cache does not help.
        bound_ms: the larger of the first two: nothing that respects the rates is faster.
        bound_by: ``compute`` or ``memory``.
        measured_ms: lowest median of the results given; None where there is none.
        measured_with: the subject it is of.
    """

    model: str
    precision: str
    device: str
    operations: int
    weights: int
    layerwise: int
    intensity: float
    compute_ms: float
    memory_ms: float
    layerwise_ms: float
    bound_ms: float
    bound_by: str
    measured_ms: float | None = None
    measured_with: str = ""


def row(
    model: str, precision: str, cost: Traffic, device: Device, subject: SubjectResult | None = None
) -> Row:
    """Bound of one graph on one device."""
    compute = sum(count / (device.tera[kind] * 1e9) for kind, count in cost.operations.items())
    memory = cost.compulsory / (device.gigabytes * 1e6)
    return Row(
        model=model,
        precision=precision,
        device=device.name,
        operations=cost.all_operations,
        weights=cost.weights,
        layerwise=cost.layerwise,
        intensity=cost.intensity,
        compute_ms=compute,
        memory_ms=memory,
        layerwise_ms=cost.layerwise / (device.gigabytes * 1e6),
        bound_ms=max(compute, memory),
        bound_by="compute" if compute >= memory else "memory",
        measured_ms=subject.latency.p50 if subject and subject.latency else None,
        measured_with=subject.name if subject else "",
    )


def measured_on(device: Device, results: Sequence[Result], bundle: Bundle) -> SubjectResult | None:
    """The fastest subject of a bundle among results from such a device.

    Results of this CPU must name the same processor and CPUs; of other devices, their board or GPU.
    """
    manifest = bundle.manifest
    found = [
        subject
        for result in results
        if device.is_of(result.environment)
        or (device.dialect == "portable" and result.environment.device == identity())
        for subject in result.subjects
        if subject.latency
        and not subject.peer
        and (subject.model, subject.precision, subject.steps)
        == (manifest.model, manifest.precision, manifest.steps)
    ]
    return min(found, key=lambda s: s.latency.p50 if s.latency else 0.0, default=None)


def rows(
    bundles: Iterable[Bundle], devices: Sequence[Device], results: Sequence[Result]
) -> list[Row]:
    """Every bundle on every device; a graph is counted once for each dialect."""
    table = []
    for bundle in bundles:
        costs: dict[str, Traffic] = {}
        for device in devices:
            dialect: Dialect = "portable" if device.dialect == "portable" else "tensorrt"
            if dialect not in costs:
                graph = onnx.load_from_string(bundle.read(f"onnx/{dialect}.onnx"))
                costs[dialect] = traffic(graph, dialect)
            manifest = bundle.manifest
            subject = measured_on(device, results, bundle)
            table.append(row(manifest.model, manifest.precision, costs[dialect], device, subject))
    return table


def markdown(table: Sequence[Row], devices: Sequence[Device]) -> str:
    """Tables of graphs and of bounds, and the sources of the rates."""
    lines = [
        "| model | device | GOP | weights, MB | layer by layer, MB | operations / byte | compute, "
        "ms | memory, ms | layer by layer, ms | bound, ms | measured, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in table:
        cells = (
            f"`{r.model}` {r.precision}",
            r.device,
            *_figures(r),
            f"**{ms(r.bound_ms)}** {r.bound_by}",
            _measured(r),
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {d.name}: {_rates(d)}. Source: {d.source}." for d in devices)]
    return "\n".join(lines) + "\n"


def _figures(r: Row) -> tuple[str, ...]:
    return (
        f"{r.operations / 1e9:.2f}",
        f"{r.weights / 1e6:.2f}",
        f"{r.layerwise / 1e6:.1f}",
        f"{r.intensity:.0f}",
        ms(r.compute_ms),
        ms(r.memory_ms),
        ms(r.layerwise_ms),
    )


def _measured(r: Row) -> str:
    return NOT_YET if r.measured_ms is None else f"{ms(r.measured_ms)} ({r.measured_with})"


def _rates(device: Device) -> str:
    rates = ", ".join(f"{kind.upper()} {rate:.3g}" for kind, rate in device.tera.items())
    return f"10¹² operations/s {rates}; {device.gigabytes:.4g} GB/s"


def _print(table: Sequence[Row], devices: Sequence[Device], console: Console) -> None:
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "device"):
        shown.add_column(heading)
    for heading in ("GOP", "MB", "compute ms", "memory ms", "bound ms", "measured ms"):
        shown.add_column(heading, justify="right")
    for r in table:
        shown.add_row(
            f"{r.model} {r.precision}",
            r.device,
            f"{r.operations / 1e9:.2f}",
            f"{r.layerwise / 1e6:.1f}",
            ms(r.compute_ms),
            ms(r.memory_ms),
            f"{ms(r.bound_ms)} {r.bound_by}",
            NOT_YET if r.measured_ms is None else ms(r.measured_ms),
        )
    console.print(shown)
    for device in devices:
        console.print(f"{device.name}: {_rates(device)}. {device.source}.", style="dim")


def main(
    model: list[str] = typer.Option(
        list(MODELS), "--model", "-m", help="Model; give it again for several."
    ),
    bundles: Path = typer.Option(
        Path("bundles"),
        "--bundles",
        help="Bundles whose graphs are counted; missing ones are built.",
    ),
    bench: list[Path] = typer.Option(
        [],
        "--bench",
        help="bench.json, or its folder, to take measured latencies from; repeatable.",
    ),
    threads: int = typer.Option(2, "--threads", min=1, help="Threads of this CPU's peak rates."),
    as_markdown: bool = typer.Option(False, "--markdown", help="Print Markdown instead."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object instead."),
) -> None:
    """Bound the latency of models on devices, and set it beside what was measured.

    A latency that nobody measured is called "not yet measured".
    """
    for module in ("torch", "onnx"):
        require(module, "export", "count the operations of graphs")
    from facedge.export.build import build
    from facedge.export.options import PRECISIONS, BuildOptions

    results = [read_result(path) for path in bench]
    stages = Stages(quiet=as_json or as_markdown)
    opened = []
    for name in model:
        for precision in PRECISIONS:
            options = BuildOptions(model=name, precision=precision, out=bundles, threads=threads)
            path = bundles / options.bundle_name()
            try:
                if not (path / "manifest.json").is_file():
                    build(options, stages)
            except QualityGateError as error:
                print(f"left out: {path.name}: {error}", file=sys.stderr)
                continue
            opened.append(load(path))
    if not opened:
        raise InputError("there is no bundle to count; expected one that passes its gates")
    with stages.stage("Measuring what this CPU reaches"):
        devices = [this_cpu(threads), *PUBLISHED]
    table = rows(opened, devices, results)
    if as_json:
        print(
            json.dumps(
                {"devices": [asdict(d) for d in devices], "rows": [asdict(r) for r in table]},
                indent=1,
            )
        )
    elif as_markdown:
        print(markdown(table, devices), end="")
    else:
        _print(table, devices, Console(highlight=False))


if __name__ == "__main__":
    from facedge.benchmarks.script import run_script

    run_script(main, __file__)
