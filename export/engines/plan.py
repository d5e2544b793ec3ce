"""What a plan is built with, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from facedge.errors import InputError

from .layers import Layer

BACKENDS = ("tensorrt", "tensorrt-rtx")
CAPABILITIES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_120", "sm_121")
"""Devices TensorRT for RTX can be told to target."""


@dataclass(frozen=True)
class PlanOptions:
    """How to build a plan.

    Attributes:
        backend: ``tensorrt`` or ``tensorrt-rtx``.
        max_batch: largest batch of the optimisation profile; the smallest is 1.
        opt_batch: batch the kernels are chosen for.
        timing_cache: file of kernel timings, read if it exists and written back; makes the next
            build on the same device fast and repeatable. TensorRT for RTX has none.
        version_compatible: a plan that later versions load too; slower, and larger. Not for
            TensorRT for RTX.
        hardware_compatible: a plan for every device from Ampere on; slower; not on Jetson.
            TensorRT for RTX's plans are so anyway.
        capabilities: for TensorRT for RTX, the devices to target instead of its default, such as
            ``("sm_75",)``; see ``CAPABILITIES``.
        workspace_mib: limit on scratch memory while building, in MiB; None for TensorRT's own.
        optimization_level: 0 (quick build) to 5 (long search); None for TensorRT's own, 3.
        log: file for TensorRT's full log; None keeps none.
        isolate: build in a process of its own, so that a crash of the compiler is an error here
            and its memory is given back.
        timeout: seconds after which an isolated build is given up.
    """

    backend: str = "tensorrt"
    max_batch: int = 8
    opt_batch: int = 1
    timing_cache: Path | None = None
    version_compatible: bool = False
    hardware_compatible: bool = False
    capabilities: tuple[str, ...] = ()
    workspace_mib: int | None = None
    optimization_level: int | None = None
    log: Path | None = None
    isolate: bool = True
    timeout: float = 3600.0

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise InputError(f"plans are built by {' or '.join(BACKENDS)}, not by {self.backend!r}")
        if not 1 <= self.opt_batch <= self.max_batch:
            raise InputError(
                f"opt_batch is {self.opt_batch} and max_batch {self.max_batch}; "
                f"expected 1 <= opt_batch <= max_batch"
            )
        if self.capabilities and self.backend != "tensorrt-rtx":
            raise InputError("capabilities can be chosen for tensorrt-rtx only")
        if self.version_compatible and self.backend == "tensorrt-rtx":
            raise InputError(
                "tensorrt-rtx builds no version-compatible plans (it comes without the lean "
                "runtime they need); build with the version that is to play the plan"
            )
        unknown = [name for name in self.capabilities if name not in CAPABILITIES]
        if unknown:
            raise InputError(
                f"tensorrt-rtx cannot target {', '.join(unknown)}; "
                f"choose from {', '.join(CAPABILITIES)}"
            )
        if self.workspace_mib is not None and self.workspace_mib < 1:
            raise InputError(f"workspace_mib is {self.workspace_mib}; expected 1 or more, or None")


@dataclass(frozen=True)
class Plan:
    """A built engine.

    Attributes:
        data: the serialized engine, as trtexec and polygraphy load it.
        backend: which TensorRT built it.
        version: version it loads in; ends in ``+`` when later ones do too.
        device: ``sm_87``, ``sm_86,sm_89`` or ``ampere+`` (see ``runtime.backends.plan``).
        max_batch: largest batch.
        layers: its kernels; empty where TensorRT does not tell.
        warnings: what TensorRT warned of, without repetition.
        seconds: time the build took.
        peak_mib: largest resident memory of the building process, in MiB.
    """

    data: bytes = field(repr=False)
    backend: str
    version: str
    device: str
    max_batch: int
    layers: tuple[Layer, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def path(self) -> str:
        """Where it lies in a bundle: ``engines/<backend>-<version>-<device>.plan``."""
        return f"engines/{self.backend}-{self.version}-{self.device}.plan"

    @property
    def int8_nodes(self) -> frozenset[str]:
        """ONNX nodes whose contraction really runs on 8-bit integers, with what is fused to it.

        A node that the readiness report calls INT8 and that is missing here was built in a
        higher precision after all.
        """
        return frozenset(node for layer in self.layers if layer.is_int8 for node in layer.nodes)
