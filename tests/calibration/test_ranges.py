"""The ranges file: readable by anyone's JSON reader, equal for equal pictures, strict when read."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from facedge.calibration.collect import collect
from facedge.calibration.graph import weights_hash
from facedge.calibration.ranges import Ranges, read
from facedge.calibration.samples import Sample
from facedge.calibration.statistics import METHODS
from facedge.errors import InputError


@pytest.fixture
def ranges(recurrent_model: onnx.ModelProto, pictures: list[Sample]) -> Ranges:
    return collect(recurrent_model, pictures, source='folder "faces": 21 pictures')


def test_reading_gives_what_was_written_and_the_same_bytes_again(
    tmp_path: Path, ranges: Ranges
) -> None:
    ranges.write(tmp_path / "a.json")
    again = read(tmp_path / "a.json")
    assert again == ranges
    again.write(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "b.json"}


def test_the_file_is_plain_json_with_a_line_per_method(tmp_path: Path, ranges: Ranges) -> None:
    ranges.write(tmp_path / "a.json")
    plain = json.loads((tmp_path / "a.json").read_text())
    assert plain["schema"] == 1
    assert list(plain["tensors"]["step_2"]["methods"]) == list(METHODS)
    low, high, _ = plain["tensors"]["step_2"]["methods"]["mse"]
    assert (low, high) == ranges.of("step_2", "mse")
    # Shortest decimals of float32.
    assert all(float(str(np.float32(value))) == value for value in (low, high))
    assert max(len(line) for line in (tmp_path / "a.json").read_text().splitlines()) < 120


def test_percentile_alone_means_99_99(ranges: Ranges) -> None:
    assert ranges.of("step_1", "percentile") == ranges.of("step_1", "percentile-99.99")


def test_unknown_methods_and_tensors_are_refused(ranges: Ranges) -> None:
    with pytest.raises(InputError, match="no calibration method 'best'; choose one of minmax"):
        ranges.of("step_1", "best")
    with pytest.raises(InputError, match="lack tensor other of this graph"):
        ranges.of("other", "mse")
    ranges.check_covers(["step_1", "hidden_3"])
    with pytest.raises(InputError, match=r"lack tensor a, b, c and 2 more .*facedge calibrate"):
        ranges.check_covers(["step_1", *"abcde"])


def test_ranges_of_other_weights_are_refused(
    recurrent_model: onnx.ModelProto, ranges: Ranges
) -> None:
    ranges.check_weights(weights_hash(recurrent_model))
    other = onnx.ModelProto()
    other.CopyFrom(recurrent_model)
    tensor = next(t for t in other.graph.initializer if t.name == "w_out")
    value = numpy_helper.to_array(tensor).copy()
    value[0, 0] += 1e-3
    tensor.CopyFrom(numpy_helper.from_array(value, "w_out"))
    with pytest.raises(InputError, match=r"measured with weights .* measure them anew"):
        ranges.check_weights(weights_hash(other))


def test_the_weights_hash_ignores_names_order_and_outputs(recurrent_model: onnx.ModelProto) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(recurrent_model)
    tensors = list(other.graph.initializer)[::-1]
    del other.graph.initializer[:]
    other.graph.initializer.extend(tensors)
    other.graph.initializer[0].name = "renamed"
    del other.graph.output[0]
    assert weights_hash(other) == weights_hash(recurrent_model)


def test_the_pictures_hash_depends_on_every_picture(ranges: Ranges) -> None:
    fewer = msgspec.structs.replace(ranges, images=ranges.images[1:])
    assert len(ranges.images_sha256()) == 64
    assert fewer.images_sha256() != ranges.images_sha256()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "not a ranges file"),
        (lambda text: "\x89PNG", "not a ranges file"),
        (lambda text: "[1, 2]", "not a ranges file"),
        (lambda text: '{"kind": "other"}', "not a ranges file"),
        (lambda text: text[: len(text) // 2], "not a ranges file"),
        (lambda text: text.replace('"schema": 1', '"schema": 9'), "schema 9, expected 1"),
        (lambda text: text.replace('"count"', '"number"', 1), "is damaged"),
        (lambda text: text.replace('"mse": [', '"mse": [NaN, ', 1), "not a ranges file"),
        (lambda text: text.replace('"mse": [', '"mse": [1e999, ', 1), r"damaged|not a ranges file"),
        (lambda text: text.replace('"mse": [', '"own": [', 1), "lacks mse"),
        (
            lambda text: text.replace('"minmax": [0.0', '"minmax": [2.0', 1),
            "minmax range of tensor",
        ),
        (lambda text: text.replace('"minmax": [0.0', '"minmax": [null', 1), "is damaged"),
    ],
)
def test_damaged_files_are_refused_in_one_sentence(
    tmp_path: Path, ranges: Ranges, change: object, message: str
) -> None:
    path = tmp_path / "ranges.json"
    ranges.write(path)
    text = path.read_text()
    path.write_text(change(text))  # type: ignore[operator]
    assert path.read_text() != text
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert "ranges.json" in str(caught.value)


def test_a_missing_file_and_a_bad_range_are_refused(tmp_path: Path, ranges: Ranges) -> None:
    with pytest.raises(InputError, match="cannot read ranges"):
        read(tmp_path / "none.json")
    first = next(iter(ranges.tensors))
    bounds = dict(ranges.tensors[first].methods, mse=(float("nan"), 1.0, 1.0))
    bad = msgspec.structs.replace(ranges.tensors[first], methods=bounds)
    damaged = msgspec.structs.replace(ranges, tensors={first: bad})
    with pytest.raises(InputError, match="expected finite bounds around zero"):
        damaged.write(tmp_path / "bad.json")
    assert not (tmp_path / "bad.json").exists()
