"""Every model in every precision, built and verified on every engine that needs no GPU."""

from __future__ import annotations

import functools

import pytest

from facedge.export import build as builder
from facedge.export.options import PRECISIONS, BuildOptions
from facedge.models.registry import SPECS
from facedge.progress import Stages

HEAVY = ("fsr-teacher", "fsr-priors", "au-gcn")
MODELS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SPECS]


@functools.cache
def traced(name: str):
    """The trace takes longest and is the same for every precision of seeded or shipped weights."""
    spec = SPECS[name]
    return builder.trace(spec, builder.weights.load(spec).module)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_the_model_builds_on_every_engine_and_its_gates_hold(
    model, precision, tmp_path, monkeypatch
):
    made = traced(model)
    monkeypatch.setattr(builder, "trace", lambda *_, **__: made)
    few = 4 if model in HEAVY else 8
    options = BuildOptions(
        model=model,
        precision=precision,
        out=tmp_path,
        gate_images=few,
        calibration_images=few,
        backends=("onnxruntime", "openvino", "tensorrt-rtx"),
    )
    result = builder.build(options, Stages(quiet=True))
    manifest = result.manifest
    assert all(gate.passed for gate in manifest.gates)
    assert {a.backend for a in manifest.artifacts} == {"onnxruntime", "openvino", "tensorrt-rtx"}
    assert result.path.name == f"{model}-{precision}"
    if precision == "int8":
        meant = manifest.quality["int8 contractions meant tensorrt-rtx"]
        assert meant > 0
        assert manifest.quality["int8 contractions compiled tensorrt-rtx"] == meant
    if model == "au-gcn":
        before, after = manifest.rewrites[0], manifest.rewrites[-1]
        assert after.parameters_after <= 0.6 * before.parameters_before
    if model == "au-gcn-edge":
        assert manifest.rewrites[-1].macs_after <= 1.5e9
