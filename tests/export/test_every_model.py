"""Every model in every precision, built and verified on every engine that needs no GPU."""

from __future__ import annotations

import functools

import pytest

from facedge.export import prepare
from facedge.export.build import build
from facedge.export.options import PRECISIONS, BuildOptions
from facedge.export.trace import trace
from facedge.models import weights
from facedge.models.registry import SPECS
from facedge.progress import Stages

HEAVY = ("fsr-teacher", "fsr-priors", "au-gcn")


@functools.cache
def traced(name: str):
    """The trace takes longest and is the same in every precision of the same weights."""
    spec = SPECS[name]
    return trace(spec, weights.load(spec).module)


class EveryPrecision:
    """One class per model, so that parallel workers take whole models."""

    model: str

    @pytest.mark.parametrize("precision", PRECISIONS)
    def test_it_builds_on_every_engine_and_its_gates_hold(self, precision, tmp_path, monkeypatch):
        made = traced(self.model)
        monkeypatch.setattr(prepare, "trace", lambda *_, **__: made)
        few = 4 if self.model in HEAVY else 8
        options = BuildOptions(
            model=self.model,
            precision=precision,
            out=tmp_path,
            gate_images=few,
            calibration_images=few,
            backends=("onnxruntime", "openvino", "tensorrt-rtx"),
        )
        result = build(options, Stages(quiet=True))
        manifest = result.manifest
        assert all(gate.passed for gate in manifest.gates)
        backends = {a.backend for a in manifest.artifacts}
        assert backends == {"onnxruntime", "openvino", "tensorrt-rtx"}
        assert result.path.name == f"{self.model}-{precision}"
        if precision == "int8":
            meant = manifest.quality["int8 contractions meant tensorrt-rtx"]
            assert meant > 0
            assert manifest.quality["int8 contractions compiled tensorrt-rtx"] == meant
        if self.model == "au-gcn":
            before, after = manifest.rewrites[0], manifest.rewrites[-1]
            assert after.parameters_after <= 0.6 * before.parameters_before
        if self.model == "au-gcn-edge":
            assert manifest.rewrites[-1].macs_after <= 1.5e9


class TestFsrTeacher(EveryPrecision):
    model = "fsr-teacher"


class TestFsrStudent(EveryPrecision):
    model = "fsr-student"


class TestFsrStudentX4(EveryPrecision):
    model = "fsr-student-x4"


class TestFsrPriors(EveryPrecision):
    model = "fsr-priors"


class TestFsrPriorsEdge(EveryPrecision):
    model = "fsr-priors-edge"


class TestAuGcn(EveryPrecision):
    model = "au-gcn"


class TestAuGcnEdge(EveryPrecision):
    model = "au-gcn-edge"


def test_no_model_is_left_out():
    assert {kind.model for kind in EveryPrecision.__subclasses__()} == set(SPECS)
