"""A network small enough to quantise by hand: two 1x1 convolutions between pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from small_graphs import graph

from facedge.calibration.collect import collect
from facedge.calibration.samples import Sample
from facedge.export.judge import OBSERVED, Judge, with_observed
from facedge.export.runner import OnnxRuntimeRunner
from facedge.export.sensitivity import Question
from facedge.models.contract import ModelSpec
from facedge.runtime.manifest import EVERY_DIALECT

SIDE, WIDTH = 32, 16

SPEC = ModelSpec(
    name="two-products", system="S1", task="super-resolution", summary="", paper="",
    build=torch.nn.Identity, input_size=SIDE, output_size=SIDE, steps=1, state_shape=None,
)  # fmt: skip


def weights() -> dict[str, np.ndarray]:
    """widen [16, 3], first [16, 16], second [3, 16]: what goes in comes out, a little changed."""
    random = np.random.default_rng(3)
    widen = np.abs(random.normal(0, 1, (WIDTH, 3)))
    first = np.eye(WIDTH) + random.normal(0, 0.1, (WIDTH, WIDTH))
    second = np.linalg.pinv(first @ widen) + random.normal(0, 0.002, (3, WIDTH))
    return {
        name: array.astype(np.float32)
        for name, array in (("widen", widen), ("first", first), ("second", second))
    }


def network() -> onnx.ModelProto:
    text = f"""
    two (uint8[batch, {SIDE}, {SIDE}, 3] images) => (uint8[batch, {SIDE}, {SIDE}, 3] restored)
    <float low = {{0.0}}, float high = {{255.0}}> {{
      planes = Transpose <perm = [0, 3, 1, 2]> (images)
      x = Cast <to = 1> (planes)
      wide = Conv (x, widen)
      middle = Conv (wide, first)
      cut = Relu (middle)
      out = Conv (cut, second)
      clipped = Clip (out, low, high)
      whole = Round (clipped)
      rows = Transpose <perm = [0, 2, 3, 1]> (whole)
      restored = Cast <to = 2> (rows)
    }}"""
    return graph(text, **{n: w[:, :, None, None] for n, w in weights().items()})


def faces(count: int, truth: bool = True) -> list[Sample]:
    """Noise with structure, and a truth that the network does not quite reach."""
    random = np.random.default_rng(5)
    rows = []
    for index in range(count):
        base = random.integers(60, 196, (4, 4, 3)).repeat(8, 0).repeat(8, 1)
        picture = np.clip(base + random.normal(0, 8, base.shape), 0, 255).astype(np.uint8)
        wanted = np.clip(picture + random.normal(0, 4, base.shape), 0, 255).astype(np.uint8)
        rows.append(Sample(f"face-{index}", picture, wanted if truth else None, f"{index:064x}"))
    return rows


def question(count: int = 12) -> Question:
    model = network()
    forms = dict.fromkeys(EVERY_DIALECT, model)
    return Question(SPEC, model, forms, collect(model, faces(count)), "mse", 1, None, count)


def judge(folder: Path, asked: Question, truth: bool = True) -> Judge:
    made = Judge(folder, SPEC, OBSERVED)
    made.fill(faces(asked.images, truth), asked.images)
    made.refer(OnnxRuntimeRunner(with_observed(asked.model, OBSERVED), 1), None, lambda done: None)
    return made
