"""What a backend must offer: say whether it is here, open an artifact, bind fixed buffers, run.

A *binding* is one batch size with all its input and output buffers preallocated, so that a call
moves bytes and computes, and allocates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from facedge.errors import InputError

from ..bundle import Bundle
from ..manifest import Artifact, TensorSpec

Array = npt.NDArray[Any]

ALIGNMENT = 256
"""Bytes every buffer starts on: what TensorRT asks for, and enough for any CPU's vectors."""


@dataclass(frozen=True)
class Options:
    """How to open an artifact.

    Attributes:
        device: ``cpu``, ``cuda``, or None for the backend's own default.
        threads: CPU threads for one inference; None lets the backend choose.
        relaxed: let the backend compute FP32 parts in a narrower type where it is faster
            (OpenVINO: bfloat16 on CPUs that have it). Off, so that every machine gives the
            numbers the bundle was verified with.
    """

    device: str | None = None
    threads: int | None = None
    relaxed: bool = False

    def __post_init__(self) -> None:
        if self.device not in (None, "cpu", "cuda"):
            raise InputError(f"device {self.device!r} is unknown; choose 'cpu' or 'cuda'")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads}; expected 1 or more, or None")


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used on this machine.

    Attributes:
        version: the installed version, or None when it cannot be used.
        reason: one sentence why not; empty when it can.
    """

    version: str | None
    reason: str = ""

    def __bool__(self) -> bool:
        return self.version is not None


class Binding(Protocol):
    """One batch size, ready to run."""

    @property
    def inputs(self) -> Mapping[str, Array]:
        """Tensor name -> buffer to fill, in the manifest's order."""
        ...

    @property
    def outputs(self) -> Mapping[str, Array]:
        """Tensor name -> buffer that ``run`` fills, in the manifest's order."""
        ...

    def run(self) -> None:
        """Compute ``outputs`` from ``inputs``; returns when the outputs are complete."""
        ...


class BackendSession(Protocol):
    """One opened artifact. Belongs to one thread."""

    def bind(self, batch: int) -> Binding:
        """Buffers and execution state for ``batch`` pictures; slow once, so keep the result.

        Raises:
            InputError: the artifact cannot take this batch.
        """
        ...


class Backend(Protocol):
    """A runtime that plays artifacts of its own kind."""

    name: str

    def available(self) -> Availability:
        """Whether it can be used here; never raises."""
        ...

    def open(self, bundle: Bundle, artifact: Artifact, options: Options) -> BackendSession:
        """Load one artifact.

        Raises:
            BackendError: the backend is missing or refuses.
            BundleError: the artifact was altered, or is for another version or device.
        """
        ...


def empty(shape: Sequence[int], dtype: str) -> Array:
    """Uninitialised array whose first byte is on a multiple of ``ALIGNMENT``."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def buffers(specs: Sequence[TensorSpec], batch: int) -> dict[str, Array]:
    """One zeroed aligned array per tensor, with ``batch`` in place of -1."""
    made = {spec.name: empty(sized(spec, batch), spec.dtype) for spec in specs}
    for array in made.values():
        array.fill(0)
    return made


def sized(spec: TensorSpec, batch: int) -> tuple[int, ...]:
    """The tensor's shape with ``batch`` in place of -1."""
    return tuple(batch if size < 0 else size for size in spec.shape)


def check_batch(batch: int, artifact: Artifact) -> None:
    """Refuse a batch the artifact was not built for.

    Raises:
        InputError: it is below 1 or above the plan's profile.
    """
    if batch < 1:
        raise InputError(f"batch is {batch}; expected 1 or more pictures")
    if artifact.max_batch and batch > artifact.max_batch:
        raise InputError(
            f"batch is {batch} and {artifact.path} was built for at most {artifact.max_batch}; "
            f"split the pictures, or build with a larger --max-batch"
        )
