"""What a build is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from facedge.calibration.statistics import METHODS
from facedge.errors import InputError
from facedge.runtime.backends.registry import NAMES as BACKENDS
from facedge.runtime.manifest import Precision

from .gates import Limits

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class BuildOptions:
    """Options of one build; every one has a sensible default.

    Attributes:
        model: name in the registry.
        precision: ``fp32``, ``fp16`` or ``int8``.
        backends: engines the bundle must hold or be verified on.
        out: folder that receives the bundle ``<model>-<precision>``.
        weights: safetensors file; None takes the shipped weights, or seeded ones.
        calibration: folder, picture or video; None takes the embedded default.
        calibration_images: at most this many pictures; None chooses by the model's cost.
        ranges: ranges file of an earlier calibration to use instead of measuring.
        plan: precision plan that says which nodes are INT8; INT8 builds only.
        method: range method: minmax, percentile, entropy or mse.
        steps: recurrent steps to keep; None keeps all.
        state: expose the hidden state as input and output.
        max_batch: largest batch of a TensorRT plan.
        gate_images: pictures the gates are measured on; None chooses by the model's cost.
        threads: threads of CPU backends; 0 leaves the choice to them.
        limits: limits of the quality gates.
    """

    model: str = "fsr-student"
    precision: Precision = "int8"
    backends: tuple[str, ...] = ("onnxruntime", "openvino")
    out: Path = Path("bundles")
    weights: Path | None = None
    calibration: Path | None = None
    calibration_images: int | None = None
    ranges: Path | None = None
    plan: Path | None = None
    method: str | None = None
    steps: int | None = None
    state: bool = False
    max_batch: int = 8
    gate_images: int | None = None
    threads: int = 0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in self.backends:
            if name not in BACKENDS:
                raise InputError(f"unknown backend {name!r}; choose from {', '.join(BACKENDS)}")
        if not self.backends:
            raise InputError(f"no backend given; choose from {', '.join(BACKENDS)}")
        if self.precision not in PRECISIONS:
            raise InputError(
                f"unknown precision {self.precision!r}; choose from {', '.join(PRECISIONS)}"
            )
        if self.plan is not None and self.precision != "int8":
            raise InputError(
                f"--plan says which nodes are INT8, and this build is {self.precision}; "
                "build with --precision int8"
            )
        if self.method is not None and self.method not in (*METHODS, "percentile"):
            raise InputError(
                f"there is no calibration method {self.method!r}; "
                f"choose one of {', '.join(METHODS)}"
            )
        for option, value in (
            ("--max-batch", self.max_batch),
            ("--gate-images", self.gate_images),
            ("--calib-images", self.calibration_images),
        ):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}; it must be at least 1")
        if self.threads < 0:
            raise InputError(f"--threads is {self.threads}; it must be at least 0")

    def bundle_name(self) -> str:
        """Folder name of the bundle, such as ``fsr-student-int8-steps2``."""
        name = f"{self.model}-{self.precision}"
        if self.steps is not None:
            name += f"-steps{self.steps}"
        return name + ("-state" if self.state else "")
