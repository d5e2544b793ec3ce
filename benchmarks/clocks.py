"""Clocks of CPUs, GPU and memory from cpufreq, devfreq and the boot processor's debug files."""

from __future__ import annotations

from .machine import Clock
from .sysfs import Files

_CPUFREQ = "sys/devices/system/cpu/cpufreq"
_EMC = "sys/kernel/debug/bpmp/debug/clk/emc"


def read_clocks(files: Files) -> tuple[Clock, ...]:
    """Every clock that the system shows, one per cpufreq policy and devfreq device.

    The memory controller's clock of a Jetson (EMC) is in debugfs, which only root can read; when
    it is there and not readable, ``files.notes`` says so.
    """
    clocks = [_cpu(files, path) for path in files.glob(f"{_CPUFREQ}/policy*")]
    clocks += [_device(files, path) for path in files.glob("sys/class/devfreq/*")]
    clocks += _emc(files)
    return tuple(clock for clock in clocks if clock is not None)


def _cpu(files: Files, path: str) -> Clock | None:
    now = files.number(f"{path}/scaling_cur_freq")
    if now is None:
        return None
    cpus = files.text(f"{path}/affected_cpus") or path.rpartition("policy")[2]
    return Clock(
        name=f"cpu {_span(cpus)}",
        mhz=now / 1e3,
        min_mhz=_mega(files.number(f"{path}/scaling_min_freq"), 1e3),
        max_mhz=_mega(files.number(f"{path}/scaling_max_freq"), 1e3),
        governor=files.text(f"{path}/scaling_governor") or "",
    )


def _device(files: Files, path: str) -> Clock | None:
    now = files.number(f"{path}/cur_freq")
    if now is None:
        return None
    return Clock(
        name=path.rpartition("/")[2],
        mhz=now / 1e6,
        min_mhz=_mega(files.number(f"{path}/min_freq"), 1e6),
        max_mhz=_mega(files.number(f"{path}/max_freq"), 1e6),
        governor=files.text(f"{path}/governor") or "",
    )


def _emc(files: Files) -> list[Clock | None]:
    if files.text("etc/nv_tegra_release") is None:  # elsewhere debugfs has nothing to say
        return []
    now = files.number(f"{_EMC}/rate")
    if now is None:
        return []
    low, high = (files.number(f"{_EMC}/{name}_rate") for name in ("min", "max"))
    return [Clock(name="emc", mhz=now / 1e6, min_mhz=_mega(low, 1e6), max_mhz=_mega(high, 1e6))]


def _mega(value: int | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _span(cpus: str) -> str:
    """``0 1 2 3`` as ``0-3``."""
    numbers = [int(n) for n in cpus.split() if n.isdigit()]
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return cpus
