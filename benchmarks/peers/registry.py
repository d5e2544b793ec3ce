"""Every peer, in the order of tables."""

from __future__ import annotations

from facedge.errors import InputError

from . import (
    ncnn_pnnx,
    nncf_default,
    onnxruntime_cuda,
    onnxruntime_plain,
    openvino_plain,
    quantize_static,
    torch_compile,
    torch_cuda,
    torch_eager,
)
from .contract import Peer

PEERS: tuple[Peer, ...] = (
    torch_eager.PEER,
    torch_compile.PEER,
    onnxruntime_plain.PEER,
    openvino_plain.FP32,
    openvino_plain.OWN,
    quantize_static.DEFAULT,
    quantize_static.UINT8,
    nncf_default.PEER,
    ncnn_pnnx.PEER,
    torch_cuda.EAGER,
    torch_cuda.GRAPHS,
    onnxruntime_cuda.PEER,
)

EAGER = torch_eager.PEER.name
BASELINE = onnxruntime_plain.PEER.name
"""What everything is compared with: what one gets in two calls today."""


def get(name: str) -> Peer:
    """The peer called ``name``.

    Raises:
        InputError: there is none.
    """
    for peer in PEERS:
        if peer.name == name:
            return peer
    raise InputError(f"there is no peer {name!r}; choose of: {'; '.join(p.name for p in PEERS)}")
