"""The manifest of a bundle: plain data, read by every runtime, written once by the builder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

SCHEMA = 1
MANIFEST = "manifest.json"

IDENTICAL_DB = 200.0
"""What a gate records as the agreement of equal arrays: JSON has no infinity."""

Task = Literal["super-resolution", "action-units"]
Precision = Literal["fp32", "fp16", "int8"]
Dialect = Literal["portable", "openvino", "tensorrt"]
EVERY_DIALECT: tuple[Dialect, ...] = get_args(Dialect)

DIALECTS: Mapping[str, Dialect] = {
    "onnxruntime": "portable",
    "openvino": "openvino",
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt",
}
"""Backend -> the form of the graph that is made for it; those on CPUs play each other's, too."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class TensorSpec(_Record, frozen=True):
    """One input or output of the graph.

    Attributes:
        name: tensor name in every ONNX file and plan of the bundle.
        dtype: numpy name: ``uint8`` or ``float32``.
        shape: sizes; -1 is the batch, always first.
        meaning: one phrase, such as ``RGB picture, NHWC``.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    meaning: str


class Artifact(_Record, frozen=True):
    """A file a backend plays.

    Attributes:
        backend: ``onnxruntime``, ``openvino``, ``tensorrt`` or ``tensorrt-rtx``.
        path: relative to the bundle, such as ``onnx/portable.onnx``.
        dialect: form of the graph it was made from.
        version: backend version a plan belongs to; empty for ONNX files.
        device: what a plan runs on, such as ``sm_87`` or ``ampere+``; empty for ONNX files.
        max_batch: largest batch of a plan's optimisation profile; 0 where there is no limit.
        latency_ms: median batch-1 latency at build on the building machine, 0 if not measured.
    """

    backend: str
    path: str
    dialect: Dialect
    version: str = ""
    device: str = ""
    max_batch: int = 0
    latency_ms: float = 0.0


class GoldenSet(_Record, frozen=True):
    """Inputs and expected outputs of one dialect, for a self-test on the device.

    Attributes:
        inputs: tensor name -> .npy path.
        outputs: tensor name -> .npy path.
        min_psnr_db: uint8 outputs must agree to this peak signal-to-noise ratio (peak 255).
        max_abs: float outputs must agree to this absolute difference.
    """

    dialect: Dialect
    inputs: dict[str, str]
    outputs: dict[str, str]
    min_psnr_db: float
    max_abs: float


class Gate(_Record, frozen=True):
    """One measured quality and the limit it was held to.

    Attributes:
        name: what is measured, such as ``int8-psnr-loss``.
        subject: dialect, step and tensor, such as ``portable step 2``.
        measured: the value.
        limit: the limit.
        unit: ``dB``, ``%`` or empty.
        sense: whether the value must be at least or at most the limit.
    """

    name: str
    subject: str
    measured: float
    limit: float
    unit: str
    sense: Literal["at least", "at most"]

    @property
    def passed(self) -> bool:
        """Whether the measured value respects the limit; NaN never does."""
        if self.sense == "at least":
            return self.measured >= self.limit
        return self.measured <= self.limit

    @property
    def identical(self) -> bool:
        """Whether the two things compared were equal."""
        return self.unit == "dB" and self.sense == "at least" and self.measured >= IDENTICAL_DB


class PassRow(_Record, frozen=True):
    """Size of the graph before and after one rewrite."""

    name: str
    nodes_before: int
    nodes_after: int
    parameters_before: int
    parameters_after: int
    macs_before: int
    macs_after: int


class Weights(_Record, frozen=True):
    """Where the weights came from.

    Attributes:
        sha256: hash over names, dtypes, shapes and bytes of all tensors.
        source: ``trained``, ``seeded`` or the file's name.
        licence: terms of the weights.
    """

    sha256: str
    source: str
    licence: str


class Calibration(_Record, frozen=True):
    """Which pictures the ranges were measured on."""

    source: str
    images: int
    images_sha256: str
    method: str


class Manifest(_Record, frozen=True):
    """Everything a runtime must know to play a bundle and to trust it.

    Attributes:
        digest: SHA-256 of the manifest's own bytes with this field's 64 digits set to zero.
        files: relative path -> hex SHA-256 of every other file of the bundle.
        steps: recurrent steps in the graph.
        scale: output side divided by input side; 1 for action units.
        stateful: whether the graph has ``state_in`` and ``state_out``.
        preferred: backend found fastest at build among the CPU backends.
        machine: ``runtime.machine.identity()`` of the machine ``latency_ms`` and ``preferred``
            were measured on; empty when nothing was measured.
        quality: figures that are reported but not gated, name -> value.
        tools: package -> version used in the build.
    """

    schema: int
    digest: str
    name: str
    model: str
    task: Task
    precision: Precision
    steps: int
    scale: int
    stateful: bool
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    artifacts: tuple[Artifact, ...]
    golden: tuple[GoldenSet, ...]
    gates: tuple[Gate, ...]
    quality: dict[str, float]
    rewrites: tuple[PassRow, ...]
    weights: Weights
    calibration: Calibration | None
    preferred: str
    tools: dict[str, str]
    files: dict[str, str]
    licence: str
    machine: str = ""
