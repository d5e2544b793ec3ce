"""The plain export in ONNX Runtime's CUDA provider, copies to and from the GPU counted."""

from __future__ import annotations

from facedge.runtime.backends.onnxruntime import create_session

from .contract import Peer, Run, Work
from .onnxruntime_plain import playing


def _open(work: Work) -> Run:
    run = playing(create_session(work.exported, work.threads, "cuda"))
    run(work.face())
    return run


PEER = Peer("plain export, onnxruntime cuda", "onnxruntime", "fp32", _open, device="cuda")
