"""What a peer is given, and what it has to give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from facedge.errors import BackendError

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float32]

Run = Callable[[Floats], tuple[Floats, ...]]
"""Pictures float32 [N, 3, h, w] in [0, 1], contiguous -> the network's outputs as numpy arrays.

The restored picture float32 [N, 3, H, W], not clipped; or probabilities float32 [N, 12] and
landmarks float32 [N, 49, 2]. N is 1 where ``Peer.single`` says so. The arrays may be the
engine's own, valid until the next call.
"""


@dataclass(frozen=True)
class Work:
    """One model as every peer gets it.

    Attributes:
        network: the torch module, float32, in evaluation mode; its forward takes what ``Run``
            takes and gives the outputs as plain tensors.
        exported: ``torch.onnx.export`` of it, opset 18, dynamic batch; the one input and the
            outputs are float32.
        calibration: float32 [N, 3, h, w]: what quantised peers may look at.
        threads: CPU threads of one inference.
    """

    network: nn.Module
    exported: bytes
    calibration: Floats
    threads: int

    def face(self) -> Floats:
        """One face, float32 [1, 3, h, w]."""
        return np.ascontiguousarray(self.calibration[:1])


@dataclass(frozen=True)
class Peer:
    """One way to run a network without facedge.

    Attributes:
        name: unique, as results show it.
        engine: distribution that computes, such as ``onnxruntime``; its version is reported.
        precision: ``fp32``, ``int8``, or ``own`` where the engine chooses.
        open: prepares it; any exception means that it is missing, and its text says why.
        device: where it computes.
        given_export: it starts from the plain ONNX export and not from torch.
        single: it takes one face at a time.
    """

    name: str
    engine: str
    precision: Literal["fp32", "int8", "own"]
    open: Callable[[Work], Run]
    device: Literal["cpu", "cuda"] = "cpu"
    given_export: bool = True
    single: bool = False


class NotHereError(BackendError):
    """A peer cannot run on this machine, or cannot take this network."""
