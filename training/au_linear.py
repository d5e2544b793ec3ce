"""Action units by a linear classifier on landmarks: what a network has to be better than."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

DECAY = 1e-3


@dataclass(frozen=True, eq=False)
class LinearOnLandmarks:
    """Logistic regression of each AU on standardised coordinates.

    Attributes:
        mean: of each coordinate, float64 [98], in pixels of the crop.
        deviation: of each coordinate, float64 [98].
        weights: float64 [12, 99], the last column a bias.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]

    def probabilities(self, points49: NDArray[np.floating]) -> NDArray[np.float64]:
        """Landmarks [N, 49, 2] in pixels of the crop -> float64 [N, 12]."""
        logits = torch.from_numpy(_inputs(points49, self.mean, self.deviation) @ self.weights.T)
        return np.asarray(torch.sigmoid(logits).numpy())


def fit_linear(
    points49: NDArray[np.floating], labels: NDArray[np.int8], decay: float = DECAY
) -> LinearOnLandmarks:
    """Fit by L-BFGS to its end; the squared weights, but for the bias, cost ``decay``.

    Args:
        points49: landmarks [N, 49, 2] in pixels of the crop.
        labels: int8 [N, 12]: 1 present, 0 absent, -1 not known, which does not count.
        decay: weight decay.
    """
    raw = points49.reshape(len(points49), -1).astype(np.float64)
    mean, deviation = raw.mean(0), raw.std(0) + 1e-9
    seen = torch.from_numpy(_inputs(points49, mean, deviation))
    rows = []
    for unit in torch.from_numpy(labels).T:
        known = unit >= 0
        inputs, truth = seen[known], unit[known].double()
        weights = torch.zeros(seen.shape[1], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

        def loss(x=inputs, y=truth, w=weights, step=optimiser) -> torch.Tensor:  # type: ignore[no-untyped-def]
            step.zero_grad()
            value: torch.Tensor = F.binary_cross_entropy_with_logits(x @ w, y)
            value = value + decay * w[:-1].square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        rows.append(weights.detach().numpy())
    return LinearOnLandmarks(mean, deviation, np.stack(rows))


def _inputs(
    points49: NDArray[np.floating], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    raw = points49.reshape(len(points49), -1).astype(np.float64)
    return np.column_stack([(raw - mean) / deviation, np.ones(len(raw))])
