"""Sensitivity against numbers computed by hand, and runs that were cut short."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import two_products
from small_graphs import traced_student

from facedge.errors import InputError
from facedge.export import sensitivity_file
from facedge.export.dialects import dialect_form, ship
from facedge.export.graph import run
from facedge.export.judge import with_observed
from facedge.export.passes import rewrite
from facedge.export.precision.partial import int8_nodes, round_only, rounded_activations
from facedge.export.sensitivity import measure
from facedge.export.sensitivity_file import alone, predict
from facedge.metrics import luma, psnr_y
from facedge.progress import Stages
from facedge.runtime.manifest import EVERY_DIALECT

QUIET = Stages(quiet=True)
FIRST, SECOND = "part/Conv_3", "part/Conv_5"


@pytest.fixture(scope="module")
def asked():
    return two_products.question()


@pytest.fixture
def judge(asked, tmp_path):
    return two_products.judge(tmp_path, asked)


@pytest.fixture(scope="module")
def found(asked, tmp_path_factory):
    judge = two_products.judge(tmp_path_factory.mktemp("pictures"), asked)
    return measure(asked, judge, threads=2, stages=QUIET)


def by_hand(asked, rounded_weights=(), rounded_tensors=()) -> np.ndarray:
    """Float pictures [N, 32, 32, 3] by numpy, with some roundings; formulas of QuantizeLinear."""

    def grid(name, x):
        if name not in rounded_tensors:
            return x
        low, high = asked.ranges.of(name, "mse")
        scale = (high - low) / 255
        zero = np.rint(-low / scale)
        return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale

    def matrix(name):
        w = two_products.weights()[name].astype(np.float64)
        scale = np.abs(w).max(1, keepdims=True) / 127
        return np.rint(w / scale) * scale if name in rounded_weights else w

    x = np.stack([face.input for face in two_products.faces(asked.images)]).astype(np.float64)
    x = grid("wide", x @ matrix("widen").T)
    x = grid("cut", np.maximum(x @ matrix("first").T, 0))
    # The Clip is absorbed: the grid starts at 0.
    return grid("clipped", np.clip(x @ matrix("second").T, 0, 255))


def loss_by_hand(asked, **rounded) -> tuple[float, float]:
    inside = np.s_[:, 8:-8, 8:-8]
    full, changed = (luma(p)[inside] for p in (by_hand(asked), by_hand(asked, **rounded)))
    truth = luma(np.stack([f.truth for f in two_products.faces(asked.images)]))[inside]
    error = ((full - truth) ** 2).mean((1, 2))
    added = ((changed - full) ** 2).mean((1, 2))
    return float(added.mean()), float(np.mean(10 * np.log10(1 + added / error)))


@pytest.mark.parametrize(
    ("kind", "name", "rounded"),
    [
        ("weights", FIRST, {"rounded_weights": ("first",)}),
        ("weights", SECOND, {"rounded_weights": ("second",)}),
        ("activation", "wide", {"rounded_tensors": ("wide",)}),
        ("activation", "cut", {"rounded_tensors": ("cut",)}),
        ("activation", "clipped", {"rounded_tensors": ("clipped",)}),
    ],
)
def test_each_part_alone_loses_what_the_arithmetic_says(asked, found, kind, name, rounded):
    loss = next(p.loss for p in found.parts if (p.kind, p.name) == (kind, name))
    added, expected = loss_by_hand(asked, **rounded)
    assert added > 1e-5
    # float32 sums may turn ties of the rounding
    assert loss.added == pytest.approx(added, rel=0.02)
    assert loss.loss_db == pytest.approx(expected, rel=0.02)


def test_the_whole_is_all_parts_at_once_and_near_their_sum(asked, found):
    added, expected = loss_by_hand(
        asked, rounded_weights=("first", "second"), rounded_tensors=("wide", "cut", "clipped")
    )
    assert found.all_int8.added == pytest.approx(added, rel=0.05)
    assert found.all_int8.loss_db == pytest.approx(expected, rel=0.05)
    assert found.additivity() == pytest.approx(1.0, abs=0.25)


def test_the_measured_loss_is_that_of_the_gates(asked, judge, found):
    from facedge.export.runner import OnnxRuntimeRunner, run_all

    faces = two_products.faces(asked.images)
    feeds = {"images": np.stack([face.input for face in faces])}

    def mean(model):
        pictures = run_all(OnnxRuntimeRunner(model.SerializeToString(), 1), feeds, 8)["restored"]
        return np.mean([psnr_y(p, f.truth) for p, f in zip(pictures, faces, strict=True)])

    expected = mean(asked.model) - mean(asked.quantised())
    assert found.all_int8.truth_loss_db == pytest.approx(expected, abs=1e-9)


def test_a_node_alone_is_its_weights_and_both_its_ends(found):
    of = {(p.kind, p.name): p.loss.loss_db for p in found.parts}
    row = next(row for row in found.rows if row.node == FIRST)
    assert (row.reads, row.gives) == ("wide", "cut")
    total = of["weights", FIRST] + of["activation", "wide"] + of["activation", "cut"]
    assert alone(row, found.parts) == pytest.approx(total)
    assert predict(found.parts, (), ()) == 0


def test_taking_out_every_pair_gives_the_float_graph_back(asked, judge):
    from facedge.export.runner import OnnxRuntimeRunner

    for dialect in ("portable", "openvino", "tensorrt"):
        quantised = asked.quantised(dialect)
        assert int8_nodes(quantised) == (FIRST, SECOND)
        nothing = round_only(quantised, asked.model)
        loss = judge.measure(OnnxRuntimeRunner(with_observed(nothing, judge.observed), 1))
        assert loss.added < 1e-8
        everything = round_only(
            quantised,
            asked.model,
            [t for group in rounded_activations(quantised) for t in group.tensors],
            int8_nodes(quantised),
        )
        assert everything == quantised


def test_the_tensorrt_dialect_rounds_no_result(asked, judge):
    found = measure(asked, judge, dialect="tensorrt", threads=1, stages=QUIET)
    assert {p.name for p in found.parts if p.kind == "activation"} == {"wide", "cut"}
    assert all(row.gives in ("", "cut") for row in found.rows)


def test_an_interrupted_run_goes_on_where_it_stopped_to_the_same_bytes(
    asked, judge, tmp_path, monkeypatch
):
    whole, cut = tmp_path / "whole.json", tmp_path / "cut.json"
    measure(asked, judge, threads=2, file=whole, stages=QUIET)
    honest, calls = judge.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return honest(*arguments)

    monkeypatch.setattr(judge, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure(asked, judge, threads=1, file=cut, stages=QUIET)
    assert len(sensitivity_file.read(cut).parts) == 2  # and the whole
    calls.clear()
    monkeypatch.setattr(judge, "measure", lambda *a: calls.append(1) or honest(*a))
    measure(asked, judge, threads=2, file=cut, stages=QUIET)
    assert len(calls) == 3
    assert cut.read_bytes() == whole.read_bytes()


def test_figures_of_another_subject_are_not_taken_over(asked, judge, tmp_path):
    from dataclasses import replace

    path = tmp_path / "s.json"
    measure(asked, judge, threads=2, file=path, stages=QUIET)
    other = measure(replace(asked, method="minmax"), judge, threads=2, file=path, stages=QUIET)
    assert other.subject.method == "minmax"
    assert sensitivity_file.read(path) == other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not a sensitivity file"),
        ('{"kind": "facedge-plan"}', "is not a sensitivity file"),
        ('{"kind": "facedge-sensitivity", "schema": 9}', "schema 9, expected 1"),
        ('{"kind": "facedge-sensitivity", "schema": 1, "colour": 3}', "is damaged"),
    ],
)
def test_a_foreign_file_is_one_sentence_and_left_alone(asked, judge, tmp_path, text, said):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        measure(asked, judge, file=path, stages=QUIET)
    assert path.read_text() == text


def test_pictures_without_a_truth_have_no_decibels(asked, tmp_path):
    judge = two_products.judge(tmp_path, asked, truth=False)
    found = measure(asked, judge, threads=2, stages=QUIET)
    assert not judge.truths
    assert found.all_int8.loss_db is None
    assert found.all_int8.predictable == found.all_int8.added > 0


def test_what_is_kept_in_memory_does_not_grow_with_the_pictures(asked, judge):
    """Pictures and FP32's results lie on disk; a batch of them is read at a time."""
    import tracemalloc

    def peak(count, folder):
        folder.mkdir()
        made = two_products.judge(folder, asked.__class__(**{**asked.__dict__, "images": count}))
        tracemalloc.start()
        measure(asked, made, threads=1, stages=QUIET)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        few, many = peak(8, Path(folder) / "few"), peak(64, Path(folder) / "many")
    assert many < 1.2 * few


