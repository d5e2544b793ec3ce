"""``facedge eval`` as a person and as a program meets it: tables, JSON, sentences, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data, io

from facedge.cli.main import app, execute
from facedge.models import registry, weights
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.weights import packaged
from facedge.pictures import write_picture
from facedge.training.action_unit_quality import LINEAR
from facedge.training.au_baselines import baselines_file, write_baselines
from facedge.training.au_linear import LinearOnLandmarks
from facedge.training.au_twins import FUSED, TITLES, UNJOINED, Compared
from facedge.training.data import read_faces
from facedge.training.expressions import read_expressions
from facedge.training.quality import evaluate

NAMES = ("a.png", "b.png", "c.png")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The command sets torch's threads for its process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The action-unit network has seeded weights, whatever ships."""
    shipped = {name: packaged(name) for name in ("fsr-student", "fsr-student-x4")}
    monkeypatch.setattr(weights, "packaged", shipped.get)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Three aligned faces, more or less, and a table of landmarks beside their folder."""
    photo = data.astronaut()
    folder = tmp_path / "faces" / "test"
    for index, name in enumerate(NAMES):
        write_picture(folder / name, photo[20 : 20 + 128, 160 + 8 * index :][:, :128])
    landmarks(folder.parent, [f"test/{name}" for name in NAMES], 128)
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two small faces without truth."""
    photo = data.astronaut()[20:148, 160:288]
    for side in (30, 50):
        picture = np.asarray(cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA))
        write_picture(tmp_path / "small" / f"{side}.png", picture)
    return tmp_path / "small"


@pytest.fixture
def expressions(tmp_path: Path) -> Path:
    """Two 200x200 faces of the split test and one of train, with both tables."""
    folder = tmp_path / "expressions"
    photo = data.astronaut()
    rows = ["file,emotion,split"]
    for index, (name, emotion, split) in enumerate(
        zip(NAMES, ("happiness", "neutral", "anger"), ("test", "test", "train"), strict=True)
    ):
        write_picture(folder / name, photo[:200, 120 + 10 * index :][:, :200])
        rows.append(f"{name},{emotion},{split}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    landmarks(folder, NAMES, 200)
    return folder


def landmarks(folder: Path, names: list[str] | tuple[str, ...], side: int) -> None:
    """Write ``landmarks68.csv`` with points anywhere on the picture."""
    rng = np.random.default_rng(0)
    columns = ",".join(f"x{i},y{i}" for i in range(68))
    rows = [f"{n},{','.join(f'{v:.2f}' for v in rng.uniform(0, side, 136))}" for n in names]
    (folder / "landmarks68.csv").write_text("\n".join([f"file,{columns}", *rows]) + "\n")


def call(*arguments: object) -> int:
    return execute(app, ["eval", "--threads", "1", *(str(a) for a in arguments)])


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("facedge: ")]
    assert len(lines) == 1
    return lines[0]


