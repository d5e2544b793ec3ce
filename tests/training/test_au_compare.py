"""What the graph has to be better than is written beside the weights that ship."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_trees import crops, write_expressions, write_pictures

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.training import action_units, au_compare, ship
from facedge.training.action_unit_quality import LINEAR, evaluate_beside
from facedge.training.au_baselines import baselines_of
from facedge.training.au_twins import FUSED, TITLES, UNJOINED
from facedge.training.expressions import read_expressions

NAME = "au-gcn-edge"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tree of expressions, and a checkpoint of one iteration on it."""
    folder = tmp_path_factory.mktemp("compare")
    emotions = ("anger", "happiness", "neutral", "surprise", "fear", "happiness", "neutral", "fear")
    write_expressions(folder / "data", emotions, ["train"] * 6 + ["val", "test"])
    action_units.main(folder / "data", folder / "run", iterations=1, batch=4, threads=1)
    return folder / "data", folder / "run" / "last.pt"


def test_baselines_are_written_for_the_weights_that_ship(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, checkpoint = trained
    write_pictures(tmp_path / "faces", crops(2))
    file = tmp_path / "au.safetensors"
    ship.main(checkpoint, NAME, tmp_path / "faces", "made-up faces", file)
    capsys.readouterr()
    au_compare.main(checkpoint, file, data)
    assert str(tmp_path / "au-baselines.safetensors") in capsys.readouterr().out
    found = baselines_of(weights.load(registry.get(NAME), file).module, file)
    assert found
    told: list[tuple[int, int]] = []
    own, beside = evaluate_beside(
        found, read_expressions(data, "val", "test"), lambda *done: told.append(done)
    )
    assert list(beside) == [LINEAR, TITLES[UNJOINED], TITLES[FUSED]]
    assert own.pictures == 2
    assert told == [(2, 2)]
    other = registry.get(NAME).build()
    weights.save(other, file, {"model": NAME})
    with pytest.raises(InputError, match=r"does not hold the weights of .*last\.pt; ship it first"):
        au_compare.main(checkpoint, file, data)


def test_a_network_of_faces_is_refused(trained: tuple[Path, Path]) -> None:
    data, checkpoint = trained
    with pytest.raises(InputError, match="--model is fsr-student; expected au-gcn-edge or au-gcn"):
        au_compare.main(checkpoint, checkpoint, data, "fsr-student")
