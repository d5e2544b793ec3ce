"""Playing pictures: what is written, where, under which name, and what is never overwritten.

The sessions are real ones on ONNX Runtime; their graphs are small enough to compute by hand.
"""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from play_bundle import (
    LANDMARKS,
    PROBABILITIES,
    SCALE,
    SIDE,
    au_bundle,
    counting_bundle,
    enlarging_bundle,
)
from skimage import data

from facedge.errors import InputError
from facedge.pictures import read_picture, write_picture
from facedge.runtime import inputs
from facedge.runtime.action_units import ACTION_UNITS
from facedge.runtime.play import Played, play, prepare
from facedge.runtime.session import Session

Rgb = NDArray[np.uint8]


def face(size: int = 60) -> Rgb:
    """A square out of scikit-image's astronaut."""
    picture = data.astronaut()[20 : 20 + size, 180 : 180 + size]
    return np.ascontiguousarray(picture)


def run(bundle: Path, paths: list[Path], out: Path, **options: object) -> Played:
    return play(Session(bundle, "onnxruntime", threads=1), paths, out, **options)  # type: ignore[arg-type]


def names(out: Path) -> set[str]:
    return {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}


@pytest.fixture
def sr(tmp_path: Path) -> Path:
    return enlarging_bundle(tmp_path / "bundle")


def test_restored_pictures_are_what_the_graph_makes_of_the_reduced_input(
    sr: Path, tmp_path: Path
) -> None:
    small = face(SIDE)
    write_picture(tmp_path / "in" / "a.png", small)
    played = run(sr, [tmp_path / "in"], tmp_path / "out")
    expected = small.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    np.testing.assert_array_equal(read_picture(tmp_path / "out" / "a.png"), expected)
    assert played.pictures == 1
    assert played.backend == "onnxruntime"
    assert played.ms_per_face > 0
    assert names(tmp_path / "out") == set(played.files) == {"a.png", "sheet.png"}


def test_a_large_picture_is_cropped_to_its_square_and_reduced_with_antialiasing() -> None:
    wide = np.ascontiguousarray(data.astronaut()[:256, :400])
    made = prepare(inputs.Picture("a", wide, True), 16, 128)
    square = wide[:, 72:328]
    # Area reduction by a whole factor is the mean of 2x2 blocks, rounded by OpenCV.
    original = square.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    assert made.original is not None
    assert np.abs(made.original - original).max() <= 0.5
    expected = Image.fromarray(made.original).resize((16, 16), Image.Resampling.BICUBIC)
    # Pillow computes in fixed point: one grey level.
    assert np.abs(made.input.astype(int) - np.asarray(expected).astype(int)).max() <= 1
    assert made.corner == (72, 0)
    assert made.zoom == 16.0