def test_the_float_picture_is_what_is_rounded(asked):
    model = onnx.load_model_from_string(with_observed(asked.model, "seen"))
    model.graph.output.append(onnx.helper.make_tensor_value_info("clipped", 1, None))
    found = run(model, {"images": np.stack([face.input for face in two_products.faces(2)])})
    np.testing.assert_array_equal(found["seen"], found["clipped"].transpose(0, 2, 3, 1))
    with pytest.raises(InputError, match="does not end in rounded pictures"):
        with_observed(two_products.graph("g (float[n] x) => (float[n] y) { y = Relu(x) }"), "seen")


@pytest.mark.parametrize("dialect", EVERY_DIALECT)
def test_the_float_picture_of_every_dialect_lies_as_its_bytes_do(dialect):
    form = ship(dialect_form(rewrite(traced_student()).model, dialect).model, 3)
    faces = {"images": np.random.default_rng(5).integers(0, 256, (2, 16, 16, 3), np.uint8)}
    shown = run(onnx.load_model_from_string(with_observed(form, "seen")), faces)
    levels = shown["restored"].astype(np.float32)
    assert rounded_activations(form) == ()
    # Rounding is half a level; near a tie float32 may go either way.
    assert np.abs(shown["seen"] - levels).max() < 0.5 + 1e-4
    assert levels.std() > 1
