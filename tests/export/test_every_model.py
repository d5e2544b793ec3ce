"""Every model in every precision, built and verified on every engine that needs no GPU."""

from __future__ import annotations

import pytest

from facedge.export.build import build
from facedge.export.options import PRECISIONS, BuildOptions
from facedge.models.registry import SPECS
from facedge.progress import Stages

HEAVY = ("fsr-teacher", "fsr-priors", "au-gcn")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", SPECS)
def test_the_model_builds_on_every_engine_and_its_gates_hold(model, precision, tmp_path):
    few = 4 if model in HEAVY else 8
    result = build(
        BuildOptions(
            model=model,
            precision=precision,
            out=tmp_path,
            gate_images=few,
            calibration_images=few,
            backends=("onnxruntime", "openvino", "tensorrt-rtx"),
        ),
        Stages(quiet=True),
    )
    manifest = result.manifest
    assert all(gate.passed for gate in manifest.gates)
    assert {a.backend for a in manifest.artifacts} == {"onnxruntime", "openvino", "tensorrt-rtx"}
    assert result.path.name == f"{model}-{precision}"
