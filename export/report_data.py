"""Chooses what the report shows from the results of a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facedge.calibration.ranges import Ranges
from facedge.metrics import psnr_y
from facedge.resize import reduce_bicubic
from facedge.runtime.manifest import Manifest

from .dialects import DialectGraph
from .plan_file import PrecisionPlan
from .precision.readiness import ConvReadiness
from .reference import GateSet
from .report import ActionUnitRow, PictureRow, ReportData, StepRow
from .verify import Verified

PICTURES = 8
STEP_PICTURES = 3


def report_data(
    manifest: Manifest,
    pictures: GateSet,
    graphs: Sequence[DialectGraph],
    verified: Verified,
    readiness: Mapping[str, Sequence[ConvReadiness]],
    ranges: Ranges | None,
    folder: Path,
    plan: PrecisionPlan | None = None,
) -> ReportData:
    """Pictures, steps, AU rows, coverage, ranges and sizes of a finished build.

    Args:
        manifest: as it will be written; ``files`` may be empty.
        pictures: the gate pictures the outputs belong to.
        graphs: the dialects that were verified.
        verified: their outputs.
        readiness: dialect -> its convolutions.
        ranges: the calibration, or None.
        folder: the bundle being written, for the sizes of its files.
        plan: the precision plan it was built with, or None.
    """
    variants = _variants(manifest, graphs, verified)
    restored = manifest.task == "super-resolution"
    return ReportData(
        manifest=manifest,
        pictures=_picture_rows(manifest, pictures, variants) if restored else (),
        steps=_step_rows(manifest, pictures, verified) if restored else (),
        action_units=() if restored else _action_unit_rows(pictures, variants),
        readiness=readiness,
        ranges=_range_table(ranges, graphs),
        plan=plan,
        sizes={
            p.relative_to(folder).as_posix(): p.stat().st_size
            for p in sorted(folder.rglob("*"))
            if p.is_file()
        },
    )


def _variants(
    manifest: Manifest, graphs: Sequence[DialectGraph], verified: Verified
) -> dict[str, Mapping[str, NDArray[np.generic]]]:
    variants: dict[str, Mapping[str, NDArray[np.generic]]] = {"fp32": verified.full}
    if manifest.precision != "fp32":
        for graph in graphs:
            variants[f"{manifest.precision} {graph.dialect}"] = verified.outputs[graph.dialect]
    return variants


def _picture_rows(
    manifest: Manifest, pictures: GateSet, variants: Mapping[str, Mapping[str, NDArray[np.generic]]]
) -> tuple[PictureRow, ...]:
    last = f"restored_{manifest.steps}"
    side = manifest.outputs[0].shape[1]
    rows = []
    for i, name in enumerate(pictures.names[:PICTURES]):
        shown = {"bicubic": reduce_bicubic(pictures.images[i], side)}
        shown |= {variant: found[last][i].astype(np.uint8) for variant, found in variants.items()}
        truth = None if pictures.truths is None else pictures.truths[i]
        psnr = {} if truth is None else {k: psnr_y(v, truth) for k, v in shown.items()}
        rows.append(PictureRow(name, pictures.images[i], shown, truth, psnr))
    return tuple(rows)


def _step_rows(manifest: Manifest, pictures: GateSet, verified: Verified) -> tuple[StepRow, ...]:
    outputs = verified.outputs["portable"]
    rows = []
    for i, name in enumerate(pictures.names[:STEP_PICTURES]):
        steps = [outputs[f"restored_{k}"][i].astype(np.uint8) for k in range(1, manifest.steps + 1)]
        psnr = [] if pictures.truths is None else [psnr_y(s, pictures.truths[i]) for s in steps]
        rows.append(StepRow(name, steps, psnr))
    return tuple(rows)


def _action_unit_rows(
    pictures: GateSet, variants: Mapping[str, Mapping[str, NDArray[np.generic]]]
) -> tuple[ActionUnitRow, ...]:
    return tuple(
        ActionUnitRow(
            name,
            pictures.images[i],
            variants["fp32"]["landmarks"][i].astype(np.float64),
            {k: v["probabilities"][i].astype(np.float64) for k, v in variants.items()},
        )
        for i, name in enumerate(pictures.names[:PICTURES])
    )


def _range_table(
    ranges: Ranges | None, graphs: Sequence[DialectGraph]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Ranges of the tensors that a dialect really quantises, in the order of the graph."""
    if ranges is None:
        return {}
    quantised = {
        node.input[0]
        for graph in graphs
        for node in graph.model.graph.node
        if node.op_type == "QuantizeLinear"
    }
    return {
        tensor: {method: (low, high) for method, (low, high, _) in measured.methods.items()}
        for tensor, measured in ranges.tensors.items()
        if tensor in quantised
    }
