"""Collection against ONNX's reference evaluator, which computes every tensor its own way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from facedge.calibration import collect as collecting
from facedge.calibration.collect import collect
from facedge.calibration.graph import activation_tensors
from facedge.calibration.ranges import encode
from facedge.calibration.samples import Sample
from facedge.errors import InputError


def reference_values(
    model: onnx.ModelProto, pictures: list[Sample], tensors: tuple[str, ...]
) -> dict[str, np.ndarray]:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_tensor_value_info(t, 1, None) for t in tensors)
    images = np.stack([picture.input for picture in pictures])
    return dict(zip(tensors, ReferenceEvaluator(shown).run(None, {"images": images}), strict=True))


def test_minmax_and_counts_equal_the_reference_for_every_step(
    recurrent_model: onnx.ModelProto, pictures: list[Sample]
) -> None:
    ranges = collect(recurrent_model, pictures)
    every_step = {f"{t}_{s}" for t in ("joined", "hidden", "step") for s in (1, 2, 3)}
    assert set(ranges.tensors) == {"nchw", "image", "head", *every_step}
    reference = reference_values(recurrent_model, pictures, tuple(ranges.tensors))
    for name, values in reference.items():
        low, high = ranges.of(name, "minmax")
        # The two sum convolutions in another order.
        assert low == pytest.approx(min(values.min(), 0), rel=1e-5, abs=1e-6), name
        assert high == pytest.approx(max(values.max(), 0), rel=1e-5, abs=1e-6), name
        assert ranges.tensors[name].count == values.size
    tops = [ranges.of(f"hidden_{step}", "minmax")[1] for step in (1, 2, 3)]
    assert len(set(tops)) == 3, "each step has statistics of its own"


def test_symmetric_ranges_are_the_larger_side(
    recurrent_model: onnx.ModelProto, pictures: list[Sample]
) -> None:
    ranges = collect(recurrent_model, pictures, ["step_1"])
    low, high = ranges.of("step_1", "minmax")
    assert low < 0 < high
    reach = max(-low, high)
    assert ranges.of("step_1", "minmax", symmetric=True) == (-reach, reach)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_batch_size_and_order_do_not_change_the_file(
    recurrent_model: onnx.ModelProto, pictures: list[Sample], batch: int
) -> None:
    expected = encode(collect(recurrent_model, pictures, batch=8, source="s"))
    shuffled = [pictures[i] for i in np.random.default_rng(2).permutation(len(pictures))]
    assert encode(collect(recurrent_model, shuffled, batch=batch, source="s")) == expected


def test_the_second_frame_of_a_track_is_measured_with_the_state_of_the_first(
    stateful_model: onnx.ModelProto, pictures: list[Sample]
) -> None:
    ranges = collect(stateful_model, pictures)
    brightest = max(picture.input.sum(-1).max() for picture in pictures) / 255
    # now + 2 * past with past = now: three times the first frame.
    assert ranges.of("state_out", "minmax")[1] == pytest.approx(3 * brightest, rel=1e-5)
    assert ranges.of("state_in", "minmax")[1] == pytest.approx(brightest, rel=1e-5)
    assert ranges.tensors["state_out"].count == 2 * len(pictures) * 3 * 64


def test_tensors_that_only_reorder_share_statistics_and_relu_inputs_are_left_out(
    make_graph: Callable[..., onnx.ModelProto], pictures: list[Sample]
) -> None:
    weights = {"w": np.full((4, 3, 1, 1), 0.5), "v": np.full((2, 1, 1, 1), -1.0)}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["raw"]),
        helper.make_node("Relu", ["raw"], ["active"]),
        helper.make_node("DepthToSpace", ["active"], ["large"], blocksize=2),
        helper.make_node("Conv", ["large", "v"], ["out"]),
    ]
    model = make_graph(nodes, weights, {"out": 2})
    assert activation_tensors(model) == ("nchw", "image", "active", "large", "out")
    ranges = collect(model, pictures)
    assert ranges.tensors["large"] == ranges.tensors["active"]
    assert ranges.of("active", "minmax")[1] > 0


def test_pictures_are_read_one_batch_at_a_time_and_progress_is_told(
    recurrent_model: onnx.ModelProto, pictures: list[Sample]
) -> None:
    read = 0

    def stream() -> Iterator[Sample]:
        nonlocal read
        for picture in pictures:
            read += 1
            yield picture

    told: list[tuple[int, int]] = []
    collect(recurrent_model, stream(), batch=8, progress=lambda done: told.append((done, read)))
    assert told == [(1, 1), (9, 9), (17, 17), (21, 21)]


def test_large_tensors_shrink_the_batch(
    recurrent_model: onnx.ModelProto, pictures: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "BATCH_BYTES", 1)
    told: list[int] = []
    collect(recurrent_model, pictures[:3], progress=told.append)
    assert told == [1, 2, 3]


def test_the_source_is_that_of_the_samples(
    recurrent_model: onnx.ModelProto, pictures: list[Sample]
) -> None:
    class Described(list[Sample]):
        description = "folder faces: 21 pictures"

    ranges = collect(recurrent_model, Described(pictures), ["image"])
    assert ranges.source == "folder faces: 21 pictures"
    assert [image.name for image in ranges.images] == [picture.name for picture in pictures]


def test_bad_input_is_refused(
    recurrent_model: onnx.ModelProto,
    pictures: list[Sample],
    make_graph: Callable[..., onnx.ModelProto],
) -> None:
    with pytest.raises(InputError, match="no pictures to calibrate on"):
        collect(recurrent_model, [])
    with pytest.raises(InputError, match="tensor nowhere cannot be calibrated"):
        collect(recurrent_model, pictures, ["nowhere"])
    with pytest.raises(InputError, match="tensor images cannot be calibrated"):
        collect(recurrent_model, pictures, ["images"])
    small = replace(pictures[0], input=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(
        InputError, match=r"p00 has shape \(4, 4, 3\), the graph expects \(8, 8, 3\)"
    ):
        collect(recurrent_model, [small])
    broken = make_graph(
        [helper.make_node("Mul", ["image", "nan"], ["bad"])], {"nan": np.array(np.nan)}, {"bad": 3}
    )
    with pytest.raises(InputError, match=r"tensor bad holds NaN or infinity .*p00"):
        collect(broken, pictures)
    floats = helper.make_model(
        helper.make_graph(
            [helper.make_node("Relu", ["image"], ["out"])],
            "float",
            [helper.make_tensor_value_info("image", 1, ["batch", 3, 8, 8])],
            [helper.make_tensor_value_info("out", 1, None)],
        )
    )
    with pytest.raises(InputError, match=r"uint8 NHWC pictures as first input, found image"):
        collect(floats, pictures)


def test_memory_is_the_same_for_64_and_512_pictures() -> None:
    script = str(Path(__file__).parent / "peak_memory.py")
    peaks = [
        int(subprocess.check_output([sys.executable, script, str(count)], text=True))
        for count in (64, 512)
    ]
    # Kept activations of 448 more pictures would be 220 MB.
    assert abs(peaks[1] - peaks[0]) <= 0.1 * peaks[0]
