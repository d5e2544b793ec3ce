"""A bundle that stands for its network gives what its session gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import torch

from facedge.cli import subjects
from facedge.errors import BundleError, InputError
from facedge.models.contract import ActionUnits, SuperResolved
from facedge.runtime.session import Session
from facedge.training.played import Played
from facedge.training.quality import to_float

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)


def test_pictures_are_the_sessions_bytes(tmp_path: Path) -> None:
    bundle = tiny_bundle.make_bundle(tmp_path / "sr")
    found = Played(bundle)(to_float(PIXELS))
    assert isinstance(found, SuperResolved)
    assert len(found.steps) == 1
    again = torch.round(found.steps[0] * 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(again, Session(bundle)(PIXELS))


def test_action_units_are_the_sessions(tmp_path: Path) -> None:
    bundle = tiny_bundle.make_bundle(tmp_path / "au", tiny_bundle.au_model())
    found = Played(bundle)(to_float(PIXELS))
    assert isinstance(found, ActionUnits)
    played = Session(bundle)(PIXELS)
    np.testing.assert_array_equal(found.probabilities.numpy(), played.probabilities)
    np.testing.assert_array_equal(found.landmarks.numpy(), played.landmarks)
    # Float32 of a logarithm in double: seven digits.
    np.testing.assert_allclose(torch.sigmoid(found.logits).numpy(), played.probabilities, rtol=1e-6)


def test_a_folder_that_is_no_bundle_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        Played(tmp_path)


def test_a_bundle_with_a_state_is_not_measured_on_single_pictures(tmp_path: Path) -> None:
    bundle = tiny_bundle.make_bundle(tmp_path / "state", tiny_bundle.sr_model(stateful=True))
    with pytest.raises(InputError, match="carries a hidden state between pictures"):
        subjects.bundle(bundle, "auto")


def test_weights_are_for_one_model_and_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--weights is for one model; found 2"):
        subjects.chosen(["fsr-student"], tmp_path / "w", [tmp_path], "auto")
