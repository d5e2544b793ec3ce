"""Figures of a result as a reader sees them, in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Sequence

from .machine import Clock
from .result import Latency, Result, StepSeries, SubjectResult
from .statistics import LEVEL
from .target import Target

NONE = "–"


def ms(value: float | None) -> str:
    """Milliseconds, with more digits the smaller they are: ``12.3``, ``4.56``, ``0.042``."""
    if value is None:
        return NONE
    digits = 3 if value < 1 else 2 if value < 10 else 1
    return f"{value:.{digits}f}"


def rate(value: float | None) -> str:
    """Faces per second."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def misses(latency: Latency) -> str:
    """``0 / 3 of 1,024``: calls later than a frame at 30 and at 60 per second."""
    return f"{latency.missed_30:,} / {latency.missed_60:,} of {latency.queries:,}"


def throughput(row: Latency) -> float:
    """Faces per second by the median call, which a few slow calls do not move."""
    return row.batch / row.p50 * 1e3


def speedup(result: Result, subject: str) -> str:
    """``1.24 (1.23 – 1.28)``; 1 for the first."""
    for found in result.speedups:
        if found.subject == subject:
            return f"{found.times:.2f} ({found.low:.2f} – {found.high:.2f})"
    first = next((s.name for s in result.subjects if s.latency), "")
    others = {s.than for s in result.speedups} or {first}
    return "1" if subject in others else NONE


def baseline(result: Result, subjects: Sequence[SubjectResult]) -> str:
    """What ``times faster`` of these subjects refers to."""
    names = [s.name for s in subjects]
    than = [s.than for s in result.speedups if s.subject in names]
    found = next((s for s in subjects if s.name in than), subjects[0])
    return short(found)


def groups(result: Result) -> list[tuple[str, list[SubjectResult]]]:
    """Measured subjects under a heading each: by model where peers were measured, else all."""
    measured = [s for s in result.subjects if s.latency]
    if not any(s.peer for s in measured):
        return [("", measured)] if measured else []
    models = dict.fromkeys(s.model for s in measured)
    return [(model, [s for s in measured if s.model == model]) for model in models]


def short(subject: SubjectResult) -> str:
    """A subject's name where its model is known already."""
    if subject.peer:
        return subject.name.removeprefix(f"{subject.model} · ")
    return subject.name


def judged(subject: SubjectResult) -> str:
    """Quality measured in the run: ``28.81 dB``, else what differs from torch: ``2.4e-07``."""
    found = subject.judged
    if found is None:
        return NONE
    if found.psnr_y is not None:
        return f"{found.psnr_y:.2f} dB"
    if found.decisions is not None:
        return f"{found.decisions:.1f} %, {found.difference:.1e}"
    return f"{found.agreement:.1f} dB"


def judged_title(subjects: Sequence[SubjectResult]) -> str:
    """What ``judged`` shows for these subjects."""
    found = next((s.judged for s in subjects if s.judged), None)
    if found is None:
        return ""
    if found.psnr_y is not None:
        return "PSNR, luma"
    if found.decisions is not None:
        return "decisions as torch, largest difference"
    return "PSNR against torch"


def figure(target: Target) -> str:
    """What was measured for a promise: ``3.41 x (3.35 – 3.46)``."""
    if target.value is None or target.low is None or target.high is None:
        return NONE
    value = _number(target.value, target.unit)
    if target.low == target.high:
        return value
    low, high = (_number(v, "") for v in (target.low, target.high))
    return f"{value} ({low} – {high})"


def promise(target: Target) -> str:
    """``at least 5 x``."""
    return f"{target.sense} {target.limit:g} {target.unit}".rstrip()


def _number(value: float, unit: str) -> str:
    digits = f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.2f}"
    return f"{digits} {unit}".rstrip()


def quality(subject: SubjectResult) -> str:
    """``28.46 dB`` or ``99.7 %``."""
    if "psnr_y" in subject.quality:
        return f"{subject.quality['psnr_y']:.2f} dB"
    if "au_decision_agreement" in subject.quality:
        return f"{subject.quality['au_decision_agreement']:.1f} %"
    return NONE


def energy(subject: SubjectResult) -> str:
    """Millijoules per face, in all and above idle."""
    if subject.energy is None:
        return NONE
    whole = subject.energy.joules_per_face * 1e3
    return f"{whole:.2f} ({subject.energy.joules_per_face_above_idle * 1e3:.2f} above idle)"


def clock(found: Clock) -> str:
    """``1020 of 306 to 1300 MHz, nvhost_podgov``."""
    span = ""
    if found.min_mhz is not None and found.max_mhz is not None:
        span = f" of {found.min_mhz:.0f} to {found.max_mhz:.0f}"
    return f"{found.mhz:.0f}{span} MHz" + (f", {found.governor}" if found.governor else "")


def linear(series: StepSeries) -> str:
    """How straight latency grows with the steps."""
    if series.deviation is None:
        return ""
    return f"latency is within {series.deviation:.1%} of a straight line over the steps"


def method(result: Result) -> str:
    """One sentence: how it was measured."""
    m = result.method
    least = f"at least {m.queries:,} calls" + (f" and {m.seconds:g} s" if m.seconds else "")
    return (
        f"{m.warm_up} warm-up calls, then {least} of each, in shuffled rounds of {m.per_round}; "
        f"{m.threads} CPU threads per inference; intervals at {LEVEL:.0%}"
    )


def facts(result: Result) -> list[tuple[str, str]]:
    """The machine, as (name, value) pairs; what is not known is left out."""
    e = result.environment
    load = NONE if e.load is None else f"{e.load:.1f} before the run"
    rows = [
        ("device", e.device),
        ("processor", e.cpu),
        ("GPU", e.gpu),
        ("Jetson Linux", e.l4t),
        ("JetPack", e.jetpack),
        ("power mode", e.power_mode),
        ("memory", f"{e.memory_mib:,} MiB" if e.memory_mib else ""),
        ("system", e.system),
        ("load", load),
        *((f"clock {c.name}", clock(c)) for c in e.clocks_before),
        *(
            (t.name, f"{t.before:.1f} °C before, {t.highest:.1f} at most, {t.after:.1f} after")
            for t in e.temperatures
        ),
        *((f"supply {name}", f"{w:.2f} W before the run") for name, w in e.rails.items()),
        ("throttling", "; ".join(e.throttling) or "no sign"),
    ]
    return [(name, value) for name, value in rows if value]
