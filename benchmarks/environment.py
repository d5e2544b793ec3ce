"""What a benchmark's figures depend on: device, power mode, clocks, versions."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path

import msgspec

from facedge import __version__
from facedge.runtime.machine import identity, usable_cpus

from .jetson import board, read_jetson
from .machine import Environment
from .power import read_rails
from .sysfs import Files
from .watch import Watch

PACKAGES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "tensorrt-rtx-cu13-bindings",
    "cuda-bindings",
    "pycuda",
    "torch",
    "onnx",
    "ncnn",
    "pnnx",
    "nncf",
)
"""Packages whose version may change a figure."""

BUSY = 0.5
"""Load average per CPU before the run from which on other work disturbs it."""


def read_environment(files: Files, watch: Watch | None = None) -> Environment:
    """Describe the machine below ``files.root``.

    Args:
        files: reads the system; its notes end up in the result.
        watch: what was seen over the run; without it only the present is told.
    """
    jetson = read_jetson(files)
    watts = {rail.name: rail.watts(files) for rail in read_rails(files)}
    moments = watch.moments if watch else []
    return Environment(
        device=_device(files),
        cpu=cpu_model(files),
        cpus=usable_cpus(),
        memory_mib=_memory(files),
        board=board(files),
        l4t=jetson.l4t if jetson else "",
        jetpack=jetson.jetpack if jetson else "",
        power_mode=jetson.power_mode if jetson else "",
        gpu="" if jetson else _gpu(files),
        system=f"{platform.system()} {platform.release()}",
        versions=versions(),
        load=read_load(files),
        rails={name: round(w, 3) for name, w in watts.items() if w is not None},
        clocks_before=moments[0].clocks if moments else (),
        clocks_after=moments[-1].clocks if moments else (),
        temperatures=watch.temperatures() if watch else (),
        throttling=watch.throttling() if watch else (),
        notes=tuple(files.notes),
    )


def read_after(files: Files, watch: Watch, before: Environment) -> Environment:
    """The environment at the end of a run, with the load and the rails of its beginning.

    The load before the run tells whether others worked; ours after it tells nothing.
    """
    after = read_environment(files, watch)
    return msgspec.structs.replace(after, load=before.load, rails=before.rails)


def versions() -> dict[str, str]:
    """Version of facedge, Python and every installed package that takes part."""
    found = {"facedge": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_load(files: Files) -> float | None:
    """Load average of the last minute."""
    text = files.text("proc/loadavg")
    try:
        return float(text.split()[0]) if text else None
    except (ValueError, IndexError):
        files.note(f"/proc/loadavg is {text!r}; expected numbers")
        return None


def note_load(files: Files, load: float | None) -> None:
    """Note that other work disturbed the run, when it did."""
    if load is not None and load >= BUSY * usable_cpus():
        files.note(
            f"load average was {load:.1f} on {usable_cpus()} CPUs before the run: other work took "
            f"part of the machine, so trust ratios more than sizes"
        )


def cpu_model(files: Files) -> str:
    """The processor's name from /proc/cpuinfo; its architecture where that has none (Arm)."""
    for line in (files.text("proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _device(files: Files) -> str:
    """``identity()`` of the machine, or what it would be below another root."""
    if files.root == Path("/"):
        return identity()
    name = board(files) or cpu_model(files)
    return f"{name}, {platform.machine()}, {usable_cpus()} CPUs"


def _memory(files: Files) -> int | None:
    for line in (files.text("proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:") and line.split()[1].isdigit():
            return int(line.split()[1]) // 1024
    files.note("/proc/meminfo names no MemTotal")
    return None


def _gpu(files: Files) -> str:
    """Name and driver of the first desktop GPU, as its own tool prints them."""
    tool = shutil.which("nvidia-smi")
    if tool is None or files.root != Path("/"):
        return ""
    command = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        files.note(f"nvidia-smi does not answer: {error}")
        return ""
    name, _, driver = done.stdout.strip().partition("\n")[0].partition(", ")
    return f"{name}, driver {driver}"
