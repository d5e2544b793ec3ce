"""The plain export in ONNX Runtime, FP32, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from facedge.runtime.backends.onnxruntime import create_session

from .contract import Floats, Peer, Run, Work


def playing(session: Any) -> Run:
    """``session.run`` with numpy arrays, as its documentation shows."""
    name = session.get_inputs()[0].name

    def run(images: Floats) -> tuple[Floats, ...]:
        return tuple(np.asarray(out) for out in session.run(None, {name: images}))

    return run


def _open(work: Work) -> Run:
    return playing(create_session(work.exported, work.threads))


PEER = Peer("plain export, onnxruntime", "onnxruntime", "fp32", _open)
