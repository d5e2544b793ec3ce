"""The action-unit recipe: several decisions on one trunk, and what it logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from training_trees import face_points, write_expressions, write_landmarks
from unit_networks import decided

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.contract import ACTION_UNITS
from facedge.models.graph_convolution import conditional
from facedge.training import checkpoint
from facedge.training.action_units import WeakActionUnits, figures, main, predict
from facedge.training.au_losses import alignment, cross_entropy, dice, unit_weights
from facedge.training.au_metric import measure
from facedge.training.au_twins import Compared
from facedge.training.expressions import crop, read_expressions, read_unlabelled, to_tensor

DECISIONS = ("graph", "unjoined", "fused")
EMOTIONS = ("anger", "happiness", "neutral", "sadness", "surprise", "disgust", "fear", "happiness")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Eight expressions to train on and four others."""
    splits = ["train"] * 8 + ["val"] * 4
    write_expressions(tmp_path / "expressions", EMOTIONS + EMOTIONS[:4], splits)
    return tmp_path / "expressions"


def test_the_terms_by_hand_and_all_decisions_teach_the_trunk(tree: Path) -> None:
    labelled = read_expressions(tree, "train")
    model = Compared(decided())
    model.eval()
    objective = WeakActionUnits(model, labelled, None, 4, seed=3, align=2.0)
    pictures, points, labels = objective.batch(0)
    terms = objective.terms((pictures, points, labels), 0.0)
    weights = unit_weights(torch.from_numpy(labelled.labels)).clamp(0.25, 3.0)
    logits, landmarks = model(pictures)
    wanted = [
        *(
            cross_entropy(logits[name], labels, weights)
            + dice(logits[name].sigmoid(), labels, weights)
            for name in ("graph", "unjoined", "fused")
        ),
        2.0 * alignment(landmarks, points),
    ]
    assert [term.name for term in terms] == ["graph", "unjoined", "fused", "alignment"]
    for term, value in zip(terms, wanted, strict=True):
        assert term.module is None
        torch.testing.assert_close(term.loss, value)
    stem = next(model.network.stem.parameters())
    for term in terms:
        (gradient,) = torch.autograd.grad(term.loss, stem, retain_graph=True)
        assert gradient.any(), term.name


def test_a_quarter_of_a_batch_are_faces_of_which_the_mouth_alone_is_labelled(
    tree: Path, folder: Path
) -> None:
    names = [f"faces/{index:02}.png" for index in range(12)]
    points = np.tile(face_points(), (12, 1, 1))
    write_landmarks(folder.parent / "landmarks68.csv", names, points)
    more = read_unlabelled(folder, folder.parent / "landmarks68.csv")
    labelled = read_expressions(tree, "train")
    objective = WeakActionUnits(Compared(decided()), labelled, more, 8, seed=0)
    pictures, _, labels = objective.batch(0)
    assert pictures.shape == (8, 3, 176, 176)
    told = (labels[:, : ACTION_UNITS.index(25)] != -1).any(1)
    assert told.tolist() == [True] * 6 + [False] * 2
    again, other = objective.batch(0), objective.batch(1)
    assert torch.equal(again[0], pictures)
    assert not torch.equal(other[0], pictures)


def test_figures_are_those_of_the_metric_on_crops_as_they_are(tree: Path) -> None:
    held_out = read_expressions(tree, "val")
    model = Compared(decided())
    cut = [crop(held_out, index) for index in range(4)]
    with torch.no_grad():
        logits, landmarks = model.eval()(to_tensor(np.stack([p for p, _ in cut])))
    truth = np.stack([points for _, points in cut])
    found = figures(model, held_out)
    for name, values in logits.items():
        score = measure(values.sigmoid().numpy(), held_out.labels)
        assert (found[f"f1/{name}"], found[f"score/{name}"]) == (score.mean_f1, score.score)
    # Outer eye corners are points 36 and 45 of 68: 19 and 28 of 49.
    eyes = np.hypot(*(truth[:, 28] - truth[:, 19]).T)
    error = np.hypot(*np.moveaxis(landmarks.numpy() - truth, 2, 0)).mean(1) / eyes
    assert found["nme"] == pytest.approx(100 * error.mean(), rel=1e-5)
    small = predict(model, held_out, batch=3)
    # Convolutions of another batch size sum in another order.
    for name, values in logits.items():
        np.testing.assert_allclose(
            small.probabilities[name], values.sigmoid().numpy(), atol=1e-5, err_msg=name
        )


def test_the_recipe_learns_logs_figures_and_resumes(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"batch": 4, "threads": 1, "save_every": 6, "precision": "float32"}
    main(tree, out, iterations=18, check_every=18, **options)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "loss" in line]
    assert [line["iteration"] for line in losses] == [6, 12, 18]
    assert set(losses[0]) >= {f"loss/{name}" for name in (*DECISIONS, "alignment")}
    # Means over six iterations, on eight faces; measured 1.73 -> 1.33, batches differ by 0.1.
    assert losses[-1]["loss"] < 0.9 * losses[0]["loss"]
    names = {f"{figure}/{name}" for figure in ("f1", "score") for name in DECISIONS}
    assert set(lines[-1]) == {"iteration", "nme", *names}
    assert 0 < lines[-1]["nme"] < 100
    saved = checkpoint.read(out / "last.pt", "au-gcn-edge")
    labels = torch.from_numpy(read_expressions(tree, "train").labels)
    whole = labels[(labels >= 0).all(1)]
    assert torch.equal(saved.average["network.decision.graph.edges"], conditional(whole))
    main(tree, out, iterations=19, check_every=30, **options)
    assert checkpoint.read(out / "last.pt", "au-gcn-edge").iteration == 19


def test_training_goes_on_from_weights(tree: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    network = registry.get("au-gcn-edge").build()
    start = tmp_path / "start.safetensors"
    weights.save(network, start, {"model": "au-gcn-edge"})
    options = {"batch": 4, "threads": 1, "precision": "float32", "rate": 1e-6, "iterations": 1}
    main(tree, tmp_path / "run", init=start, **options)
    average = checkpoint.read(tmp_path / "run" / "last.pt", "au-gcn-edge").average
    trained = [name for name, _ in network.named_parameters()]
    for name in trained:
        # One step of Adam moves a weight by the rate.
        torch.testing.assert_close(
            average[f"network.{name}"], network.state_dict()[name], atol=2e-6, rtol=0
        )
    with pytest.raises(InputError, match="does not fit this network"):
        main(tree, tmp_path / "other", init=weights.packaged("fsr-student"), **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"iterations": 1, "batch": 2}, "--batch is 2; batch normalisation needs at least 4"),
        ({}, "pass --hours or --iterations"),
        ({"iterations": 1, "model": "fsr-student"}, "--model is fsr-student; expected au-gcn-edge"),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(
    tree: Path, tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        main(tree, tmp_path / "run", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
