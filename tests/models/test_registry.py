"""The names of the models."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facedge.calibration.statistics import METHODS
from facedge.errors import InputError
from facedge.models.registry import SPECS, get
from facedge.models.weights import load

NAMES = [
    "fsr-teacher",
    "fsr-student",
    "fsr-student-x4",
    "fsr-priors",
    "fsr-priors-edge",
    "au-gcn",
    "au-gcn-edge",
]


def test_registry_holds_the_seven_models_under_their_names() -> None:
    assert list(SPECS) == NAMES
    assert all(spec.name == name for name, spec in SPECS.items())
    assert get("fsr-student") is SPECS["fsr-student"]


def test_unknown_model_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="'fsr-studend'") as caught:
        get("fsr-studend")
    assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_float32_scopes_are_modules_of_the_network(name: str) -> None:
    paths = {path.replace(".", "/") for path, _ in SPECS[name].build().named_modules()}
    assert set(SPECS[name].float32_scopes) <= paths


def test_listing_the_models_imports_no_network() -> None:
    code = (
        "import sys, facedge.models.registry; "
        "print([m for m in sys.modules if m.startswith('facedge.models.') "
        "and m.split('.')[-1] not in ('registry', 'contract')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shipped_weights_load() -> None:
    from facedge.models.weights import packaged

    for name, spec in SPECS.items():
        if packaged(name) is not None:
            assert load(spec).source == "trained"


def test_ranges_are_taken_by_a_method_that_calibration_knows() -> None:
    assert {spec.ranges for spec in SPECS.values()} <= set(METHODS)
