"""What a build says when it is done: to a newcomer, and to a program."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.markup import escape

from facedge.runtime.manifest import Manifest

from .build import BuildResult
from .report_text import own_psnr


def as_dict(result: BuildResult) -> dict[str, object]:
    """The result for ``--json``: the manifest, the path, seconds per stage and peak memory."""
    return {
        "bundle": str(result.path),
        "bytes": bundle_bytes(result),
        "peak_bytes": result.peak_bytes,
        "seconds": dict(result.seconds),
        "manifest": msgspec.to_builtins(result.manifest),
    }


def bundle_bytes(result: BuildResult) -> int:
    """Size of the bundle on disk."""
    return sum(p.stat().st_size for p in result.path.rglob("*") if p.is_file())


def print_summary(result: BuildResult) -> None:
    """A few sentences: what was made, how good, how fast, what to do next."""
    m = result.manifest
    console = Console(highlight=False, soft_wrap=True)
    path = escape(str(result.path))
    console.print()
    console.print(
        f"[bold green]{m.name} is ready[/bold green] in {path} "
        f"({bundle_bytes(result) / 1e6:.1f} MB, built in {result.seconds['total']:.0f} s, "
        f"peak memory {result.peak_bytes / 1e9:.1f} GB)."
    )
    for line in (
        _quality(m),
        _gates(result),
        _speed(result),
        _weights(result),
    ):
        if line:
            console.print(f"  {escape(line)}")
    console.print("Next:")
    console.print(f"  look at the report     {path}/report.html")
    console.print(f"  run it on pictures     facedge run {path} PICTURES --out restored")
    console.print(f"  check it on a device   facedge verify {path}")


def _quality(m: Manifest) -> str:
    base = m.quality.get("psnr_y bicubic")
    full = m.quality.get(f"psnr_y fp32 restored_{m.steps}")
    here = own_psnr(m)
    if base is None or full is None or here is None:
        return ""
    return f"quality: {here:.2f} dB on the gate pictures; FP32 {full:.2f} dB, bicubic {base:.2f} dB"


def _gates(result: BuildResult) -> str:
    gates = result.manifest.gates
    return f"gates: {len(gates)} of {len(gates)} hold" if gates else ""


def _speed(result: BuildResult) -> str:
    m = result.manifest
    measured = [a for a in m.artifacts if a.latency_ms]
    if not measured:
        return ""
    figures = ", ".join(f"{a.backend} {a.latency_ms:.2f} ms" for a in measured)
    plain = m.quality.get("latency_ms plain export onnxruntime")
    text = f"speed here, one face: {figures}"
    if plain:
        best = min(a.latency_ms for a in measured)
        text += f"; plain export on onnxruntime {plain:.2f} ms, so {plain / best:.1f}x faster"
    return text


def _weights(result: BuildResult) -> str:
    w = result.manifest.weights
    if w.source == "seeded":
        return "weights: seeded, not trained; pass --weights FILE for real pictures"
    return f"weights: {w.source}; {w.licence}"
