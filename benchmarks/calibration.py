"""Time and peak memory of calibration at growing numbers of pictures, each in its own process.

python benchmarks/calibration.py                      # embedded pictures, 64 and 512
python benchmarks/calibration.py --calib my_faces --images 64 --images 358
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from facedge.extras import require
from facedge.progress import Stages

_CHILD = "from facedge.benchmarks.calibration import child; child()"


def child() -> None:
    """Calibrate as the arguments say and print seconds and peak resident bytes as JSON."""
    import resource

    import onnx

    from facedge.calibration.collect import collect
    from facedge.calibration.samples import samples
    from facedge.calibration.sources import open_source
    from facedge.models.registry import get

    graph, model, images, folder, threads = sys.argv[1:]
    source = open_source(folder or None, limit=int(images))
    start = time.perf_counter()
    ranges = collect(onnx.load(graph), samples(source, get(model)), threads=int(threads))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"images": len(ranges.images), "tensors": len(ranges.tensors)}
    print(json.dumps({**found, "seconds": seconds, "peak_bytes": peak}))


def main(
    model: str = typer.Option("fsr-student", "--model", "-m", help="Model to calibrate."),
    calib: Path | None = typer.Option(None, "--calib", help="Pictures; embedded ones otherwise."),
    images: list[int] = typer.Option([64, 512], "--images", help="Numbers of pictures."),
    threads: int = typer.Option(2, "--threads", help="Threads of ONNX Runtime."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array."),
) -> None:
    """Show that memory does not grow with the number of pictures, and how long they take."""
    for module in ("torch", "onnx"):
        require(module, "export", "trace the model to calibrate")
    from facedge.export.passes import rewrite
    from facedge.export.trace import trace
    from facedge.models import registry, weights

    stages = Stages(quiet=as_json)
    spec = registry.get(model)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        with stages.stage("Tracing and rewriting"):
            graph.write_bytes(
                rewrite(trace(spec, weights.load(spec).module)).model.SerializeToString()
            )
        for count in images:
            with stages.stage(f"Calibrating on {count} pictures"):
                arguments = [str(graph), model, str(count), str(calib or ""), str(threads)]
                done = subprocess.run(
                    [sys.executable, "-c", _CHILD, *arguments],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
            rows.append(json.loads(done.stdout))
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(title=f"Calibration of {model}", title_justify="left")
    for heading in ("pictures", "tensors", "seconds", "peak MB"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["images"]),
            str(row["tensors"]),
            f"{row['seconds']:.1f}",
            f"{row['peak_bytes'] / 1e6:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    from facedge.cli.main import execute

    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(main)
    sys.exit(execute(application, sys.argv[1:]))
