"""Plan files: the same bytes again, foreign ones refused, and a bundle built with one."""

from __future__ import annotations

import json

import onnx
import plan_samples
import pytest

from facedge.calibration.graph import weights_hash
from facedge.errors import InputError
from facedge.export import plan_file, report_plan
from facedge.export.plan_file import encode, read, write
from facedge.export.precision.partial import int8_nodes

NODES = ("first", "second", "<b>third")


def test_a_plan_read_and_written_again_is_byte_for_byte_the_same(tmp_path):
    path, again = tmp_path / "plan.json", tmp_path / "again.json"
    write(path, plan_samples.plan())
    assert read(path) == plan_samples.plan()
    write(again, read(path))
    assert again.read_bytes() == path.read_bytes()
    assert json.loads(path.read_text())["assignment"]["second"] == "fp16"


def test_a_plan_changed_by_hand_is_what_it_says(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(
        encode(plan_samples.plan()).decode().replace('"second": "fp16"', '"second": "int8"')
    )
    choice = read(path).choice()
    assert choice.floats == choice.full == {"<b>third"}
    assert choice.unrounded == {"y", "z"}
    assert choice.methods == {"x": "entropy"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t[: len(t) // 2], "is not a plan file"),
        (lambda t: "[1, 2]", "is not a plan file"),
        (lambda t: t.replace("facedge-plan", "facedge-ranges"), "is not a plan file"),
        (lambda t: t.replace('"schema": 1', '"schema": 2'), "schema 2, expected 1"),
        (lambda t: t.replace('"second": "fp16"', '"second": "int4"'), "is damaged: Invalid enum"),
        (lambda t: t.replace('"steps": 3', '"steps": 3, "colour": 1'), "is damaged: Object"),
        (lambda t: t.replace('"entropy"', '"guess"'), "range method 'guess'"),
    ],
)
def test_a_garbled_or_foreign_file_is_one_sentence(tmp_path, change, said):
    path = tmp_path / "plan.json"
    path.write_text(change(encode(plan_samples.plan()).decode()))
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "steps", "digest", "nodes", "said"),
    [
        ("fsr-teacher", 3, "ab" * 32, NODES, "for fsr-student with 3 step.*fsr-teacher with 3"),
        ("fsr-student", 2, "ab" * 32, NODES, "fsr-student with 2"),
        ("fsr-student", 3, "ef" * 32, NODES, "weights abababababab, this graph has efefefefefef"),
        ("fsr-student", 3, "ab" * 32, NODES[:1], "names second, <b>third, which this graph"),
    ],
)
def test_a_plan_of_something_else_is_refused(model, steps, digest, nodes, said):
    with pytest.raises(InputError, match=said):
        plan_samples.plan().check_model(model, steps, digest, nodes)
    plan_samples.plan().check_model("fsr-student", 3, "ab" * 32, NODES)


def test_the_report_shows_each_node_in_the_colour_of_its_precision():
    shown = report_plan.section(plan_samples.plan())
    assert [name for name, _ in shown.legend] == ["INT8", "FP16, FP32 on CPUs", "FP32"]
    bars = list(shown.plot.split("<rect")[1:])
    # alone: first 1 + 4 + 2, second 2 + 2 + 1, third 3 + 1 millidecibels
    assert [("first: 7" in b, "second: 5" in b, "&lt;b&gt;third: 4" in b) for b in bars] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert ['class="s0"' in bars[0], 'class="s1"' in bars[1], 'class="s2"' in bars[2]] == [True] * 3
    assert "<b>third" not in shown.plot
    assert "0.0300 dB" in shown.check
    assert [c.chosen for c in shown.candidates] == [False, True]


def test_a_bundle_built_with_a_plan_follows_it_and_carries_it(tmp_path):
    from facedge.export.build import build
    from facedge.export.options import BuildOptions
    from facedge.export.sensitivity import ask
    from facedge.progress import Stages
    from facedge.runtime import bundle as bundles

    quiet = Stages(quiet=True)
    asked = ask("fsr-student", None, steps=1, images=8, threads=2, stages=quiet)
    asked.ranges.write(tmp_path / "ranges.json")
    first, *_, other, last = int8_nodes(asked.quantised())
    plan = plan_samples.plan(
        steps=1,
        weights_sha256=asked.ranges.weights_sha256,
        assignment={first: "fp32", last: "fp16"},
        methods={},
        unrounded=(),
    )
    plan_file.write(tmp_path / "plan.json", plan)
    options = BuildOptions(
        out=tmp_path, steps=1, gate_images=8, backends=("onnxruntime",), threads=2,
        ranges=tmp_path / "ranges.json", plan=tmp_path / "plan.json",
    )  # fmt: skip
    made = build(options, quiet)
    assert (made.path / "calibration/plan.json").read_bytes() == plan_file.encode(plan)
    assert "calibration/plan.json" in made.manifest.files
    assert made.manifest.quality["plan nodes left in float"] == 2
    bundles.load(made.path, verify=True)
    assert 'id="plan"' in (made.path / "report.html").read_text()
    types = {}
    for dialect in ("portable", "tensorrt"):
        graph = onnx.load(made.path / f"onnx/{dialect}.onnx")
        makers = {o: n.op_type for n in graph.graph.node for o in n.output}
        held = {t.name: t.data_type for t in graph.graph.initializer}
        for node in graph.graph.node:
            if node.name in (first, last, other):
                types[dialect, node.name] = makers.get(node.input[1], held.get(node.input[1]))
    half, full = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert types["portable", other] == "DequantizeLinear"
    assert types["portable", first] == types["portable", last] == full
    assert types["tensorrt", other] == "DequantizeLinear"
    assert (types["tensorrt", first], types["tensorrt", last]) == (full, half)
    assert weights_hash(asked.model) == plan.weights_sha256
