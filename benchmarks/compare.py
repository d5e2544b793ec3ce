"""Is one result slower than another? Only where the interval says so, not the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facedge.errors import FacedgeError, InputError

from .result import Latency, Result, SubjectResult
from .statistics import ratio_of_medians

Verdict = Literal["slower", "faster", "same", "unclear"]


class RegressionError(FacedgeError):
    """A benchmark became slower than the tolerance allows, or no longer runs."""

    exit_code = 3


@dataclass(frozen=True)
class Row:
    """One figure in both results.

    Attributes:
        subject: bundle and backend.
        what: such as ``latency`` or ``batch 8``.
        before: median milliseconds of the first result.
        after: of the second.
        ratio: after / before; above 1 is slower.
        low: lower end of its 95 % interval.
        high: upper end.
        verdict: ``slower`` when the whole interval lies above the tolerance, ``faster`` when it
            lies below, ``same`` when it lies within, ``unclear`` when it crosses a bound.
    """

    subject: str
    what: str
    before: float
    after: float
    ratio: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """Two results side by side.

    Attributes:
        tolerance: slowdown that is let pass, as a share.
        rows: every figure that both have.
        broken: what the first measured and what failed in the second, with the reason.
        notes: what else differs, and what only one of them has.
    """

    tolerance: float
    rows: tuple[Row, ...]
    broken: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def regressions(self) -> tuple[str, ...]:
        """One phrase for each figure that is slower, and each that no longer runs."""
        slower = [
            f"{r.subject}, {r.what}: {r.ratio:.2f} times as long ({r.low:.2f} to {r.high:.2f})"
            for r in self.rows
            if r.verdict == "slower"
        ]
        return (*slower, *self.broken)

    def require_no_regression(self) -> None:
        """Raise when something became slower.

        Raises:
            RegressionError: exit code 3; the sentence names every figure.
        """
        if self.regressions:
            raise RegressionError(
                f"slower than the tolerance of {self.tolerance:.0%}: {'; '.join(self.regressions)}"
            )


def compare(before: Result, after: Result, tolerance: float, force: bool = False) -> Comparison:
    """Compare the latencies of two results, figure by figure.

    Args:
        before: the reference.
        after: what is judged.
        tolerance: slowdown to let pass, such as 0.05.
        force: compare results of different devices or settings too.

    Raises:
        InputError: the devices or settings differ, or the results have nothing in common.
    """
    if tolerance < 0:
        raise InputError(f"tolerance is {tolerance:.0%}; expected 0 % or more")
    differences = _differences(before, after)
    if differences and not force:
        raise InputError(
            f"the two results cannot be compared: {'; '.join(differences)}; "
            f"measure under the same conditions, or pass --force"
        )
    old = {s.name: s for s in before.subjects}
    rows: list[Row] = []
    for subject in after.subjects:
        if subject.name in old:
            rows += _rows(old[subject.name], subject, tolerance)
    broken = _broken(before, after)
    if not rows and not broken:
        raise InputError(
            f"the two results have no bundle and backend in common: {_names(before)} and "
            f"{_names(after)}"
        )
    notes = [*differences, *_remarks(before, after)]
    return Comparison(tolerance, tuple(rows), tuple(broken), tuple(notes))


def _rows(before: SubjectResult, after: SubjectResult, tolerance: float) -> list[Row]:
    pairs = [("latency", before.latency, after.latency)]
    sizes = {row.batch: row for row in before.batches}
    pairs += [(f"batch {row.batch}", sizes.get(row.batch), row) for row in after.batches]
    return [_row(after.name, what, old, new, tolerance) for what, old, new in pairs if old and new]


def _row(subject: str, what: str, before: Latency, after: Latency, tolerance: float) -> Row:
    ratio = ratio_of_medians(after.rounds, before.rounds)
    upper = 1 + tolerance
    verdict: Verdict = "unclear"
    if ratio.low > upper:
        verdict = "slower"
    elif ratio.high < 1 / upper:
        verdict = "faster"
    elif ratio.low >= 1 / upper and ratio.high <= upper:
        verdict = "same"
    return Row(subject, what, before.p50, after.p50, ratio.value, ratio.low, ratio.high, verdict)


def _differences(before: Result, after: Result) -> list[str]:
    """What makes figures incomparable."""
    a, b = before.environment, after.environment
    pairs = {
        "devices": (a.device, b.device),
        "GPUs": (a.gpu, b.gpu),
        "power modes": (a.power_mode, b.power_mode),
        "CPU threads": (before.method.threads, after.method.threads),
    }
    return [
        f"{what} are {x or 'none'} and {y or 'none'}" for what, (x, y) in pairs.items() if x != y
    ]


def _broken(before: Result, after: Result) -> list[str]:
    """What the first measured and the second tried in vain."""
    measured = {s.name: s for s in before.subjects if s.latency}
    found = []
    for failure in after.failures:
        subject = measured.get(failure.subject)
        batches = [f"batch {row.batch}" for row in subject.batches] if subject else []
        if subject and failure.part in ("opening", "latency", *batches):
            found.append(f"{failure.subject}, {failure.part}: fails ({failure.reason})")
    return found


def _remarks(before: Result, after: Result) -> list[str]:
    found = []
    for label, result in (("first", before), ("second", after)):
        if result.method.quick:
            found.append(f"the {label} result was measured with --quick")
        found += [f"the {label} run: {sign}" for sign in result.environment.throttling]
    old, new = ({s.name: s for s in r.subjects} for r in (before, after))
    found += [f"{name} is only in the first result" for name in old if name not in new]
    found += [f"{name} is only in the second result" for name in new if name not in old]
    for name in old:
        if name in new and old[name].artifact_sha256 != new[name].artifact_sha256:
            found.append(f"{name} plays another file: it was built again")
    a, b = before.environment.versions, after.environment.versions
    found += [
        f"{package} was {a[package]} and is {b[package]}"
        for package in a
        if package in b and a[package] != b[package]
    ]
    return found


def _names(result: Result) -> str:
    return ", ".join(s.name for s in result.subjects) or "nothing"
