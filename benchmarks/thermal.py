"""Temperatures, and what shows that a machine slowed itself down.

Signs of throttling, each from a file that the kernel documents:

- a thermal cooling device other than a fan in a state above 0 (sysfs-class-thermal);
- ``core_throttle_count`` of an x86 processor that grew;
- ``oc*_event_cnt`` of a Jetson's over-current monitor (``soctherm_oc``) that grew;
- a clock that is held (governor ``performance``, or its lowest equal to its highest) and runs
  below 95 % of it. A clock that a governor moves says nothing and is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .clocks import read_clocks
from .machine import Clock
from .sysfs import Files

_HELD = 0.95


@dataclass(frozen=True)
class Snapshot:
    """Heat and clocks at one moment.

    Attributes:
        temperatures: zone -> degrees Celsius.
        cooling: cooling device, fans excepted -> state.
        events: counter of throttling events -> count since boot.
        clocks: as ``clocks.read_clocks``.
    """

    temperatures: dict[str, float]
    cooling: dict[str, int]
    events: dict[str, int]
    clocks: tuple[Clock, ...]


def snapshot(files: Files) -> Snapshot:
    """What the system shows now; zones that are powered off are left out."""
    return Snapshot(_temperatures(files), _cooling(files), _events(files), read_clocks(files))


def throttling(moments: Sequence[Snapshot]) -> tuple[str, ...]:
    """Signs of throttling over a run, one sentence each; empty when there are none.

    Args:
        moments: snapshots in order, the first from before the run.
    """
    if not moments:
        return ()
    found = [*_cooled(moments), *_counted(moments[0], moments[-1]), *_slowed(moments)]
    return tuple(dict.fromkeys(found))


def _temperatures(files: Files) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in files.glob("sys/class/thermal/thermal_zone*"):
        value = files.number(f"{path}/temp")
        if value is not None:
            found[_name(files, path, found)] = value / 1e3
    return found


def _cooling(files: Files) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in files.glob("sys/class/thermal/cooling_device*"):
        kind = files.text(f"{path}/type") or ""
        state = files.number(f"{path}/cur_state")
        if state is not None and "fan" not in kind.lower():
            found[_name(files, path, found)] = state
    return found


def _name(files: Files, path: str, taken: dict[str, float] | dict[str, int]) -> str:
    """The device's type, with its number where several are alike."""
    kind, folder = files.text(f"{path}/type"), path.rpartition("/")[2]
    if not kind:
        return folder
    return f"{kind} ({folder})" if kind in taken else kind


def _events(files: Files) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in files.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"):
        count = files.number(path)
        if count is not None:
            found[f"{path.split('/')[4]} core_throttle_count"] = count
    for folder in files.glob("sys/class/hwmon/hwmon*"):
        if files.text(f"{folder}/name") != "soctherm_oc":
            continue
        for path in files.glob(f"{folder}/oc*_event_cnt"):
            count = files.number(path)
            if count is not None:
                found[path.rpartition("/")[2]] = count
    return found


def _cooled(moments: Sequence[Snapshot]) -> list[str]:
    highest: dict[str, int] = {}
    for moment in moments:
        for name, state in moment.cooling.items():
            highest[name] = max(state, highest.get(name, 0))
    return [f"cooling device {name} reached state {s}" for name, s in highest.items() if s > 0]


def _counted(first: Snapshot, last: Snapshot) -> list[str]:
    return [
        f"{name} grew by {count - first.events[name]}"
        for name, count in last.events.items()
        if name in first.events and count > first.events[name]
    ]


def _slowed(moments: Sequence[Snapshot]) -> list[str]:
    lowest: dict[str, Clock] = {}
    for moment in moments:
        for clock in moment.clocks:
            if clock.name not in lowest or clock.mhz < lowest[clock.name].mhz:
                lowest[clock.name] = clock
    return [
        f"clock {c.name} is held at {c.max_mhz:.0f} MHz and fell to {c.mhz:.0f} MHz"
        for c in lowest.values()
        if c.max_mhz and _is_held(c) and c.mhz < _HELD * c.max_mhz
    ]


def _is_held(clock: Clock) -> bool:
    return clock.governor == "performance" or clock.min_mhz == clock.max_mhz
