"""The torch module as it is, FP32, under ``inference_mode``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .contract import Floats, Peer, Run, Work


def calling(network: Callable[..., Any], threads: int) -> Run:
    """Numpy in, torch on the CPU, numpy out; neither copies."""

    def run(images: Floats) -> tuple[Floats, ...]:
        # Torch has one number of threads for the whole process, which others set too.
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return tuple(out.numpy() for out in network(torch.from_numpy(images)))

    return run


def _open(work: Work) -> Run:
    return calling(work.network, work.threads)


PEER = Peer("torch eager", "torch", "fp32", _open, given_export=False)
