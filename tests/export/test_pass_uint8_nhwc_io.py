"""uint8-nhwc-io: camera bytes in, camera bytes out."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import apply_pass, astronaut, graph, operators, to_float, traced_student, weights

from facedge.export.graph import run


def test_bytes_in_give_the_bytes_numpy_makes_of_the_float_graph():
    before = traced_student()
    count, after = apply_pass("uint8-nhwc-io", before)
    assert count == 4
    images = astronaut(16)
    floats = run(before, {"image": to_float(images)})
    found = run(after, {"images": images})
    assert list(found) == ["restored_1", "restored_2", "restored_3"]
    for k in (1, 2, 3):
        array = floats[f"step_{k}"].transpose(0, 2, 3, 1)
        expected = np.rint(np.clip(array, 0, 1) * np.float32(255)).astype(np.uint8)
        # The same float32 operations in the same order: equal to the last bit.
        np.testing.assert_array_equal(found[f"restored_{k}"], expected)
        assert found[f"restored_{k}"].dtype == np.uint8


def test_the_signature_is_the_contract_and_the_batch_stays_symbolic():
    _, after = apply_pass("uint8-nhwc-io", traced_student())
    found = {
        v.name: (v.type.tensor_type.elem_type,
                 [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in [*after.graph.input, *after.graph.output]
    }  # fmt: skip
    large = (2, ["batch", 128, 128, 3])
    assert found == {
        "images": (2, ["batch", 16, 16, 3]),
        "restored_1": large, "restored_2": large, "restored_3": large,
    }  # fmt: skip


def test_cast_is_the_first_node_and_the_last():
    _, after = apply_pass("uint8-nhwc-io", traced_student())
    readers = [node for node in after.graph.node if "images" in node.input]
    assert [node.op_type for node in readers] == ["Cast"]
    for k in (1, 2, 3):
        (writer,) = (n for n in after.graph.node if f"restored_{k}" in n.output)
        assert writer.op_type == "Cast"
    assert operators(after)["Transpose"] == 4
    assert all(n.name.startswith(("input/", "output/")) for n in (*readers, writer))


def test_values_are_clipped_and_rounded_half_to_even():
    before = graph(
        "g (float[batch,3,1,1] image) => (float[batch,3,1,1] step_1) { step_1 = Mul(image, gain) }",
        gain=np.array(0.5, "f4"),
    )
    _, after = apply_pass("uint8-nhwc-io", before)
    # Times 255/255/2: odd bytes land on halves, 1 -> 0.5 -> 0, 3 -> 1.5 -> 2, 5 -> 2.5 -> 2.
    levels = np.array([1, 3, 5], np.uint8).reshape(1, 1, 1, 3)
    halves = levels.astype(np.float32) / np.float32(255) * np.float32(0.5) * np.float32(255)
    assert halves.ravel().tolist() == [0.5, 1.5, 2.5]
    assert run(after, {"images": levels})["restored_1"].ravel().tolist() == [0, 2, 2]
    before.graph.initializer[0].CopyFrom(_scalar("gain", -3.0))
    _, after = apply_pass("uint8-nhwc-io", before)
    assert run(after, {"images": levels})["restored_1"].ravel().tolist() == [0, 0, 0]
    before.graph.initializer[0].CopyFrom(_scalar("gain", 300.0))
    _, after = apply_pass("uint8-nhwc-io", before)
    assert run(after, {"images": levels})["restored_1"].ravel().tolist() == [255, 255, 255]


def _scalar(name, value):
    import onnx

    return onnx.numpy_helper.from_array(np.array(value, np.float32), name)


def test_state_and_action_unit_outputs_are_left_alone():
    before = graph(
        """g (float[batch,3,2,2] image, float[batch,3,2,2] state_in)
            => (float[batch,3,2,2] step_1, float[batch,3,2,2] state_out,
                float[batch,12] probabilities) {
            state_out = Add(image, state_in)
            step_1 = Relu(state_out)
            flat = Flatten(state_out)
            probabilities = MatMul(flat, w)
        }""",
        w=weights(12, 12),
    )
    count, after = apply_pass("uint8-nhwc-io", before)
    assert count == 2
    assert [v.name for v in after.graph.input] == ["images", "state_in"]
    assert [v.name for v in after.graph.output] == ["restored_1", "state_out", "probabilities"]
    images, state = astronaut(2), weights(3, 3, 2, 2)
    expected = run(before, {"image": to_float(images), "state_in": state})
    found = run(after, {"images": images, "state_in": state})
    for name in ("state_out", "probabilities"):
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    "text",
    [
        "g (float[batch,1,4,4] image) => (float[batch,1,4,4] y) { y = Relu(image) }",
        "g (float[batch,3,4,4] picture) => (float[batch,3,4,4] y) { y = Relu(picture) }",
        "g (float[batch,3] image) => (float[batch,3] y) { y = Relu(image) }",
        "g (float[batch,4] x) => (float[batch,4] step_1) { step_1 = Relu(x) }",
    ],
    ids=["one channel", "another name", "no picture", "a step that is no picture"],
)
def test_other_inputs_and_outputs_stay(text):
    before = graph(text)
    count, after = apply_pass("uint8-nhwc-io", before)
    assert count == 0
    assert after.graph.input == before.graph.input
    assert after.graph.output == before.graph.output
