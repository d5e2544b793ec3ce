"""Real pictures for verification, and what the torch module makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facedge.calibration.samples import Sample
from facedge.errors import InputError
from facedge.models.contract import ActionUnits, ModelSpec, SuperResolved

Array = NDArray[Any]

FEWEST = 8
"""Pictures with a ground truth that are enough to measure on them alone."""


@dataclass(frozen=True)
class GateSet:
    """Pictures the quality gates are measured on.

    Attributes:
        names: picture names.
        images: uint8 RGB [N, h, w, 3], model inputs.
        truths: uint8 RGB [H, W, 3] each, or None where no ground truth exists.
        state: float32 [N, C, h, w], hidden states of other pictures, for stateful graphs.
    """

    names: tuple[str, ...]
    images: NDArray[np.uint8]
    truths: tuple[NDArray[np.uint8], ...] | None
    state: NDArray[np.float32] | None = None

    def feeds(self) -> dict[str, Array]:
        """Inputs of the uint8 graph."""
        return self._with_state({"images": self.images})

    def float_feeds(self) -> dict[str, Array]:
        """Inputs of the traced float graph: NCHW in [0, 1]."""
        return self._with_state({"image": to_float(self.images)})

    def _with_state(self, feeds: dict[str, Array]) -> dict[str, Array]:
        return feeds if self.state is None else {**feeds, "state_in": self.state}


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 NHWC -> float32 NCHW in [0, 1]."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def gate_set(samples: Iterable[Sample], count: int) -> GateSet:
    """The first ``count`` samples with a ground truth, or the first of all where few have one.

    Pictures smaller than the model's output have no ground truth; a set that mixes both kinds is
    measured on those that do.

    Raises:
        InputError: there are no pictures.
    """
    with_truth: list[Sample] = []
    without: list[Sample] = []
    for sample in samples:
        (without if sample.truth is None else with_truth).append(sample)
        if len(with_truth) == count:
            break
    judged = len(with_truth) >= min(count, FEWEST)
    rows = with_truth if judged else (with_truth + without)[:count]
    if not rows:
        raise InputError("there are no pictures to verify on; give a folder that holds some")
    return GateSet(
        tuple(row.name for row in rows),
        np.stack([row.input for row in rows]),
        tuple(row.truth for row in rows if row.truth is not None) if judged else None,
    )


def torch_outputs(
    module: torch.nn.Module,
    images: NDArray[np.uint8],
    steps: int,
    state: Array | None = None,
    batch: int = 8,
) -> dict[str, Array]:
    """Outputs of the torch module under the traced graph's names.

    Args:
        images: uint8 [N, h, w, 3].
        steps: recurrent steps to run.
        state: hidden state [N, C, h, w] or None.
    """
    parts: list[dict[str, Array]] = []
    for start in range(0, len(images), batch):
        x = torch.from_numpy(to_float(images[start : start + batch]))
        hidden = (
            None if state is None else torch.from_numpy(np.asarray(state[start : start + batch]))
        )
        with torch.inference_mode():
            result = module(x) if steps == 0 else module(x, state=hidden, steps=steps)
        parts.append(_named(result, state is not None))
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _named(result: SuperResolved | ActionUnits, state: bool) -> dict[str, Array]:
    if isinstance(result, ActionUnits):
        return {
            "probabilities": result.probabilities.numpy(),
            "landmarks": result.landmarks.numpy(),
        }
    named: dict[str, Array] = {f"step_{i}": p.numpy() for i, p in enumerate(result.steps, 1)}
    if state:
        named["state_out"] = result.state.numpy()
    return named


def foreign_state(
    spec: ModelSpec, module: torch.nn.Module, images: NDArray[np.uint8], steps: int
) -> NDArray[np.float32]:
    """Hidden states of the neighbouring pictures: a realistic, non-zero ``state_in``."""
    assert spec.state_shape is not None
    zeros = np.zeros((len(images), *spec.state_shape), np.float32)
    out = torch_outputs(module, images, steps, zeros)["state_out"]
    return np.roll(out, 1, axis=0).astype(np.float32)
