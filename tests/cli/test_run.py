"""``facedge run`` as a person and as a program meets it: sentences, JSON, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from play_bundle import SCALE, SIDE, au_bundle, enlarging_bundle

from facedge.cli.run import run
from facedge.errors import FacedgeError, InputError
from facedge.pictures import read_picture, write_picture
from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import MANIFEST


@pytest.fixture
def app() -> typer.Typer:
    """The command alone, as the ``facedge`` command registers it."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("run")(run)
    app.callback()(lambda: None)
    return app


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return enlarging_bundle(tmp_path / "bundle")


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    for i in range(3):
        picture = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        write_picture(tmp_path / "faces" / f"{i}.png", picture)
    return tmp_path / "faces"


def call(app: typer.Typer, *arguments: object) -> None:
    app(["run", *(str(a) for a in arguments)], standalone_mode=False)


def test_ends_with_one_short_sentence(
    app: typer.Typer, bundle: Path, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(app, bundle, faces, "--out", tmp_path / "out", "--backend", "onnxruntime", "--threads", 1)
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert printed.out.startswith(f"3 faces restored into {tmp_path / 'out'}, ")
    assert (
        "ms per face on onnxruntime in batches of 8, the first call's warm-up included"
        in printed.out
    )
    assert printed.err == ""  # no progress bar where there is no terminal
    expected = read_picture(faces / "1.png").repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    np.testing.assert_array_equal(read_picture(tmp_path / "out" / "1.png"), expected)


def test_json_is_one_object_that_lists_the_files(
    app: typer.Typer, bundle: Path, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (faces / "bad.png").write_text("no picture")
    call(app, bundle, faces, "-o", tmp_path / "out", "--json", "--no-sheet", "--batch", 2)
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 3
    assert found["task"] == "super-resolution"
    assert found["batch"] == 2
    assert found["ms_per_face"] > 0
    assert found["warm"] is False  # a call of two pictures and one of one, each the first
    assert found["files"] == ["0.png", "1.png", "2.png"]
    assert all((tmp_path / "out" / name).is_file() for name in found["files"])
    assert len(found["skipped"]) == 1
    assert "bad.png" in found["skipped"][0]


def test_action_units_are_said_to_be_read(
    app: typer.Typer, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = au_bundle(tmp_path / "au")
    call(app, bundle, faces / "0.png", "--out", tmp_path / "out", "--batch", 1)
    sentence = capsys.readouterr().out
    assert sentence.startswith("1 face read into ")
    assert "batches" not in sentence
    assert (tmp_path / "out" / "action_units.csv").is_file()


def test_existing_results_need_overwrite(
    app: typer.Typer, bundle: Path, faces: Path, tmp_path: Path
) -> None:
    call(app, bundle, faces, "--out", tmp_path / "out")
    with pytest.raises(InputError, match=r"0\.png exists already") as caught:
        call(app, bundle, faces, "--out", tmp_path / "out")
    assert caught.value.exit_code == 2
    call(app, bundle, faces, "--out", tmp_path / "out", "--overwrite")


def test_something_that_is_no_bundle_is_an_error_and_writes_nothing(
    app: typer.Typer, faces: Path, tmp_path: Path
) -> None:
    with pytest.raises(FacedgeError, match="expected a bundle"):
        call(app, faces, faces, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_help_teaches_with_an_example(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    call(app, "--help")
    text = capsys.readouterr().out
    assert "facedge run bundles/fsr-student-int8 my_faces --out restored" in " ".join(text.split())


def test_results_of_untrained_weights_are_not_passed_off_as_real(
    app: typer.Typer, bundle: Path, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = load(bundle).manifest
    seeded = msgspec.structs.replace(manifest.weights, source="seeded")
    changed = msgspec.structs.replace(manifest, weights=seeded)
    (bundle / MANIFEST).write_bytes(encode_manifest(changed))
    call(app, bundle, faces, "--out", tmp_path / "out", "--backend", "onnxruntime")
    assert "seeded, not trained" in capsys.readouterr().err
