"""Hand-written graphs of pictures behind DepthToSpace, for the tests of work on their blocks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from small_graphs import apply_pass, graph, weights

from facedge.export.graph import check, infer_shapes, to_ir
from facedge.export.passes import rewrite

BLOCKS, PIXELS = "pictures-in-blocks", "pictures-in-pixels"
MOVEMENT = {"DepthToSpace", "SpaceToDepth", "Reshape", "Transpose"}
BEHIND = """g (float[batch,7,{rows},{columns}] x{inputs}) => ({outputs}) {{
    c = Conv(x, w, b)
    d = DepthToSpace<blocksize={block}, mode="{mode}">(c)
    {text}
}}"""
PICTURE = "float[batch,3,12,8]"
LEVELS = {
    "zero": np.array(0, np.float32), "one": np.array(1, np.float32),
    "peak": np.array([255], np.float32),
}  # fmt: skip

layouts = pytest.mark.parametrize("name", [BLOCKS, PIXELS])
modes = pytest.mark.parametrize("mode", ["CRD", "DCR"])


def picking(outputs: int, inputs: int = 7) -> NDArray[np.float32]:
    """One input times a power of two for each output: the same in whatever order it is summed."""
    weight = np.zeros((outputs, inputs, 1, 1), np.float32)
    every = np.arange(outputs)
    weight[every, every % inputs] = 2.0 ** (every % 3)[:, None, None]
    return weight


def behind(
    text: str, mode: str = "CRD", outputs: str = f"{PICTURE} y", inputs: str = f", {PICTURE} p",
    block: int = 4, channels: int = 3, rows: int | str = 3, columns: int | str = 2,
    **tensors: NDArray[np.generic],
) -> onnx.ModelProto:  # fmt: skip
    """A picture of 3 x 2 blocks of 4 x 4 pixels, and what is done with it."""
    written = BEHIND.format(
        text=text, mode=mode, outputs=outputs, inputs=inputs, block=block, rows=rows,
        columns=columns,
    )  # fmt: skip
    several = channels * block * block
    return graph(written, 18, **{"w": picking(several), "b": weights(several)} | tensors)


def made(model: onnx.ModelProto) -> Counter[tuple[str, tuple[object, ...]]]:
    """Operators and the sizes of what they make, the batch and mere movement left out."""
    return Counter(
        (node.op_type, tuple(node.outputs[0].shape or ())[1:])
        for node in infer_shapes(to_ir(model)).graph
        if node.op_type not in MOVEMENT
    )


def laid(name: str, channels: int) -> tuple[int, int, int]:
    """Sizes of 3 x 2 blocks."""
    return (channels, 3, 2) if name == BLOCKS else (3, 2, channels)


def unread(model: onnx.ModelProto) -> list[str]:
    """Operators whose result nothing reads."""
    read = {value for node in model.graph.node for value in node.input}
    read |= {value.name for value in model.graph.output}
    return [node.op_type for node in model.graph.node if not read & set(node.output)]


def assert_finished(name: str, before: onnx.ModelProto) -> None:
    """A rewritten graph has no leftovers and is not rewritten again."""
    once = rewrite(before, [name]).model
    check(once)
    assert not unread(once)
    assert apply_pass(name, once)[0] == 0
    assert rewrite(once, [name]).model.graph.node == once.graph.node
