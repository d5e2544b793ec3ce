"""``facedge build``: weights in, verified bundle out. ``facedge engine``: a plan on the device."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from facedge.extras import require
from facedge.progress import Stages

from .options import Method, Model, Ranges, Steps, Weights


def build(
    model: Model = "fsr-student",
    precision: str = typer.Option("int8", "--precision", "-p", help="fp32, fp16 or int8."),
    backend: list[str] | None = typer.Option(
        None,
        "--backend",
        "-b",
        help="Engine to build or verify: onnxruntime, openvino, tensorrt, tensorrt-rtx. "
        "Give it again for several. Default: onnxruntime and, where installed, openvino.",
    ),
    calib: Path | None = typer.Option(
        None,
        "--calib",
        help="Pictures to calibrate and verify on: a folder or a video. "
        "Default: pictures in scikit-image's wheel, degraded as a camera would.",
    ),
    out: Path = typer.Option(
        Path("bundles"), "--out", "-o", help="Folder that receives the bundle."
    ),
    weights: Weights = None,
    steps: Steps = None,
    state: bool = typer.Option(
        False, "--state", help="Expose the hidden state, for tracks in video."
    ),
    ranges: Ranges = None,
    plan: Path | None = typer.Option(
        None, "--plan", help="Use this precision plan; see `facedge plan`. INT8 builds only."
    ),
    method: Method = None,
    calib_images: int | None = typer.Option(
        None,
        "--calib-images",
        help="Calibrate on at most this many pictures. Default: by the model's cost.",
    ),
    gate_images: int | None = typer.Option(
        None,
        "--gate-images",
        help="Measure the quality gates on this many pictures. Default: by the model's cost.",
    ),
    max_batch: int = typer.Option(8, "--max-batch", help="Largest batch of a TensorRT plan."),
    threads: int = typer.Option(
        0, "--threads", help="Threads of the CPU backends; 0 lets them choose."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print one JSON object instead of the summary."
    ),
) -> None:
    """Trace, rewrite, calibrate, quantise, build, verify, and write a bundle.

    With no option it builds [bold]fsr-student[/bold] in INT8 from embedded pictures. A bundle
    appears only when every quality gate holds; otherwise nothing is written and the exit code is 3.

    Example: [bold]facedge build --model fsr-student --precision int8 --calib my_faces[/bold]
    """
    for module in ("torch", "onnx", "skimage", "matplotlib"):
        require(module, "export", "build a bundle")
    from facedge.export.build import build as run_build
    from facedge.export.build import default_backends
    from facedge.export.options import BuildOptions
    from facedge.export.summary import as_dict, print_summary

    options = BuildOptions(
        model=model,
        precision=precision,  # type: ignore[arg-type]  # checked by BuildOptions
        backends=tuple(dict.fromkeys(backend)) if backend else default_backends(),
        out=out,
        weights=weights,
        calibration=calib,
        calibration_images=calib_images,
        ranges=ranges,
        plan=plan,
        method=method,
        steps=steps,
        state=state,
        max_batch=max_batch,
        gate_images=gate_images,
        threads=threads,
    )
    result = run_build(options, Stages(quiet=as_json))
    if as_json:
        print(json.dumps(as_dict(result), indent=1))
    else:
        print_summary(result)


def engine(
    bundle: Path = typer.Argument(..., help="Bundle folder."),
    backend: str = typer.Option(
        "tensorrt", "--backend", "-b", help="tensorrt (on the device) or tensorrt-rtx."
    ),
    max_batch: int = typer.Option(8, "--max-batch", min=1, help="Largest batch of the plan."),
    timing_cache: Path | None = typer.Option(
        None,
        "--timing-cache",
        help="Read and update this timing cache. Default: beside the bundle.",
    ),
    version_compatible: bool = typer.Option(
        False,
        "--version-compatible",
        help="Plan runs on later TensorRT versions of the same major.",
    ),
    hardware_compatible: bool = typer.Option(
        False, "--hardware-compatible", help="Plan runs on every GPU from Ampere on, at some cost."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Build a TensorRT plan for this device from an existing bundle; needs no torch.

    Example, on a Jetson: [bold]facedge engine bundles/fsr-student-int8 --backend tensorrt[/bold]
    """
    from facedge.export.add_engine import add_engine

    artifact = add_engine(
        bundle,
        backend,
        max_batch=max_batch,
        timing_cache=timing_cache,
        version_compatible=version_compatible,
        hardware_compatible=hardware_compatible,
        stages=Stages(quiet=as_json),
    )
    if as_json:
        print(
            json.dumps(
                {
                    "bundle": str(bundle),
                    "artifact": artifact.path,
                    "version": artifact.version,
                    "device": artifact.device,
                }
            )
        )
    else:
        print(
            f"{bundle / artifact.path} built for {artifact.device} "
            f"with {backend} {artifact.version}"
        )
