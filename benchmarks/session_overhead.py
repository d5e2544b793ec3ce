"""What Session costs on top of the backend's own call on bound buffers.

    python benchmarks/session_overhead.py                    # every backend, a bundle of its own
    python benchmarks/session_overhead.py --bundle BUNDLE --json overhead.json

Both calls alternate in one loop, so that what else the machine does falls on both. The overhead
is the difference of the medians: checks of type and shape, the copy of the pictures into the
bound buffer, and the copy of the result out of it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from facedge.errors import FacedgeError
from facedge.extras import require
from facedge.files import write_file
from facedge.runtime.backends import registry
from facedge.runtime.bundle import Bundle, encode_manifest, load
from facedge.runtime.machine import identity
from facedge.runtime.manifest import MANIFEST, Artifact, Manifest, TensorSpec, Weights
from facedge.runtime.session import Session

LIMIT_US = 20.0
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True)
class Overhead:
    """Times of one configuration, in microseconds.

    Attributes:
        backend: name and version.
        batch: pictures per call.
        copy: whether results were copied out of the bound buffer.
        backend_us: p50, p90, p99 of the backend's own call.
        session_us: p50, p90, p99 of ``session(images)``.
        overhead_us: difference of the medians.
    """

    backend: str
    batch: int
    copy: bool
    backend_us: tuple[float, ...]
    session_us: tuple[float, ...]
    overhead_us: float


def measure(
    bundle: Bundle, backend: str, batch: int, copy: bool, threads: int | None, queries: int
) -> Overhead:
    """Time ``queries`` calls of each kind, alternating which comes first."""
    session = Session(bundle, backend, batch=batch, copy=copy, threads=threads)
    shape = (batch, *session.input_shape)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    clock, run = time.perf_counter_ns, session.run_backend
    for _ in range(50):
        session(images)
    through, bare = np.empty(queries, np.int64), np.empty(queries, np.int64)
    gc.disable()
    try:
        for i in range(queries):
            if i % 2:
                a = clock()
                session(images)
                b = clock()
                run()
                c = clock()
                through[i], bare[i] = b - a, c - b
            else:
                a = clock()
                run()
                b = clock()
                session(images)
                c = clock()
                through[i], bare[i] = c - b, b - a
    finally:
        gc.enable()
    own, ours = (tuple(np.percentile(t, _PERCENTILES) / 1e3) for t in (bare, through))
    version = registry.get(backend).available().version
    return Overhead(f"{backend} {version}", batch, copy, own, ours, ours[0] - own[0])


def own_bundle(folder: Path) -> Bundle:
    """A bundle of one nearest-neighbour Resize, 16 -> 128: a student's bytes, hardly any work."""
    onnx = require("onnx", "export", "make a bundle to measure; or name one with --bundle")
    helper, types = onnx.helper, onnx.TensorProto
    images = TensorSpec(name="images", dtype="uint8", shape=(-1, 16, 16, 3), meaning="RGB, NHWC")
    restored = TensorSpec(
        name="restored", dtype="uint8", shape=(-1, 128, 128, 3), meaning="RGB, NHWC"
    )
    scales = onnx.numpy_helper.from_array(np.array([1, 8, 8, 1], np.float32), "scales")
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=types.FLOAT),
        helper.make_node("Resize", ["floats", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Cast", ["large"], ["restored"], to=types.UINT8),
    ]
    values = [
        [helper.make_tensor_value_info(s.name, types.UINT8, ["batch", *s.shape[1:]])]
        for s in (images, restored)
    ]
    graph = helper.make_graph(nodes, "resize", *values, [scales])
    opset = [helper.make_opsetid("", 18)]
    data = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    write_file(folder / "onnx/portable.onnx", data)
    manifest = Manifest(
        schema=1,
        digest="",
        name="session-overhead",
        model="resize",
        task="super-resolution",
        precision="fp32",
        steps=1,
        scale=8,
        stateful=False,
        inputs=(images,),
        outputs=(restored,),
        artifacts=tuple(
            Artifact(backend=name, path="onnx/portable.onnx", dialect="portable")
            for name in registry.CPU
        ),
        golden=(),
        gates=(),
        quality={},
        rewrites=(),
        weights=Weights(sha256="", source="none", licence="Apache-2.0"),
        calibration=None,
        preferred=registry.CPU[0],
        tools={},
        files={"onnx/portable.onnx": hashlib.sha256(data).hexdigest()},
        licence="Apache-2.0",
    )
    write_file(folder / MANIFEST, encode_manifest(manifest))
    return load(folder)


def report(rows: list[Overhead], bundle: Bundle, threads: int | None, queries: int) -> Any:
    """The figures with what they depend on, as plain data."""
    return {
        "machine": identity(),
        "bundle": bundle.manifest.name,
        "digest": bundle.manifest.digest,
        "threads": threads,
        "queries": queries,
        "limit_us": LIMIT_US,
        "rows": [asdict(row) for row in rows],
    }


def main(
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle to play; a small one is made otherwise.")
    ] = None,
    backend: Annotated[
        list[str] | None, typer.Option(help="Backend; all that are available otherwise.")
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(help="Pictures per call; 1 and 8.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of one inference.")] = 1,
    queries: Annotated[int, typer.Option(min=1024, help="Calls of each kind.")] = 4096,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures here.")
    ] = None,
) -> None:
    """Print the overhead of Session for each backend and batch; exit 1 above the limit."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            opened = load(bundle) if bundle else own_bundle(Path(folder))
            names = backend or [n for n in opened.backends if registry.get(n).available()]
            rows = [
                measure(opened, name, size, copy, threads, queries)
                for name in names
                for size in batch or (1, 8)
                for copy in (True, False)
            ]
        if json_file:
            data = report(rows, opened, threads, queries)
            write_file(json_file, json.dumps(data, indent=2) + "\n")
    except FacedgeError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    table = Table(title=f"Session over the backend's own call, µs · {identity()}")
    headings = (
        "backend",
        "batch",
        "copy",
        "backend p50/p90/p99",
        "session p50/p90/p99",
        "overhead",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "backend" else "right")
    for row in rows:
        times = ("/".join(f"{t:.1f}" for t in ts) for ts in (row.backend_us, row.session_us))
        table.add_row(
            row.backend,
            str(row.batch),
            "yes" if row.copy else "no",
            *times,
            f"{row.overhead_us:.1f}",
        )
    Console().print(table)
    if any(row.batch == 1 and row.overhead_us > LIMIT_US for row in rows):
        typer.echo(f"overhead at batch 1 is above the limit of {LIMIT_US:g} µs", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
