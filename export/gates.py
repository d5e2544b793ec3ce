"""Quality gates: what is measured on real pictures, and the limits a bundle must respect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedge.errors import QualityGateError
from facedge.metrics import psnr, psnr_y
from facedge.runtime.manifest import IDENTICAL_DB, Gate

Array = NDArray[Any]
Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Limits:
    """Limits of the gates.

    Attributes:
        trace_db: traced graph against torch, PSNR of float outputs.
        rewrite_db: rewritten graph against torch, and FP32 dialects against it, PSNR.
        io_db: graph with bytes in and out against torch made into bytes, PSNR; a float that
            lies on the edge between two grey levels may fall to either side.
        fp16_db: FP16 graph against FP32, PSNR.
        int8_loss_db: PSNR that INT8 may lose against the ground truth.
        int8_db: INT8 against FP32 where there is no ground truth, PSNR.
        au_agreement: percentage of equal AU decisions.
        batch_db: a picture in a batch against the same picture alone, PSNR.
        backend_db: one backend against another on the same graph, PSNR.
    """

    trace_db: float = 80.0
    rewrite_db: float = 80.0
    io_db: float = 70.0
    fp16_db: float = 50.0
    int8_loss_db: float = 0.2
    int8_db: float = 35.0
    au_agreement: float = 99.0
    batch_db: float = 50.0
    backend_db: float = 40.0


def agreement_db(found: Array, expected: Array, peak: float) -> float:
    """PSNR in dB of one array against another, ``IDENTICAL_DB`` where they are equal."""
    return min(psnr(found, expected, peak), IDENTICAL_DB)


def agreement(
    name: str, subject: str, found: Array, expected: Array, peak: float, limit: float
) -> Gate:
    """Gate on the PSNR between two outputs that must be equal but for rounding."""
    measured = agreement_db(found, expected, peak)
    return Gate(
        name=name, subject=subject, measured=measured, limit=limit, unit="dB", sense="at least"
    )


def peak_of(tensor: str, expected: Array) -> float:
    """Full scale of an output, the peak of its PSNR.

    Grey levels, [0, 1] of the traced float pictures, pixels of a 176-pixel crop, probability; a
    hidden state has no scale of its own and takes the largest value it holds.
    """
    if tensor.startswith("restored"):
        return 255.0
    if tensor.startswith("state"):
        return max(float(np.abs(expected).max()), 1e-6)
    return 176.0 if tensor == "landmarks" else 1.0


def mean_psnr(pictures: Array, truths: Sequence[Array]) -> float:
    """Mean luma PSNR in dB of uint8 [N, H, W, 3] against the ground truth (DIC protocol)."""
    return float(np.mean([psnr_y(a, b) for a, b in zip(pictures, truths, strict=True)]))


def fp16_gates(subject: str, half: Outputs, full: Outputs, limits: Limits) -> list[Gate]:
    """FP16 against FP32, every output."""
    return [
        agreement(
            "fp16-agreement",
            f"{subject} {name}",
            half[name],
            full[name],
            peak_of(name, full[name]),
            limits.fp16_db,
        )
        for name in sorted(half)
    ]


def int8_picture_gates(
    subject: str, quantised: Outputs, full: Outputs, truths: Sequence[Array] | None, limits: Limits
) -> list[Gate]:
    """INT8 against the ground truth, or against FP32 where there is none, for every step."""
    gates = []
    for name in sorted(n for n in quantised if n.startswith("restored")):
        where = f"{subject} {name}"
        if truths is None:
            gates.append(
                agreement(
                    "int8-agreement", where, quantised[name], full[name], 255.0, limits.int8_db
                )
            )
            continue
        loss = mean_psnr(full[name], truths) - mean_psnr(quantised[name], truths)
        gates.append(
            Gate(
                name="int8-psnr-loss",
                subject=where,
                measured=loss,
                limit=limits.int8_loss_db,
                unit="dB",
                sense="at most",
            )
        )
    return gates


def decision_gate(subject: str, quantised: Outputs, full: Outputs, limits: Limits) -> Gate:
    """Percentage of AU decisions (probability above one half) that a precision keeps."""
    same = (quantised["probabilities"] > 0.5) == (full["probabilities"] > 0.5)
    return Gate(
        name="au-decision-agreement",
        subject=subject,
        measured=100.0 * float(np.mean(same)),
        limit=limits.au_agreement,
        unit="%",
        sense="at least",
    )


def enforce(gates: Sequence[Gate]) -> None:
    """Stop the build at the first failing gate.

    Raises:
        QualityGateError: naming the gate, what it was measured on, and how far it is off.
    """
    for gate in gates:
        if not gate.passed:
            raise QualityGateError(
                f"quality gate {gate.name} failed on {gate.subject}: measured {gate.measured:.3f}"
                f"{gate.unit and ' ' + gate.unit}, must be {gate.sense} {gate.limit:g}"
                f"{gate.unit and ' ' + gate.unit}; nothing was written",
                gate.name,
                gate.subject,
                gate.measured,
                gate.limit,
            )