def test_json_holds_every_figure_of_a_card(
    faces: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = faces.parent / "landmarks68.csv"
    assert call("--data", faces, "--landmarks", table, "--lr", small, "--json") == 0
    printed = capsys.readouterr()
    (found,) = json.loads(printed.out)
    spec = registry.get("fsr-student")
    loaded = weights.load(spec)
    assert found["model"] == "fsr-student"
    assert found["weights"] == "trained"
    assert found["weights_sha256"] == loaded.sha256
    assert found["au_model"] == "au-gcn-edge"
    assert found["au_weights"] == "seeded"
    assert found["pictures"] == 3
    expected = evaluate(loaded.module, read_faces(faces), 8)
    for record, quality in zip(
        (found["bicubic"], *found["steps"]), (expected.bicubic, *expected.steps), strict=True
    ):
        # The same arithmetic on as many threads; convolutions may sum in another order, which
        # can move a value of a picture by one level.
        for name, value in vars(quality).items():
            assert record[name] == pytest.approx(value, rel=1e-3), name
    assert found["gain_db"] == pytest.approx(expected.gain, abs=0.02)
    assert found["truth"]["nme_percent"] > 0
    assert found["heatmap_nme_percent"] is None
    assert found["real"]["pictures"] == 2
    assert len(found["real"]["steps_consistency_db"]) == 3
    assert "au-gcn-edge are seeded, not trained" in printed.err
    assert "fsr-student are seeded" not in printed.err


def test_tables_say_what_was_measured_and_how(
    faces: Path, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "out" / "sheet.png"
    assert call("--data", faces, "--lr", small, "--sheet", sheet) == 0
    printed = capsys.readouterr()
    text = " ".join(printed.out.split())
    assert "fsr-student, 3 faces" in text
    assert "8 border pixels left out" in text
    assert "mean over the 0 of 12 AUs that occur in 5 or more faces" in text
    assert "fsr-student, 2 faces of --lr" in text
    assert "NME: " not in text  # no landmarks were given
    assert text.count("step 3") == 3
    assert "✓ Restoring 3 faces" in printed.err
    assert io.imread(sheet).shape == (3 * 128, 5 * 128, 3)
    assert io.imread(tmp_path / "out" / "sheet-lr.png").shape == (2 * 128, 3 * 128, 3)


def test_several_models_are_listed_one_after_the_other(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    models = ("fsr-student-x4", "fsr-priors-edge")
    chosen = [argument for name in (*models, models[0]) for argument in ("-m", name)]
    table = faces.parent / "landmarks68.csv"
    arguments = ("--data", faces, "--sheet", sheet, "--landmarks", table, "--json")
    assert call(*chosen, *arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert [record["model"] for record in found] == list(models)
    assert [record["weights"] for record in found] == ["trained", "seeded"]
    assert found[0]["heatmap_nme_percent"] is None
    assert found[1]["heatmap_nme_percent"] > 0  # the network predicts landmarks itself
    assert sorted(p.name for p in tmp_path.glob("*.png")) == [
        "sheet-fsr-priors-edge.png",
        "sheet-fsr-student-x4.png",
    ]


def test_action_units_are_compared_with_the_labels_of_a_split(
    expressions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--model", "au-gcn-edge", "--data", expressions, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 2
    assert found["split"] == "test"
    assert set(found["f1"]) == {f"AU{u}" for u in (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)}
    assert found["score"] == pytest.approx((found["mean_f1"] + found["accuracy"]) / 2)
    assert found["nme_percent"] > 0
    assert call("--model", "au-gcn-edge", "--data", expressions, "--split", "train") == 0
    printed = capsys.readouterr()
    assert "au-gcn-edge, weak labels, 1 face" in printed.out
    assert "seeded, not trained" in printed.err


def test_shipped_baselines_stand_beside_an_action_unit_network(
    expressions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "au-gcn-edge.safetensors"
    network = registry.get("au-gcn-edge").build()
    assert isinstance(network, AuGcnEdge)
    weights.save(network, file, {"model": "au-gcn-edge"})
    twins = Compared(network).requires_grad_(False).twins
    for value in twins.parameters():
        value.zero_()
    twins[FUSED].classify.bias[:6] = 1.0  # the first six AUs in every face, the last six in none
    linear = LinearOnLandmarks(np.zeros(98), np.ones(98), np.zeros((12, 99)))
    write_baselines(baselines_file(file), network.eval(), twins, linear)
    monkeypatch.setattr(weights, "packaged", {"au-gcn-edge": file}.get)
    assert call("--model", "au-gcn-edge", "--data", expressions, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    labels = read_expressions(expressions, "test").labels
    decisions = np.repeat([[True] * 6 + [False] * 6], len(labels), 0)
    beside = found["baselines"]
    assert list(beside) == [LINEAR, TITLES[UNJOINED], TITLES[FUSED]]
    assert beside[TITLES[FUSED]]["accuracy"] == pytest.approx(
        (decisions == labels)[labels >= 0].mean()
    )
    assert beside[LINEAR]["mean_f1"] == 0.0  # 0.5 is not above 0.5
    given = ("--model", "au-gcn-edge", "--weights", file, "--data", expressions)
    assert call(*given) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "no AU hears of another" in printed


def test_a_file_of_weights_takes_the_place_of_those_that_ship(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = weights.load(registry.get("fsr-student")).module
    for value in network.parameters():
        value.zero_()
    weights.save(network, tmp_path / "mine.safetensors", {"model": "fsr-student"})
    assert call("--data", faces, "--weights", tmp_path / "mine.safetensors", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["weights"] == "mine.safetensors"
    # Nothing is added to the bilinear base, in any step.
    assert found["steps"][0] == found["steps"][2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere"], "nowhere is not a folder"),
        (["--data", "faces/test", "--lr", "nowhere"], "nowhere is not a folder"),
        (["--data", "faces/test", "--landmarks", "no.csv"], "no.csv is not a readable landmark"),
        (["--data", "faces/test", "--landmarks", "short.csv"], "has no landmarks of test/b.png"),
        (["--data", "faces/test", "--model", "fsr-pupil"], "no model is called 'fsr-pupil'"),
        (["--data", "faces/test", "--au-model", "fsr-student"], "expected action-units"),
        (["--data", "faces/test", "--split", "val"], "--split has no meaning for super-resol"),
        (["--data", "faces/test", "--sheet", "sheet.jpg"], "a name that ends in .png"),
        (["--data", "faces/test", "--weights", "no.safetensors"], "no.safetensors"),
        (["--data", "faces/test", "-m", "fsr-student", "-m", "au-gcn"], "each task by itself"),
        (
            ["--data", "faces/test", "-m", "fsr-student", "-m", "fsr-priors", "--weights", "w"],
            "--weights is for one model; found 2",
        ),
        (["--data", "faces/test", "-m", "au-gcn-edge"], "labels.csv"),
        (["--data", "expressions", "-m", "au-gcn-edge", "--lr", "x"], "--lr has no meaning"),
        (["--data", "expressions", "-m", "au-gcn-edge", "--split", "dev"], "dev"),
        (["--data", "expressions"], "is 200x200; expected 128x128"),
        (["--threads", "0"], "--threads"),
        ([], "--data"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str],
    said: str,
    faces: Path,
    expressions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (faces.parent / "landmarks68.csv").read_text().splitlines()
    (tmp_path / "faces" / "short.csv").write_text("\n".join(lines[:2]) + "\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    chosen = [a if a != "short.csv" else "faces/short.csv" for a in arguments]
    assert execute(app, ["eval", *chosen]) == 2
    assert said in sentence(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_line_alone_loads_no_torch() -> None:
    script = "import sys, facedge.cli.main; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "False"
