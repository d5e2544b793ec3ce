"""Torch on a GPU: eager, and compiled into CUDA graphs. Copies to and from the GPU are counted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from .contract import Floats, NotHereError, Peer, Run, Work


def require_cuda() -> torch.device:
    """The GPU.

    Raises:
        NotHereError: torch was built without CUDA, or there is no device.
    """
    if torch.version.cuda is None:
        raise NotHereError(f"no CUDA device: torch {torch.__version__} is built without CUDA")
    if not torch.cuda.is_available():
        raise NotHereError(f"no CUDA device that torch {torch.__version__} can use")
    return torch.device("cuda")


def _calling(network: Callable[..., Any], device: torch.device) -> Run:
    def run(images: Floats) -> tuple[Floats, ...]:
        with torch.inference_mode():
            found = network(torch.from_numpy(images).to(device))
            # Copying to the host waits for the GPU.
            return tuple(out.cpu().numpy() for out in found)

    return run


def _open_eager(work: Work) -> Run:
    device = require_cuda()
    run = _calling(copy.deepcopy(work.network).to(device), device)
    run(work.face())
    return run


def _open_graphs(work: Work) -> Run:
    device = require_cuda()
    torch.compiler.reset()
    network = copy.deepcopy(work.network).to(device)
    run = _calling(torch.compile(network, mode="reduce-overhead", dynamic=False), device)
    for _ in range(3):  # compiles, warms up, records
        run(work.face())
    return run


EAGER = Peer("torch eager, cuda", "torch", "fp32", _open_eager, device="cuda", given_export=False)
GRAPHS = Peer(
    "torch.compile with CUDA graphs",
    "torch",
    "fp32",
    _open_graphs,
    device="cuda",
    given_export=False,
    single=True,
)
