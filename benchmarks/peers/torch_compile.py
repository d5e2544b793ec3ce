"""``torch.compile`` with its defaults: Inductor, which writes C++ and needs a compiler."""

from __future__ import annotations

import os
import shutil

import torch

from .contract import NotHereError, Peer, Run, Work
from .torch_eager import calling


def _open(work: Work) -> Run:
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise NotHereError(f"no C++ compiler: {compiler} was not found, which Inductor calls")
    torch.set_num_threads(work.threads)
    torch.compiler.reset()
    # A fixed batch, which is what it compiles for when it is simply called.
    run = calling(torch.compile(work.network, dynamic=False), work.threads)
    run(work.face())
    return run


PEER = Peer("torch.compile", "torch", "fp32", _open, given_export=False, single=True)
