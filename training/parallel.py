"""Where a recipe runs: device, mixed precision, and the processes that torchrun started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import distributed, nn

from facedge.errors import InputError


@dataclass(frozen=True)
class Device:
    """A device of this process and its place among the processes of one run.

    Attributes:
        device: where the network lives.
        bfloat16: whether convolutions run in bfloat16.
        rank: number of this process, 0 unless torchrun started several.
        world: number of processes.
    """

    device: torch.device
    bfloat16: bool
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints, logs and pictures."""
        return self.rank == 0

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Mean of ``grad`` over all processes, in place.

        Where only some processes have a gradient, such as DSNet's where a share of the batch has
        no real face, it counts as zero in the others; where none has one, it stays None.
        """
        if self.world == 1:
            return
        present = [torch.tensor([float(p.grad is not None) for p in parameters])]
        values = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([x.to(self.device).flatten() for x in (*present, *values)])
        distributed.all_reduce(flat)
        found, *means = torch.split(flat, [len(values), *(value.numel() for value in values)])
        for parameter, value, count, mean in zip(
            parameters, values, found.tolist(), means, strict=True
        ):
            if count:
                parameter.grad = value.copy_((mean / self.world).view(value.shape))

    def agree(self, value: float) -> float:
        """The first process's value, in every process: what decides when all of them stop."""
        if self.world == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware (AMX or AVX-512 BF16; Ampere on)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    able: Mapping[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # older torch lacks it
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def choose(name: str = "auto", precision: str = "auto") -> Device:
    """The device of this process.

    Under torchrun (``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``) the process group is joined, NCCL on
    GPUs and Gloo on CPUs.

    Args:
        name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        InputError: no such device here, or no such precision.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise InputError(f"--precision is {precision}; expected auto, float32 or bfloat16")
    local = os.environ.get("LOCAL_RANK")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local is not None:
        name = f"cuda:{local}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise _unknown(name) from error
    if device.type not in ("cpu", "cuda"):
        raise _unknown(name)
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        found = f"{count} GPUs" if count > 1 else "one GPU" if count else "no GPU"
        raise InputError(f"--device is {name} and torch finds {found} here; pass --device cpu")
    bfloat16 = bfloat16_is_fast(device) if precision == "auto" else precision == "bfloat16"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Device(device, bfloat16, int(os.environ.get("RANK", "0")) if world > 1 else 0, world)


def _unknown(name: str) -> InputError:
    return InputError(f"--device is {name}; expected auto, cpu, cuda or cuda:N")
