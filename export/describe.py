"""The manifest of a finished build, from the plain results of its stages."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import msgspec
import onnx

import facedge
from facedge.models.contract import ModelSpec
from facedge.models.weights import LoadedModel
from facedge.runtime.machine import identity
from facedge.runtime.manifest import (
    SCHEMA,
    Calibration,
    Gate,
    GoldenSet,
    Manifest,
    PassRow,
    TensorSpec,
    Weights,
)

from .artifacts import PLAIN, Made
from .options import BuildOptions

UNSEALED = "0" * 64
LICENCE = "graph and runtime: Apache-2.0; weights: see weights.licence"
TOOLS = (
    "torch",
    "onnx",
    "onnxscript",
    "onnx-ir",
    "onnxruntime",
    "openvino",
    "numpy",
    "tensorrt",
    "tensorrt_rtx_cu13_bindings",
)
MEANING = {
    "images": "RGB pictures, NHWC",
    "restored": "restored RGB pictures, NHWC",
    "probabilities": "AU 1 2 4 6 7 10 12 15 23 24 25 26",
    "landmarks": "49 points, x and y in input pixels",
    "state_in": "hidden state of the previous frame, zeros at first",
    "state_out": "hidden state for the next frame",
}


def tensor_specs(values: Sequence[onnx.ValueInfoProto]) -> tuple[TensorSpec, ...]:
    """Graph inputs or outputs as the manifest names them; the symbolic batch becomes -1."""
    specs = []
    for value in values:
        kind = value.type.tensor_type
        shape = tuple(-1 if d.dim_param else int(d.dim_value) for d in kind.shape.dim)
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        specs.append(
            TensorSpec(name=value.name, dtype=dtype, shape=shape, meaning=MEANING[value.name])
        )
    return tuple(specs)


def tool_versions() -> dict[str, str]:
    """Package -> version of everything that shaped the build, where installed."""
    found = {
        "facedge": facedge.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    for package in TOOLS:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def manifest(
    options: BuildOptions,
    spec: ModelSpec,
    loaded: LoadedModel,
    steps: int,
    shipped: onnx.ModelProto,
    made: Made,
    golden: Sequence[GoldenSet],
    gates: Sequence[Gate],
    quality: Mapping[str, float],
    rewrites: Sequence[PassRow],
    calibration: Calibration | None,
) -> Manifest:
    """A manifest that lacks only the hashes of the files; see :func:`seal`."""
    return Manifest(
        schema=SCHEMA,
        digest=UNSEALED,
        name=options.bundle_name(),
        model=spec.name,
        task=spec.task,
        precision=options.precision,
        steps=steps,
        scale=spec.output_size // spec.input_size if spec.output_size else 1,
        stateful=options.state,
        inputs=tensor_specs(shipped.graph.input),
        outputs=tensor_specs(shipped.graph.output),
        artifacts=made.artifacts,
        golden=tuple(golden),
        gates=tuple(gates),
        quality={**quality, f"latency_ms {PLAIN}": made.latency_ms[PLAIN]},
        rewrites=tuple(rewrites),
        weights=Weights(sha256=loaded.sha256, source=loaded.source, licence=loaded.licence),
        calibration=calibration,
        preferred=made.preferred,
        tools=tool_versions(),
        files={},
        licence=LICENCE,
        machine=identity() if made.latency_ms else "",
    )


def seal(unsealed: Manifest, files: Mapping[str, str]) -> Manifest:
    """The manifest with the hashes of all files of the bundle."""
    return msgspec.structs.replace(unsealed, files=dict(files))
