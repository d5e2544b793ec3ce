"""Tracing: names, module paths, dynamic batch, steps and state."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from small_graphs import (
    STUDENT,
    astronaut,
    graph,
    student,
    to_float,
    traced_stateful,
    traced_student,
)
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.export.graph import graph_cost, run
from facedge.export.trace import assert_dynamic_batch, trace
from facedge.models.contract import ActionUnits


def _signature(values) -> dict[str, list[str | int]]:
    return {
        v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values
    }


def test_inputs_and_outputs_have_the_names_and_shapes_of_the_contract():
    model = traced_student()
    assert _signature(model.graph.input) == {"image": ["batch", 3, 16, 16]}
    picture = ["batch", 3, 128, 128]
    expected = {"step_1": picture, "step_2": picture, "step_3": picture}
    assert _signature(model.graph.output) == expected
    assert {o.domain: o.version for o in model.opset_import} == {"": 18}


def test_the_graph_computes_what_torch_computes():
    image = to_float(astronaut(16))
    with torch.inference_mode():
        expected = student()(torch.from_numpy(image)).steps
    found = run(traced_student(), {"image": image})
    for k, array in enumerate(expected, 1):
        # Two float32 implementations of about 20 convolutions; 80 dB is 1e-4.
        np.testing.assert_allclose(found[f"step_{k}"], array.numpy(), atol=1e-4)


def test_a_prefix_with_state_carries_the_hidden_state_in_and_out():
    model = traced_stateful()
    state = ["batch", 32, 32, 32]
    assert _signature(model.graph.input)["state_in"] == state
    assert list(_signature(model.graph.output)) == ["step_1", "step_2", "state_out"]
    image = to_float(astronaut(16))
    hidden = np.random.default_rng(0).standard_normal((3, 32, 32, 32), dtype=np.float32)
    with torch.inference_mode():
        expected = student()(torch.from_numpy(image), torch.from_numpy(hidden), steps=2)
    found = run(model, {"image": image, "state_in": hidden})
    np.testing.assert_allclose(found["state_out"], expected.state.numpy(), atol=1e-3)
    np.testing.assert_allclose(found["step_2"], expected.steps[1].numpy(), atol=1e-4)


def test_node_names_begin_with_the_module_path_and_are_unique():
    names = [node.name for node in traced_student().graph.node]
    assert len(set(names)) == len(names)
    for node in traced_student().graph.node:
        if node.op_type == "Conv" and not node.input[1].startswith("val"):
            # core.up.conv.weight belongs to core/up/conv/Conv_…; buffers to the module itself.
            module = node.input[1].rpartition(".")[0].replace(".", "/")
            # Both edge extractors have an equal luma, of which one copy is kept.
            assert node.name.startswith(module) or module == "edges/0/luma", node.name
    clip = [n.name for n in traced_student().graph.node if n.op_type in ("Clip", "Round")]
    assert clip
    assert all(name.startswith("edges/0/") for name in clip)


def test_weights_of_unrolled_steps_are_stored_once():
    model = traced_student()
    tensors = [t.raw_data + str(t.dims).encode() for t in model.graph.initializer if t.raw_data]
    assert len(set(tensors)) == len(tensors)
    # The network's own parameters plus its constant kernels; nothing per step.
    own = sum(p.numel() for p in student().parameters())
    buffers = sum(b.numel() for b in student().buffers())
    assert own <= graph_cost(model).parameters <= own + buffers + 50


def test_no_paths_of_the_exporting_machine_are_left_in_the_graph():
    assert b".py" not in traced_student().SerializeToString()


@pytest.mark.parametrize("steps", [0, 4, -1])
def test_steps_outside_the_model_are_refused_with_the_range(steps):
    with pytest.raises(InputError, match=f"1 to 3; {steps}"):
        trace(STUDENT, student(), steps=steps)


def test_state_of_a_stateless_model_is_refused():
    with pytest.raises(InputError, match="no hidden state"):
        trace(replace(STUDENT, state_shape=None), student(), state=True)


class TwoLogits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Linear(48, 24)
        self.align = nn.Linear(48, 98)

    def forward(self, image: Tensor) -> ActionUnits:
        x = image.flatten(1)
        logits = torch.log_softmax(self.classify(x).reshape(-1, 12, 2), -1)
        return ActionUnits(logits, logits.exp()[:, :, 1], self.align(x).reshape(-1, 49, 2))


HERE = Path(__file__).parent
_UNITS = replace(STUDENT, name="tiny-au", task="action-units", input_size=4, steps=1)


def test_action_units_give_probabilities_and_landmarks_and_no_log_softmax_pair():
    model = trace(_UNITS, TwoLogits())
    expected = {"probabilities": ["batch", 12], "landmarks": ["batch", 49, 2]}
    assert _signature(model.graph.output) == expected


class Shouting(TwoLogits):
    def forward(self, image: Tensor) -> ActionUnits:
        print("hello from forward")
        return super().forward(image)


def test_tracing_prints_nothing(capfd):
    level = logging.getLogger("torch.onnx").level
    trace(_UNITS, Shouting())
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("torch.onnx").level == level


def test_the_first_trace_of_a_process_prints_nothing():
    code = (
        "import sys; sys.path[:0] = sys.argv[1:];"
        "from test_trace import TwoLogits, _UNITS, trace; trace(_UNITS, TwoLogits())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(HERE), str(HERE.parent / "helpers")],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Unexportable(TwoLogits):
    def forward(self, image: Tensor) -> ActionUnits:
        if image.mean() > 0.5:
            image = image * 2
        return super().forward(image)


def test_a_module_the_exporter_refuses_gives_one_sentence():
    with pytest.raises(InputError, match="tiny-au could not be exported to ONNX") as caught:
        trace(_UNITS, Unexportable())
    assert "\n" not in str(caught.value)


class FrozenBatch(TwoLogits):
    def forward(self, image: Tensor) -> ActionUnits:
        return super().forward(image + torch.zeros(2, 3, 4, 4))


def test_a_module_that_fixes_its_batch_is_refused():
    with pytest.raises(InputError):
        trace(_UNITS, FrozenBatch())


def test_a_frozen_batch_in_the_signature_is_found():
    model = graph("g (float[1,3,4,4] image) => (float[1,3,4,4] y) { y = Relu(image) }")
    with pytest.raises(InputError, match=r"image has the shape \[1, 3, 4, 4\]"):
        assert_dynamic_batch(model)


def test_a_second_symbolic_dimension_is_found():
    model = graph("g (float[batch,3,h,4] image) => (float[batch,3,h,4] y) { y = Relu(image) }")
    with pytest.raises(InputError, match="image has the shape"):
        assert_dynamic_batch(model)


def test_a_batch_frozen_inside_the_graph_is_found():
    model = graph(
        "g (float[batch,4] image) => (float[batch,4] y) { y = Expand(image, shape) }",
        shape=np.array([2, 4]),
    )
    del model.graph.value_info[:]
    with pytest.raises(InputError, match="does not run at batches"):
        assert_dynamic_batch(model)


def test_pictures_that_mix_within_a_batch_are_found():
    model = graph(
        """g (float[batch,4] image) => (float[batch,4] y) {
            mean = ReduceMean<keepdims = 1>(image, axis)
            y = Sub(image, mean)
        }""",
        axis=np.array([0]),
    )
    with pytest.raises(InputError, match="depends on the batch around it"):
        assert_dynamic_batch(model)


def test_traced_graphs_are_equal_byte_for_byte():
    first, second = trace(_UNITS, _seeded()), trace(_UNITS, _seeded())
    assert isinstance(first, onnx.ModelProto)
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def _seeded() -> TwoLogits:
    torch.manual_seed(1)
    return TwoLogits()
