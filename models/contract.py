"""What every model promises: its inputs, outputs, and the results of its forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Task = Literal["super-resolution", "action-units"]

ACTION_UNITS = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
"""The twelve action units of ABAW2, in the order of every AU output."""


class SuperResolved(NamedTuple):
    """Result of a super-resolution network.

    Attributes:
        steps: every step's picture, float RGB [N, 3, H, W], nominally in [0, 1], not clipped.
        state: hidden state after the last step, float [N, C, h, w].
        landmarks: 68 heatmaps float [N, 68, 32, 32] where the network predicts them (S2).
        action_units: AU probabilities float [N, 12] where the network predicts them (S2).
    """

    steps: tuple[Tensor, ...]
    state: Tensor
    landmarks: Tensor | None = None
    action_units: Tensor | None = None


class FaceFeatures(NamedTuple):
    """What an action-unit network sees before it decides.

    Attributes:
        align: alignment feature, float [N, A].
        whole: global feature, float [N, G].
        local: feature of each AU, float [N, 12, L].
        landmarks: float [N, 49, 2], x and y in pixels of the input.
    """

    align: Tensor
    whole: Tensor
    local: Tensor
    landmarks: Tensor


def fused(seen: FaceFeatures, nodes: Tensor) -> Tensor:
    """Features beside the graph's nodes [N, 12, n]: float [N, A + G + 12 n]."""
    return torch.cat([seen.align, seen.whole, nodes.flatten(1)], 1)


class ActionUnits(NamedTuple):
    """Result of an action-unit network.

    Attributes:
        logits: float [N, 12], the log-odds of each AU; or [N, 12, 2] where the network ends in
            two-way log-softmax as the paper's does.
        probabilities: float [N, 12] in (0, 1).
        landmarks: float [N, 49, 2], x and y in pixels of the input.
    """

    logits: Tensor
    probabilities: Tensor
    landmarks: Tensor


@dataclass(frozen=True)
class ModelSpec:
    """One row of the registry: how to make a model and what may be asked of it.

    Attributes:
        name: command-line name, such as ``fsr-student``.
        system: ``S1``, ``S2`` or ``S3``.
        task: which of the two contracts it fulfils.
        summary: one sentence for ``facedge models``.
        paper: arXiv number of the paper it follows.
        build: makes the module, with seeded weights nowhere set.
        input_size: side of the square input picture, in pixels.
        output_size: side of the super-resolved picture; 0 for action units.
        steps: recurrent steps T (1 where the network is not recurrent).
        state_shape: hidden state without the batch, or None where there is none.
        mac_limit: multiply-accumulates at batch 1 the model must stay under after rewriting,
            or None.
        float32_scopes: module path prefixes that must stay FP32 in every precision.
        ranges: how INT8 takes ranges where nobody says: minmax, percentile, entropy or mse.
    """

    name: str
    system: Literal["S1", "S2", "S3"]
    task: Task
    summary: str
    paper: str
    build: Callable[[], nn.Module]
    input_size: int
    output_size: int
    steps: int
    state_shape: tuple[int, int, int] | None
    mac_limit: int | None = None
    float32_scopes: tuple[str, ...] = ()
    ranges: str = "mse"
