"""What the graph adds: printed from a checkpoint, and written beside the weights that ship."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_trees import crops, write_expressions, write_pictures

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.training import action_units, au_compare, ship
from facedge.training.au_baselines import ENDING, LINEAR, shipped_baselines
from facedge.training.au_twins import TITLES

NAME = "au-gcn-edge"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tree of expressions, and a checkpoint of one iteration on it."""
    folder = tmp_path_factory.mktemp("compare")
    emotions = ("anger", "happiness", "neutral", "surprise", "fear", "happiness", "neutral", "fear")
    write_expressions(folder / "data", emotions, ["train"] * 6 + ["val", "test"])
    action_units.main(folder / "data", folder / "run", iterations=1, batch=4, threads=1)
    return folder / "data", folder / "run" / "last.pt"


def test_baselines_are_printed_and_written_for_the_weights_that_ship(
    trained: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, checkpoint = trained
    write_pictures(tmp_path / "faces", crops(2))
    file = tmp_path / "au.safetensors"
    ship.main(checkpoint, NAME, tmp_path / "faces", "made-up faces", file)
    capsys.readouterr()
    au_compare.main(checkpoint, data, shipped=file, threads=1, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 2
    assert list(found) == ["pictures", LINEAR, *TITLES.values()]
    beside = tmp_path / f"au{ENDING}.safetensors"
    monkeypatch.setattr(weights, "packaged", {NAME + ENDING: beside}.get)
    loaded = weights.load(registry.get(NAME), file)
    assert shipped_baselines(NAME, loaded.module, loaded.sha256)

    au_compare.main(checkpoint, data, threads=1)
    printed = capsys.readouterr().out
    assert "2 faces, weak labels" in printed
    assert "AU26" in printed


def test_a_network_of_faces_is_refused(trained: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="--model is fsr-student; expected au-gcn-edge or au-gcn"):
        au_compare.main(trained[1], trained[0], "fsr-student")
