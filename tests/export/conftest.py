"""One small real bundle that several tests look at."""

from __future__ import annotations

import pytest
import small_graphs

from facedge.export.build import BuildResult, build
from facedge.export.options import BuildOptions
from facedge.progress import Stages


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Random weights and inputs of a test do not depend on the tests before it."""
    small_graphs.begin_again()


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> BuildResult:
    """fsr-student, INT8, on every engine that builds without a GPU."""
    options = BuildOptions(
        out=tmp_path_factory.mktemp("bundles"),
        gate_images=8,
        calibration_images=16,
        backends=("onnxruntime", "openvino", "tensorrt-rtx"),
    )
    return build(options, Stages(quiet=True))
