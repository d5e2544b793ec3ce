"""``facedge inspect``: what is in a bundle, without running it."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from facedge.runtime.manifest import Gate


def inspect(
    bundle: Path = typer.Argument(..., help="Bundle folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the manifest."),
) -> None:
    """Show a bundle's inputs, outputs, engines, quality gates and provenance.

    Example: [bold]facedge inspect bundles/fsr-student-int8[/bold]
    """
    from facedge.runtime import bundle as bundles
    from facedge.runtime.manifest import MANIFEST

    loaded = bundles.load(bundle, verify=True)
    if as_json:
        print((loaded.path / MANIFEST).read_text())
        return
    m = loaded.manifest
    console = Console(highlight=False, markup=False)
    size = sum(p.stat().st_size for p in loaded.path.rglob("*") if p.is_file())
    console.print(
        f"{m.name}: {m.model}, {m.task}, {m.precision}, {m.steps} step(s), {size / 1e6:.1f} MB"
    )
    for title, tensors in (("input", m.inputs), ("output", m.outputs)):
        for t in tensors:
            shape = "x".join("N" if s < 0 else str(s) for s in t.shape)
            console.print(f"  {title:6} {t.name}: {t.dtype} {shape}, {t.meaning}")
    engines = Table(title="Engines", title_justify="left")
    for heading in ("backend", "file", "version", "device", "batch", "ms"):
        engines.add_column(heading, overflow="fold", no_wrap=heading == "backend")
    for a in m.artifacts:
        engines.add_row(
            a.backend,
            a.path,
            a.version or "any",
            a.device or "any",
            f"1..{a.max_batch}" if a.max_batch else "any",
            f"{a.latency_ms:.2f}" if a.latency_ms else "–",
        )
    console.print(engines)
    gates = Table(title="Quality gates", title_justify="left")
    for heading in ("gate", "on", "measured", "limit"):
        gates.add_column(heading)
    for g in m.gates:
        gates.add_row(g.name, g.subject, _measured(g), f"{g.sense} {g.limit:g} {g.unit}")
    console.print(gates)
    console.print(
        f"weights {m.weights.source} {m.weights.sha256[:16]}, licence: {m.weights.licence}"
    )


def _measured(gate: Gate) -> str:
    return "identical" if gate.identical else f"{gate.measured:.3f} {gate.unit}"
