"""Which machine this is, as far as the speed of a CPU backend depends on it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

SETTLE = 0.05
"""Seconds after which the threads of another runtime sleep. ONNX Runtime's spin for 40 ms after
their last call; OpenVINO's calls within that time took up to 1.5 times as long (2 cores of a Xeon,
medians of 30 repetitions in each order)."""

INTEGER_INSTRUCTIONS = {
    "amx_int8": "AMX",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx2": "AVX2",
    "i8mm": "I8MM",
    "asimddp": "DOTPROD",
}
"""Flag in /proc/cpuinfo -> instructions that multiply INT8, each family's fastest first."""


@cache
def identity() -> str:
    """One line naming the processor, its INT8 instructions, and the CPUs this process may use.

    Two machines with the same line are taken to rank the CPU backends in the same order. The name
    alone does not say it: virtual machines hide AMX or show it under one name.
    """
    parts = (_processor(), platform.machine(), integer_instructions(), f"{usable_cpus()} CPUs")
    return ", ".join(part for part in parts if part)


def integer_instructions(cpuinfo: Path = CPUINFO) -> str:
    """The fastest INT8 instructions of the processor; empty where none are known."""
    known = set(_said(cpuinfo, "flags", "Features").split())
    return next((name for flag, name in INTEGER_INSTRUCTIONS.items() if flag in known), "")


def usable_cpus() -> int:
    """CPUs this process may run on: the affinity mask, not what the board has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _processor() -> str:
    board = Path("/proc/device-tree/model")
    try:
        return board.read_text().strip("\0\n ")
    except OSError:
        pass
    return _said(CPUINFO, "model name") or platform.processor() or "unknown processor"


def _said(cpuinfo: Path, *keys: str) -> str:
    """What the file first says under one of the keys; empty where it says nothing."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() in keys), "")
