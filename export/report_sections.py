"""Sections of the build report that need a computation of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from facedge.runtime.action_units import ACTION_UNITS, NAMES
from facedge.runtime.manifest import PassRow

from .report_plots import coverage_bar, waterfall_cell

Rgb = NDArray[np.uint8]
_GAINS = (64, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True)
class Difference:
    """Pictures minus FP32, made visible.

    Attributes:
        gain: factor on the difference in grey levels.
        pictures: per picture, variant -> |variant - FP32| x gain, uint8 RGB [H, W, 3].
        mean: per picture, variant -> mean absolute difference in grey levels.
    """

    gain: int
    pictures: tuple[Mapping[str, Rgb], ...]
    mean: tuple[Mapping[str, float], ...]


class ConvRow(Protocol):
    """One convolution of a dialect; ``precision.readiness.ConvReadiness`` is one."""

    @property
    def node(self) -> str: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def out_channels(self) -> int: ...
    @property
    def groups(self) -> int: ...
    @property
    def macs(self) -> int: ...
    @property
    def int8(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def warning(self) -> str: ...


@dataclass(frozen=True)
class ConvCell:
    """One convolution of the coverage table: its size, its precision, and a remark on it."""

    node: str
    channels: str
    macs: int
    share: float
    int8: bool
    remark: str


@dataclass(frozen=True)
class Coverage:
    """How much of one dialect runs in INT8.

    Attributes:
        macs_share: percent of the convolutions' multiply-accumulates.
        int8: number of convolutions in INT8.
        rows: every convolution, in graph order; ``share`` is its percent of the work.
    """

    dialect: str
    macs_share: float
    int8: int
    rows: tuple[ConvCell, ...]

    @property
    def bar(self) -> Markup:
        """The convolutions as one bar, each as wide as its share of the work."""
        return coverage_bar([(cell.node, cell.share, cell.int8) for cell in self.rows])


@dataclass(frozen=True)
class RewriteRow:
    """One rewrite with its three waterfall cells."""

    row: PassRow
    nodes: Markup
    parameters: Markup
    macs: Markup
    changed: bool


@dataclass(frozen=True)
class AuBar:
    """One action unit of one face: its label and percent per precision."""

    label: str
    meaning: str
    percent: Mapping[str, float]


def differences(reference: Sequence[Rgb], variants: Sequence[Mapping[str, Rgb]]) -> Difference:
    """Differences to the reference pictures with the largest gain that clips almost nothing.

    Args:
        reference: uint8 RGB [H, W, 3] each.
        variants: for every reference picture, variant -> uint8 RGB [H, W, 3].
    """
    raw = [
        {name: _absolute(picture, base) for name, picture in row.items()}
        for base, row in zip(reference, variants, strict=True)
    ]
    values = np.concatenate([d.reshape(-1) for row in raw for d in row.values()])
    high = float(np.percentile(values, 99.9))
    gain = next((g for g in _GAINS if high * g <= 255), 1)
    shown = tuple(
        {name: np.minimum(d * gain, 255).astype(np.uint8) for name, d in row.items()} for row in raw
    )
    return Difference(
        gain, shown, tuple({name: float(d.mean()) for name, d in row.items()} for row in raw)
    )


def coverages(
    readiness: Mapping[str, Sequence[ConvRow]],
) -> list[Coverage]:
    """INT8 coverage per dialect."""
    found = []
    for dialect, rows in readiness.items():
        total = sum(row.macs for row in rows) or 1
        cells = tuple(
            ConvCell(
                row.node,
                f"{row.in_channels * row.groups} to {row.out_channels}",
                row.macs,
                100 * row.macs / total,
                row.int8,
                row.warning if row.int8 else row.reason,
            )
            for row in rows
        )
        share = sum(cell.share for cell in cells if cell.int8)
        found.append(Coverage(dialect, share, sum(cell.int8 for cell in cells), cells))
    return found


def rewrite_rows(rows: Sequence[PassRow]) -> list[RewriteRow]:
    """Rewrites with waterfall cells, each metric scaled to its largest value."""
    most_nodes = max((max(r.nodes_before, r.nodes_after) for r in rows), default=1)
    most_parameters = max((max(r.parameters_before, r.parameters_after) for r in rows), default=1)
    most_macs = max((max(r.macs_before, r.macs_after) for r in rows), default=1)
    return [
        RewriteRow(
            r,
            waterfall_cell(r.nodes_before, r.nodes_after, most_nodes),
            waterfall_cell(r.parameters_before, r.parameters_after, most_parameters),
            waterfall_cell(r.macs_before, r.macs_after, most_macs),
            (r.nodes_before, r.parameters_before, r.macs_before)
            != (r.nodes_after, r.parameters_after, r.macs_after),
        )
        for r in rows
    ]


def au_bars(probabilities: Mapping[str, NDArray[np.floating]]) -> list[AuBar]:
    """The twelve action units with the percentage each precision gives them."""
    return [
        AuBar(f"AU{unit}", NAMES[unit], {n: 100 * float(p[i]) for n, p in probabilities.items()})
        for i, unit in enumerate(ACTION_UNITS)
    ]


def _absolute(picture: Rgb, base: Rgb) -> NDArray[np.int16]:
    difference: NDArray[np.int16] = np.abs(picture.astype(np.int16) - base.astype(np.int16))
    return difference
