"""Which machine this is, as far as the speed of a CPU backend depends on it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


@cache
def identity() -> str:
    """One line naming the processor and the CPUs this process may use.

    Two machines with the same line are taken to rank the CPU backends in the same order.
    """
    return f"{_processor()}, {platform.machine()}, {usable_cpus()} CPUs"


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
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
