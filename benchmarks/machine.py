"""The machine in a benchmark's result: its clocks, heat and everything else that sets the speed."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in a result: immutable, and strict when read."""


class Clock(Record, frozen=True):
    """One clock of the machine.

    Attributes:
        name: ``cpu 0-3`` for a cpufreq policy, ``emc``, or the devfreq device's name.
        mhz: now.
        min_mhz: lowest that the governor may choose.
        max_mhz: highest; a power mode lowers it.
        governor: empty where there is none.
    """

    name: str
    mhz: float
    min_mhz: float | None = None
    max_mhz: float | None = None
    governor: str = ""


class Temperature(Record, frozen=True):
    """One thermal zone over the run, in degrees Celsius."""

    name: str
    before: float
    highest: float
    after: float


class Environment(Record, frozen=True):
    """What the figures depend on besides the bundles.

    Attributes:
        device: ``runtime.machine.identity()``: board or processor, architecture, usable CPUs.
        cpu: the processor's own name.
        cpus: CPUs the process may use.
        memory_mib: memory of the machine.
        board: the device tree's model; empty on a PC.
        l4t, jetpack, power_mode: of a Jetson; empty elsewhere.
        gpu: name and driver of a desktop GPU; empty without.
        system: operating system and kernel.
        versions: package -> version of everything that takes part.
        load: load average of the last minute before the run.
        rails: name -> watts of each monitored supply before the run.
        clocks_before, clocks_after: at both ends of the run.
        temperatures: of every zone that could be read.
        throttling: signs that the machine slowed itself down; empty when there were none.
        notes: what could not be read.
    """

    device: str
    cpu: str
    cpus: int
    memory_mib: int | None
    board: str
    l4t: str
    jetpack: str
    power_mode: str
    gpu: str
    system: str
    versions: dict[str, str]
    load: float | None
    rails: dict[str, float]
    clocks_before: tuple[Clock, ...] = ()
    clocks_after: tuple[Clock, ...] = ()
    temperatures: tuple[Temperature, ...] = ()
    throttling: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
