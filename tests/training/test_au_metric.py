"""The metric of ABAW2 against a case by hand and F1 counted one entry at a time."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facedge.errors import InputError
from facedge.training.au_metric import ACTION_UNITS, measure


def counted_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Harmonic mean of precision and recall over one AU's labelled entries, 0 where undefined."""
    pairs = [(int(t), bool(p)) for t, p in zip(truth, predicted, strict=True) if t != -1]
    hits = pairs.count((1, True))
    said = sum(p for _, p in pairs)
    real = sum(t for t, _ in pairs)
    precision = hits / said if said else 0.0
    recall = hits / real if real else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_a_case_by_hand() -> None:
    labels = np.zeros((4, 12), np.int8)
    probabilities = np.zeros((4, 12))
    # AU 1: labels 1 1 0 0, predicted 1 0 1 0: 1 hit, 1 false alarm, 1 miss: F1 = 2/(2+1+1) = 1/2.
    labels[:, 0], probabilities[:, 0] = (1, 1, 0, 0), (0.9, 0.2, 0.7, 0.1)
    # AU 2: labels 1 1 1 0, predicted 1 1 1 0: F1 = 1.
    labels[:, 1], probabilities[:, 1] = (1, 1, 1, 0), (0.6, 0.8, 1.0, 0.4)
    # AU 4: labels 0 0 0 0, predicted 1 0 0 0: no hit: F1 = 0.
    probabilities[0, 2] = 0.51
    # AU 6: labels 1 0 0 0, predicted nothing: F1 = 0.
    labels[0, 3] = 1
    # The other eight: no positive in labels or predictions: F1 counts as 0.
    found = measure(probabilities, labels)
    assert found.f1 == (0.5, 1.0) + (0.0,) * 10
    assert found.positives == (2, 3, 0, 1) + (0,) * 8
    assert found.mean_f1 == pytest.approx(1.5 / 12, abs=1e-12)
    # Wrong: two of AU 1, one of AU 4, one of AU 6, of 4 x 12 entries.
    assert found.entries == 48
    assert found.accuracy == pytest.approx(44 / 48, abs=1e-12)
    assert found.score == pytest.approx((1.5 / 12 + 44 / 48) / 2, abs=1e-12)
    assert found.without_positives == (7, 10, 12, 15, 23, 24, 25, 26)


def test_f1_is_that_of_precision_and_recall_over_labelled_entries() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([-1, 0, 1], (200, 12), p=(0.2, 0.5, 0.3)).astype(np.int8)
    probabilities = rng.random((200, 12)).astype(np.float32)
    found = measure(probabilities, labels, threshold=0.6)
    columns = zip(labels.T, (probabilities > 0.6).T, strict=True)
    expected = [counted_f1(truth, predicted) for truth, predicted in columns]
    # The same fractions in another order of operations.
    assert found.f1 == pytest.approx(expected, abs=1e-12)
    assert found.mean_f1 == pytest.approx(sum(expected) / 12, abs=1e-12)
    assert found.entries == np.count_nonzero(labels != -1)


def test_entries_without_a_label_count_nowhere() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (50, 12)).astype(np.int8)
    labels[rng.random((50, 12)) < 0.3] = -1
    labels[7] = -1
    probabilities = rng.random((50, 12))
    before = measure(probabilities, labels)
    probabilities[labels == -1] = 1 - probabilities[labels == -1]
    assert measure(probabilities, labels) == before
    probabilities[7] = np.nan
    assert measure(probabilities, labels) == before
    rows = np.arange(50) != 7
    assert measure(probabilities[rows], labels[rows]) == before


def test_units_that_are_never_labelled_are_left_out_of_the_mean() -> None:
    labels = np.full((2, 12), -1, np.int8)
    labels[:, 0], labels[:, 5] = (1, 0), (0, 0)
    probabilities = np.full((2, 12), 0.9)
    probabilities[:, 5] = 0.1
    found = measure(probabilities, labels)
    # AU 1: a hit and a false alarm, 2/3. AU 10: labelled, never active, 0.
    assert found.f1[0] == pytest.approx(2 / 3)
    assert found.f1[5] == 0.0
    assert [found.f1[i] for i in range(12) if i not in (0, 5)] == [None] * 10
    assert found.mean_f1 == pytest.approx(1 / 3)
    assert found.accuracy == 0.75
    assert found.without_positives == (10,)


def test_one_half_itself_is_no_prediction() -> None:
    labels = np.ones((1, 12), np.int8)
    assert measure(np.full((1, 12), 0.5), labels).score == 0
    assert measure(np.full((1, 12), np.nextafter(0.5, 1)), labels).score == 1


def test_the_record_is_json() -> None:
    labels = np.full((1, 12), -1, np.int8)
    labels[0, :2] = 1, 0
    record = json.loads(json.dumps(measure(np.full((1, 12), 0.4), labels).record()))
    assert record == {
        "entries": 2,
        "f1": {f"AU{unit}": 0.0 if unit in (1, 2) else None for unit in ACTION_UNITS},
        "positives": {f"AU{unit}": int(unit == 1) for unit in ACTION_UNITS},
        "mean_f1": 0.0,
        "accuracy": 0.5,
        "score": 0.25,
        "without_positives": [2],
    }


@pytest.mark.parametrize(
    ("probabilities", "labels", "sentence"),
    [
        (np.zeros((2, 12)), np.zeros((3, 12), int), r"\[2, 12\] and labels \[3, 12\]"),
        (np.zeros((2, 8)), np.zeros((2, 8), int), r"expected \[N, 12\] twice"),
        (np.zeros(12), np.zeros(12, int), r"expected \[N, 12\] twice"),
        (np.zeros((1, 12)), np.full((1, 12), 9), "other values than 1, 0 and -1"),
        (np.zeros((1, 12)), np.full((1, 12), -1), "no entry is labelled"),
        (np.full((1, 12), 3.0), np.zeros((1, 12), int), "outside 0 to 1"),
        (np.full((1, 12), np.nan), np.zeros((1, 12), int), "outside 0 to 1 or are not numbers"),
    ],
)
def test_tables_that_cannot_be_scored_are_refused(
    probabilities: np.ndarray, labels: np.ndarray, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        measure(probabilities, labels)
