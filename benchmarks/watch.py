"""Watches heat, clocks and throttling in the background while something is measured."""

from __future__ import annotations

import threading

from .machine import Temperature
from .sysfs import Files
from .thermal import Snapshot, snapshot, throttling

INTERVAL_S = 1.0


class Watch:
    """Takes a snapshot at the beginning, every second, and at the end of a block.

    Attributes:
        moments: the snapshots, oldest first.
    """

    def __init__(self, files: Files, interval: float = INTERVAL_S) -> None:
        self._files, self._interval = files, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.moments: list[Snapshot] = []

    def __enter__(self) -> Watch:
        self.moments.append(snapshot(self._files))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.moments.append(snapshot(self._files))

    def temperatures(self) -> tuple[Temperature, ...]:
        """Every zone that showed a value at least once."""
        seen: dict[str, list[float]] = {}
        for moment in self.moments:
            for name, value in moment.temperatures.items():
                seen.setdefault(name, []).append(value)
        return tuple(
            Temperature(name=name, before=found[0], highest=max(found), after=found[-1])
            for name, found in seen.items()
        )

    def throttling(self) -> tuple[str, ...]:
        """Signs of throttling; see ``thermal.throttling``."""
        return throttling(self.moments)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self.moments.append(snapshot(self._files))
