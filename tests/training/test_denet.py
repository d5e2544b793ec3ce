"""The recipe of the learned degradation on a few pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from training_trees import crops, write_pictures

from facedge.errors import InputError
from facedge.training import checkpoint
from facedge.training.data import Batches
from facedge.training.degradation import Critic, DeNet, load_degradation
from facedge.training.degrade import down
from facedge.training.denet import CONTENT, CRITIC, AdversarialDegradation, Pair, detail, main
from facedge.training.loop import Budget, Options, Trainer


class SmallPair(Pair):
    """Both networks, with few channels."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        self.degrade, self.critic = DeNet(scale, width=8, blocks=1), Critic(width=8)


def objective(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> AdversarialDegradation:
    monkeypatch.setattr("facedge.training.denet.Pair", SmallPair)
    torch.manual_seed(0)
    real = crops(4, seed=1, side=16)
    return AdversarialDegradation(Batches(pixels, 4), Batches(real, 4, jitter=0.0), 8, 0.5)


def test_the_terms_are_least_squares_and_move_one_network_each(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = objective(pixels, monkeypatch)
    made.model.eval()  # no power iteration: the critic is one function
    degrade, critic = made.model.degrade, made.model.critic
    truth, real, noise = made.batch(0)
    terms = made.terms((truth, real, noise), 0.0)
    assert [(term.name, term.module) for term in terms] == [
        ("content", degrade),
        ("adversarial", degrade),
        ("critic", critic),
    ]
    with torch.no_grad():
        fake = degrade(truth, noise)
        liked, known = critic(fake).double(), critic(real).double()
    wanted = (
        CONTENT * float((fake - down(truth, 8)).double().square().mean()),
        0.5 * float((liked - 1).square().mean()),
        CRITIC * float((known - 1).square().mean() + liked.square().mean()),
    )
    # Float32 means of a few thousand numbers.
    assert [float(term.loss.detach()) for term in terms] == pytest.approx(wanted, rel=1e-5)
    # The critic's opinion of the fakes teaches the critic, not DeNet.
    terms[2].loss.backward()
    assert all(p.grad is None for p in degrade.parameters())
    assert all(p.grad is not None for p in critic.parameters())


def test_a_batch_depends_on_seed_and_iteration_alone(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = objective(pixels, monkeypatch)

    def same(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> list[bool]:
        return [torch.equal(x, y) for x, y in zip(a, b, strict=True)]

    assert same(made.batch(3), made.batch(3)) == [True, True, True]
    assert same(made.batch(3), made.batch(4)) == [False, False, False]


def test_a_resumed_run_equals_an_uninterrupted_one(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = []
    for _ in range(3):
        made = objective(pixels, monkeypatch)
        runs.append(Trainer(made, "denet", Budget(iterations=6), options=Options(part=4)))
    whole, first, second = runs
    whole.run()
    first.run(report_every=2)
    first.save(tmp_path / "last.pt")
    second.resume(tmp_path / "last.pt")
    second.run()
    # Spectral normalisation's vectors included.
    ended = second.model.state_dict()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, ended[name]), name
    names = list(whole.averaged_model.state_dict())
    assert any("_u" in name for name in names)


def test_detail_is_the_mean_laplacian_in_grey_levels() -> None:
    image = torch.zeros(1, 3, 5, 5)
    assert detail(image + 0.3) == pytest.approx(0, abs=1e-4)
    image[0, :, 2, 2] = 1
    # Inside the border are nine pixels: the centre has -4 x 255, its four neighbours 255.
    assert detail(image) == pytest.approx(8 * 255 / 9, rel=1e-6)


def test_the_recipe_logs_detail_ships_a_degradation_and_resumes(
    folder: Path, tmp_path: Path
) -> None:
    real, out = tmp_path / "real", tmp_path / "run"
    write_pictures(real, crops(3, seed=1, side=20))
    options = {"batch": 2, "workers": 1, "save_every": 1, "check_every": 1}
    main(folder, real, out, iterations=1, **options)
    assert checkpoint.read(out / "last.pt", "denet scale 8").iteration == 1
    before = load_degradation(out / "denet.safetensors", 8)
    main(folder, real, out, iterations=2, **options)
    assert checkpoint.read(out / "last.pt", "denet scale 8").iteration == 2
    after = load_degradation(out / "denet.safetensors", 8)
    assert not torch.equal(before.last.weight, after.last.weight)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 1, 2, 2]
    assert {"loss/content", "loss/adversarial", "loss/critic"} < set(lines[2])
    details = {"detail/bicubic", "detail/learned", "detail/real", "from_bicubic"}
    assert set(lines[3]) == {"iteration", *details}
    assert all(lines[3][name] > 0 for name in details)
    assert (out / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_fewer_real_faces_than_a_batch_takes_are_refused(folder: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "real", crops(3, seed=1, side=20))
    with pytest.raises(InputError, match="the data holds 3 pictures and a batch takes 4"):
        main(folder, tmp_path / "real", tmp_path / "run", iterations=1, batch=4)
    assert not (tmp_path / "run").exists()
