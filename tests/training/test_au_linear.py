"""Logistic regression on landmarks against scipy's optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from facedge.training.au_linear import fit_linear


def test_the_minimum_is_the_one_another_optimiser_finds() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(88, 20, (60, 49, 2))
    labels = np.zeros((60, 12), np.int8)
    labels[:, 0] = points[:, 7, 1] + rng.normal(0, 10, 60) > 88
    labels[::5, 0] = -1
    decay = 0.05
    found = fit_linear(points, labels, decay)

    flat = points.reshape(60, 98)
    inputs = np.column_stack([(flat - flat.mean(0)) / flat.std(0), np.ones(60)])
    known = labels[:, 0] >= 0
    signs = np.where(labels[known, 0] == 1, 1.0, -1.0)

    def loss(weights: np.ndarray) -> float:
        entropy = np.logaddexp(0, -signs * (inputs[known] @ weights)).mean()
        return float(entropy + decay * np.square(weights[:-1]).sum())

    expected = minimize(loss, np.zeros(99), method="BFGS", options={"gtol": 1e-8})
    # The loss is strictly convex; both stop where the gradient is below 1e-7, curvature 2 * decay.
    np.testing.assert_allclose(found.weights[0], expected.x, atol=1e-4)
    probability = 1 / (1 + np.exp(-inputs @ expected.x))
    np.testing.assert_allclose(found.probabilities(points)[:, 0], probability, atol=1e-4)
    assert np.all(found.probabilities(points)[:, 1] < 0.1)  # never seen


def test_the_bias_costs_nothing() -> None:
    points = np.random.default_rng(1).normal(88, 20, (50, 49, 2))
    labels = np.ones((50, 12), np.int8)
    labels[:10] = 0
    # A decay that all but forbids weights leaves the rate; what little is left moves it by 0.002.
    found = fit_linear(points, labels, decay=100.0).probabilities(points)
    assert found == pytest.approx(np.full((50, 12), 0.8), abs=5e-3)
