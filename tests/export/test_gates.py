"""Quality gates against hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest

from facedge.errors import QualityGateError
from facedge.export import gates
from facedge.runtime.manifest import Gate


def gate(measured: float, sense: str = "at least") -> Gate:
    return Gate(
        name="g", subject="portable step 2", measured=measured, limit=1.0, unit="dB", sense=sense
    )


def test_a_gate_that_holds_lets_the_build_go_on():
    gates.enforce([gate(1.0), gate(0.9, "at most")])


@pytest.mark.parametrize(
    "bad", [gate(0.99), gate(1.01, "at most"), gate(float("nan")), gate(float("nan"), "at most")]
)
def test_a_gate_that_fails_names_itself_the_tensor_and_the_distance(bad):
    with pytest.raises(
        QualityGateError, match=r"gate g failed on portable step 2: measured .* 1 dB"
    ) as caught:
        gates.enforce([gate(5.0), bad])
    assert caught.value.exit_code == 3


def test_agreement_is_the_psnr_computed_by_hand():
    a = np.zeros((1, 2, 2, 3), np.uint8)
    b = a + 1
    # mean squared error 1 at peak 255: 20 log10(255) = 48.1308 dB
    found = gates.agreement("x", "y", a, b, 255.0, 50.0)
    assert found.measured == pytest.approx(48.1308, abs=1e-4)
    assert not found.passed


def test_equal_outputs_have_a_finite_agreement():
    a = np.ones((1, 2, 2, 3), np.uint8)
    assert gates.agreement_db(a, a, 255.0) == 200.0


def test_decisions_are_counted_one_by_one():
    full = {"probabilities": np.array([[0.1, 0.9], [0.6, 0.4]])}
    int8 = {"probabilities": np.array([[0.2, 0.8], [0.4, 0.4]])}
    assert gates.decision_gate("d", int8, full, gates.Limits()).measured == 75.0


def test_int8_loss_is_the_difference_of_the_psnr_to_the_truth():
    truth = np.full((16 + 32, 16 + 32, 3), 100, np.uint8)
    full, quantised = truth[None] + 1, truth[None] + 2
    (found,) = gates.int8_picture_gates(
        "portable", {"restored_1": quantised}, {"restored_1": full}, (truth,), gates.Limits()
    )
    # luma error doubles, so the squared error grows fourfold: 10 log10(4) = 6.02 dB, up to the
    # rounding of the luma transform
    assert found.measured == pytest.approx(6.02, abs=0.1)
    assert not found.passed


def test_without_truth_int8_is_held_against_fp32():
    a = np.zeros((1, 8, 8, 3), np.uint8)
    (found,) = gates.int8_picture_gates(
        "p", {"restored_1": a}, {"restored_1": a + 1}, None, gates.Limits()
    )
    assert found.name == "int8-agreement"
    assert found.measured == pytest.approx(48.13, abs=0.01)
