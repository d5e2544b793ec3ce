"""Electrical power: rails of INA monitors on a Jetson, energy counters (RAPL) on x86.

What stands for the whole is chosen by the names that NVIDIA documents for the boards:

- ``VIN`` (Thor, an INA238 at the input of the board) or ``VDD_IN`` (Orin Nano and NX, the input of
  the module), where there is one;
- otherwise the sum of the rails (AGX Orin), without ``VDDQ_VDD2_1V8AO``, which ``VIN_SYS_5V0``
  feeds and which would count twice.

Not yet read on a board.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from . import statistics
from .sysfs import Files

INPUTS = ("VIN", "VDD_IN")
"""Rails that carry everything, the widest first."""

COUNTED_ELSEWHERE = frozenset({"VDDQ_VDD2_1V8AO"})
INTERVAL_S = 0.02


@dataclass(frozen=True)
class Rail:
    """One monitored supply.

    Attributes:
        name: label, such as ``VDD_IN``.
        volts_path: file in mV; empty where the monitor gives power itself.
        amperes_path: file in mA; likewise.
        watts_path: file in µW; empty where voltage and current have to be multiplied.
    """

    name: str
    volts_path: str = ""
    amperes_path: str = ""
    watts_path: str = ""

    def watts(self, files: Files) -> float | None:
        """Power now; None, with a note, when a file cannot be read."""
        if self.watts_path:
            micro = files.number(self.watts_path)
            return None if micro is None else micro / 1e6
        millivolts, milliamperes = (
            files.number(path) for path in (self.volts_path, self.amperes_path)
        )
        if millivolts is None or milliamperes is None:
            return None
        return millivolts * milliamperes / 1e6


class Meter(Protocol):
    """Something that shows how much energy the machine takes."""

    @property
    def name(self) -> str:
        """Which rails or counters it reads."""
        ...

    def read(self) -> float | None:
        """Watts now, or joules so far if it counts; None when it cannot be read."""
        ...

    def joules(self, times: Sequence[float], values: Sequence[float], end: float) -> float:
        """Energy from the first time to ``end``, from what ``read`` gave at these times."""
        ...


def read_rails(files: Files) -> tuple[Rail, ...]:
    """Every labelled supply of the INA3221 and INA238 monitors."""
    rails = []
    for folder in files.glob("sys/bus/i2c/drivers/ina*/*/hwmon/hwmon*"):
        rails += _channels(files, folder) or _single(files, folder)
    return tuple(rails)


def find_meter(files: Files) -> Meter | None:
    """The widest meter of this machine; None, with notes, when there is none to be read."""
    rails = read_rails(files)
    whole = [r for name in INPUTS for r in rails if r.name == name][:1]
    chosen = whole or [r for r in rails if r.name not in COUNTED_ELSEWHERE]
    readable = [r for r in chosen if r.watts(files) is not None]
    if readable and len(readable) == len(chosen):
        return RailMeter(files, tuple(readable))
    counters = [c for p in files.glob("sys/class/powercap/intel-rapl:*") if (c := _rapl(files, p))]
    if counters:
        return RaplMeter(files, tuple(counters))
    files.note("no power sensor can be read here, so energy was not measured")
    return None


class RailMeter:
    """Sum of rails, in watts."""

    def __init__(self, files: Files, rails: tuple[Rail, ...]) -> None:
        self._files, self._rails = files, rails
        self.name = " + ".join(rail.name for rail in rails)

    def read(self) -> float | None:
        """Watts now; see ``Meter.read``."""
        watts = [rail.watts(self._files) for rail in self._rails]
        known = [w for w in watts if w is not None]
        return sum(known) if len(known) == len(watts) else None

    def joules(self, times: Sequence[float], values: Sequence[float], end: float) -> float:
        """Trapezoid rule; see ``statistics.energy``."""
        return statistics.energy(times, values, times[0], end)


@dataclass(frozen=True)
class _Counter:
    name: str
    path: str
    limit: int


class RaplMeter:
    """Energy counters of the processor packages, in joules."""

    def __init__(self, files: Files, counters: tuple[_Counter, ...]) -> None:
        self._files, self._counters = files, counters
        self.name = " + ".join(f"RAPL {counter.name}" for counter in counters)
        self._last = [0.0] * len(counters)
        self._laps = [0] * len(counters)

    def read(self) -> float | None:
        """Joules so far, across the counters' wraps; see ``Meter.read``."""
        total = 0.0
        for i, counter in enumerate(self._counters):
            micro = self._files.number(counter.path)
            if micro is None:
                return None
            self._laps[i] += micro < self._last[i]
            self._last[i] = micro
            total += micro + self._laps[i] * (counter.limit + 1)
        return total / 1e6

    def joules(self, times: Sequence[float], values: Sequence[float], end: float) -> float:
        """Difference of the counter, interpolated at ``end``."""
        return float(np.interp(end, times, values)) - values[0]


class Sampler:
    """Reads a meter in a thread while the block runs.

    with Sampler(meter) as sampler:
        ...
    sampler.joules, sampler.seconds, sampler.samples

    Attributes:
        joules: energy of the block; None when a reading failed.
        seconds: its duration.
        samples: readings that it rests on.
    """

    def __init__(self, meter: Meter, interval: float = INTERVAL_S) -> None:
        self._meter, self._interval = meter, interval
        self._times: list[float] = []
        self._values: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.joules: float | None = None
        self.seconds, self.samples = 0.0, 0

    def __enter__(self) -> Sampler:
        self._take()
        self._start = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        end = time.perf_counter()
        self._stop.set()
        self._thread.join()
        self._take()
        self.seconds, self.samples = end - self._start, len(self._times)
        if self.samples >= 2:
            whole = self._meter.joules(self._times, self._values, end)
            lead = self._meter.joules(self._times, self._values, self._start)
            self.joules = whole - lead

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._take()

    def _take(self) -> None:
        value = self._meter.read()
        if value is not None:
            self._times.append(time.perf_counter())
            self._values.append(value)


def _channels(files: Files, folder: str) -> list[Rail]:
    """Channels with a label of their own; the INA3221's sums and shunt voltages have no current."""
    rails = []
    for path in files.glob(f"{folder}/in[0-9]*_label"):
        channel = path.rpartition("/in")[2].removesuffix("_label")
        label = files.text(path) or ""
        current = f"{folder}/curr{channel}_input"
        if label in ("", "NC") or not (files.root / current).exists():
            continue
        rails.append(Rail(label, f"{folder}/in{channel}_input", current))
    return rails


def _single(files: Files, folder: str) -> list[Rail]:
    """A monitor of one supply, such as the INA238, with one label and its own power in µW."""
    label, path = files.text(f"{folder}/label"), f"{folder}/power1_input"
    if not label or not (files.root / path).exists():
        return []
    return [Rail(label, watts_path=path)]


def _rapl(files: Files, path: str) -> _Counter | None:
    name = files.text(f"{path}/name") or ""
    if not name.startswith("package") or files.number(f"{path}/energy_uj") is None:
        return None
    limit = files.number(f"{path}/max_energy_range_uj")
    return _Counter(name, f"{path}/energy_uj", limit or (1 << 32) - 1)
