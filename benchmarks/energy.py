"""Energy per face: a subject alone, without pause, while a thread reads the power."""

from __future__ import annotations

import time

from facedge.errors import InputError

from .power import INTERVAL_S, Meter, Sampler
from .result import Energy
from .subjects import Subject

IDLE_SHARE = 0.25
"""Part of the time that the idle machine is watched for before."""


def measure_energy(
    subject: Subject, meter: Meter, seconds: float, interval: float = INTERVAL_S
) -> Energy:
    """Joules per face at batch 1.

    Args:
        subject: what plays.
        meter: what is read.
        seconds: how long it plays; half a second at least.
        interval: between two readings.

    Raises:
        InputError: the meter could not be read throughout.
    """
    seconds = max(seconds, 0.5)
    with Sampler(meter, interval) as idle:
        time.sleep(seconds * IDLE_SHARE)
    faces, batch, session = 0, subject.batch(1), subject.session
    with Sampler(meter, interval) as busy:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            session(batch)
            faces += 1
    if idle.joules is None or busy.joules is None:
        raise InputError(f"{meter.name} could not be read while it ran")
    idle_watts = idle.joules / idle.seconds
    above = busy.joules - idle_watts * busy.seconds
    return Energy(
        meter=meter.name,
        idle_watts=round(idle_watts, 4),
        watts=round(busy.joules / busy.seconds, 4),
        joules_per_face=busy.joules / faces,
        joules_per_face_above_idle=above / faces,
        faces=faces,
        seconds=round(busy.seconds, 6),
        samples=busy.samples,
    )