def test_a_picture_smaller_than_the_output_has_no_original_and_keeps_its_own_pixels() -> None:
    small = face(16)
    made = prepare(inputs.Picture("a", small, True), 16, 128)
    assert made.original is None
    np.testing.assert_array_equal(made.input, small)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_batch_size_changes_no_pixel(sr: Path, tmp_path: Path, batch: int) -> None:
    rolled = [np.roll(face(SIDE), i, axis=0) for i in range(5)]
    for i, picture in enumerate(rolled):
        write_picture(tmp_path / "in" / f"{i}.png", picture)
    told: list[tuple[int, int]] = []
    run(sr, [tmp_path / "in"], tmp_path / "out", batch=batch, advance=lambda *now: told.append(now))
    for i, picture in enumerate(rolled):
        expected = picture.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        np.testing.assert_array_equal(read_picture(tmp_path / "out" / f"{i}.png"), expected)
    assert told[-1] == (5, 5)
    assert len(told) == -(-5 // batch)


def test_a_plan_s_largest_batch_is_respected(tmp_path: Path) -> None:
    bundle = enlarging_bundle(tmp_path / "bundle", max_batch=2)
    write_picture(tmp_path / "a.png", face())
    assert run(bundle, [tmp_path / "a.png"], tmp_path / "out", batch=8).batch == 2


def test_first_calls_are_left_out_of_the_time_where_there_are_others(
    sr: Path, tmp_path: Path
) -> None:
    class Slow(Session):
        calls = 0

        def __call__(self, images: Rgb, state: object = None) -> Rgb:  # type: ignore[override]
            Slow.calls += 1
            time.sleep(0.2 if Slow.calls == 1 else 0.0)
            return super().__call__(images)  # type: ignore[return-value]

    for i in range(3):
        write_picture(tmp_path / "in" / f"{i}.png", face())
    played = play(Slow(sr, "onnxruntime"), [tmp_path / "in"], tmp_path / "out", batch=1)
    assert played.warm
    assert played.ms_per_face < 100
    Slow.calls = 0
    cold = play(Slow(sr, "onnxruntime"), [tmp_path / "in"], tmp_path / "out2", batch=3)
    assert not cold.warm
    assert cold.ms_per_face > 200 / 3 - 1


def test_the_sheet_shows_input_bicubic_restored_and_original(sr: Path, tmp_path: Path) -> None:
    side = SIDE * SCALE
    write_picture(tmp_path / "large.png", face(side))
    run(sr, [tmp_path / "large.png"], tmp_path / "out")
    sheet = read_picture(tmp_path / "out" / "sheet.png")
    cells = [sheet[26 : 26 + side, 8 + i * (side + 8) :][:, :side] for i in range(4)]
    restored = read_picture(tmp_path / "out" / "large.png")
    np.testing.assert_array_equal(cells[0], restored)  # this graph repeats pixels, as nearest does
    np.testing.assert_array_equal(cells[2], restored)
    np.testing.assert_array_equal(cells[3], face(side))
    reference = Image.fromarray(restored[::SCALE, ::SCALE]).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    assert np.abs(cells[1].astype(int) - np.asarray(reference).astype(int)).max() <= 1


def test_same_names_in_subfolders_and_other_extensions_stay_apart(sr: Path, tmp_path: Path) -> None:
    colours = {"a.png": 10, "a.jpg": 60, "sub/a.png": 110, "sheet.png": 160}
    for name, level in colours.items():
        write_picture(tmp_path / "in" / name, np.full((SIDE, SIDE, 3), level, np.uint8))
    write_picture(
        tmp_path / "two" / "in" / "sub" / "a.png", np.full((SIDE, SIDE, 3), 210, np.uint8)
    )
    out = tmp_path / "out"
    run(sr, [tmp_path / "in", tmp_path / "two" / "in"], out)
    levels = {name: int(read_picture(out / name)[0, 0, 0]) for name in names(out) - {"sheet.png"}}
    # JPEG stores a flat grey to within one level.
    assert sorted(levels.values()) == pytest.approx([10, 60, 110, 160, 210], abs=1)
    assert len(levels) == 5


def test_an_existing_result_is_an_error_naming_it_and_nothing_changes(
    sr: Path, tmp_path: Path
) -> None:
    write_picture(tmp_path / "in" / "a.png", face())
    write_picture(tmp_path / "in" / "b.png", face())
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").write_text("mine")
    with pytest.raises(InputError, match=r"b\.png exists already.*--overwrite"):
        run(sr, [tmp_path / "in"], out)
    assert names(out) == {"b.png"}
    (out / "notes.txt").write_text("stay")
    run(sr, [tmp_path / "in"], out, overwrite=True)
    assert names(out) == {"a.png", "b.png", "sheet.png", "notes.txt"}
    assert (out / "notes.txt").read_text() == "stay"
    assert read_picture(out / "b.png").shape == (SIDE * SCALE, SIDE * SCALE, 3)


def test_input_pictures_are_never_overwritten_even_when_asked(sr: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "in" / "a.png", face())
    before = (tmp_path / "in" / "a.png").read_bytes()
    with pytest.raises(InputError, match="is one of the input pictures"):
        run(sr, [tmp_path / "in"], tmp_path / "in", overwrite=True)
    assert (tmp_path / "in" / "a.png").read_bytes() == before


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interruption_leaves_no_result_and_no_trace(
    sr: Path, tmp_path: Path, stop: BaseException
) -> None:
    for i in range(3):
        write_picture(tmp_path / "in" / f"{i}.png", face())
    out = tmp_path / "results" / "out"

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise stop

    with pytest.raises((KeyboardInterrupt, InputError)):
        run(sr, [tmp_path / "in"], out, batch=1, advance=interrupt)
    assert not (tmp_path / "results").exists()


def test_a_failure_while_moving_puts_replaced_files_back(
    sr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "in" / "a.png", face())
    write_picture(tmp_path / "in" / "sub" / "b.png", face())
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_text("mine")
    from facedge.runtime import publish

    real = publish.os.replace

    def fail_on_sheet(source: Path, target: Path) -> None:
        if Path(target) == out / "sub" / "b.png":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(publish.os, "replace", fail_on_sheet)
    with pytest.raises(InputError, match="No space left"):
        run(sr, [tmp_path / "in"], out, overwrite=True)
    assert names(out) == {"a.png"}
    assert (out / "a.png").read_text() == "mine"
    assert not (out / "sub").exists()


def test_a_broken_file_in_a_folder_is_skipped_and_named_but_refused_when_given(
    sr: Path, tmp_path: Path
) -> None:
    write_picture(tmp_path / "in" / "a.png", face())
    (tmp_path / "in" / "bad.png").write_text("no picture")
    played = run(sr, [tmp_path / "in"], tmp_path / "out")
    assert played.pictures == 1
    assert len(played.skipped) == 1
    assert "bad.png" in played.skipped[0]
    with pytest.raises(InputError, match=r"bad\.png"):
        run(sr, [tmp_path / "in" / "bad.png"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_folder_of_broken_files_is_an_error(sr: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_text("no picture")
    with pytest.raises(InputError, match=r"none of 1 files is a picture.*bad\.png"):
        run(sr, [tmp_path / "in"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def write_video(path: Path, levels: list[int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64))
    assert writer.isOpened()
    for level in levels:
        writer.write(np.full((64, 64, 3), level, np.uint8))
    writer.release()


def test_every_frame_of_a_video_becomes_a_picture(sr: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", [30, 90, 150])
    run(sr, [tmp_path / "clip.avi"], tmp_path / "out", with_sheet=False)
    assert names(tmp_path / "out") == {f"clip/frame_{i:06d}.png" for i in range(3)}
    levels = [
        int(read_picture(tmp_path / "out" / f"clip/frame_{i:06d}.png")[0, 0, 0]) for i in range(3)
    ]
    # Motion JPEG stores a flat grey to within two levels.
    assert levels == pytest.approx([30, 90, 150], abs=2)


def test_a_hidden_state_runs_through_a_video_and_starts_anew_with_the_next_source(
    tmp_path: Path,
) -> None:
    bundle = counting_bundle(tmp_path / "bundle")
    for name in ("x", "y"):
        write_video(tmp_path / f"{name}.avi", [100, 100, 100])
    run(bundle, [tmp_path / "x.avi", tmp_path / "y.avi"], tmp_path / "out", batch=4)
    for name in ("x", "y"):
        first, *rest = (
            read_picture(tmp_path / "out" / name / f"frame_{i:06d}.png").astype(int)
            for i in range(3)
        )
        assert [int((r - first)[0, 0, 0]) for r in rest] == [1, 2]


def test_action_units_are_written_as_table_document_and_overlay(tmp_path: Path) -> None:
    bundle = au_bundle(tmp_path / "bundle")
    write_picture(
        tmp_path / "in" / "one" / "a.png", np.ascontiguousarray(data.astronaut()[:32, :64])
    )
    out = tmp_path / "out"
    played = run(bundle, [tmp_path / "in"], out)
    assert names(out) == set(played.files) == {"one/a.png", "action_units.csv", "action_units.json"}

    with (out / "action_units.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["picture"] == "one/a"
    columns = [f"AU{unit:02d}" for unit in ACTION_UNITS]
    # Four decimals are written.
    np.testing.assert_allclose([float(row[c]) for c in columns], PROBABILITIES, atol=5.1e-5)

    # The 32-pixel square begins at x = 16 and is reduced by two: pixel centres map as below.
    expected = (LANDMARKS.astype(np.float64) + 0.5) * 2 - 0.5 + [16, 0]
    found = [[float(row[f"{axis}{i:02d}"]) for axis in "xy"] for i in range(49)]
    np.testing.assert_allclose(found, expected, atol=5.1e-3)  # two decimals are written

    document = json.loads((out / "action_units.json").read_text())
    assert document["bundle"] == "test-bundle"
    assert document["pictures"][0]["active"] == [
        c for c, p in zip(columns, PROBABILITIES, strict=True) if p > 0.5
    ]
    np.testing.assert_allclose(document["pictures"][0]["landmarks"], expected, atol=5.1e-3)

    overlay = read_picture(out / "one" / "a.png")
    assert overlay.shape == (528, 988, 3)
    for x, y in (LANDMARKS + 0.5) * 33:  # 528 / 16
        if 0 <= round(y) < 528 and 0 <= round(x) < 528:
            np.testing.assert_array_equal(overlay[round(y), round(x)], (61, 242, 201))


def test_bars_of_the_overlay_are_as_long_as_the_probability() -> None:
    from facedge.runtime.overlay import action_unit_overlay

    drawn = action_unit_overlay(face(16), LANDMARKS, PROBABILITIES)
    for i, p in enumerate(PROBABILITIES):
        row = drawn[round((i + 1) * 528 / 13) - 3, 790:911]
        colour = (15, 118, 110) if p > 0.5 else (168, 160, 148)
        # The bar is 120 pixels; the line at one half hides one of them.
        assert (row == colour).all(1).sum() == pytest.approx(120 * p, abs=2)


def test_landmarks_that_are_not_numbers_are_left_out() -> None:
    from facedge.runtime.overlay import action_unit_overlay

    points = LANDMARKS.copy()
    points[:] = np.nan
    drawn = action_unit_overlay(face(16), points, np.full(12, np.nan))
    assert not (drawn == (61, 242, 201)).all(2).any()


@pytest.mark.parametrize(
    ("paths", "message"), [(["nothing"], "nothing"), (["empty"], "no pictures")]
)
def test_nothing_to_play_is_said_in_one_sentence(
    sr: Path, tmp_path: Path, paths: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        run(sr, [tmp_path / p for p in paths], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_out_that_is_a_file_is_refused(sr: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", face())
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        run(sr, [tmp_path / "a.png"], tmp_path / "out")
