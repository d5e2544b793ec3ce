"""How much of the processors other work took while something was measured."""

from __future__ import annotations

import os
from collections.abc import Callable

from facedge.runtime.machine import usable_cpus

from .sysfs import Files

NOTED = 0.1
"""Share of the CPUs from which on other work is worth a note."""


class Others:
    """Counts from the moment it is made.

    Args:
        files: reads ``/proc/stat``.
        own: CPU seconds of this process and its children so far.
    """

    def __init__(self, files: Files, own: Callable[[], float] | None = None) -> None:
        self._files, self._own = files, own or _own
        self._before = self._now()

    def share(self) -> float | None:
        """Busy CPU time of others as a share of this process's CPUs, 0 to 1; None: not known.

        Time that a hypervisor took (steal) counts as other work. On a machine with more CPUs than
        this process may use, work on those counts too.
        """
        before, after = self._before, self._now()
        if before is None or after is None or after[1] <= before[1]:
            return None
        others = (after[0] - before[0]) - (after[2] - before[2])
        span = (after[1] - before[1]) / after[3]
        return min(1.0, max(0.0, others / (span * usable_cpus())))

    def note(self) -> None:
        """Note it where it is large."""
        share = self.share()
        if share is not None and share >= NOTED:
            self._files.note(
                f"other work took {share:.0%} of the CPUs while this was measured: trust ratios "
                f"more than sizes, and neither much"
            )

    def _now(self) -> tuple[float, float, float, int] | None:
        """(busy, all, own) CPU seconds so far, and the number of CPUs they are of."""
        lines = (self._files.text("proc/stat") or "").splitlines()
        cpus = sum(line.startswith("cpu") for line in lines) - 1
        fields = lines[0].split()[1:9] if lines else []
        if cpus < 1 or len(fields) < 8 or not all(field.isdigit() for field in fields):
            return None
        ticks = os.sysconf("SC_CLK_TCK")
        values = [int(field) / ticks for field in fields]
        idle = values[3] + values[4]
        return sum(values) - idle, sum(values), self._own(), cpus


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
