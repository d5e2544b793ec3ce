"""Which tensors of an ONNX graph are worth measuring, and a copy of the graph that shows them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from facedge.errors import InputError

_MATRIX = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "BatchNormalization")
_ACTIVATION = ("Relu", "LeakyRelu", "PRelu", "Clip", "Elu", "Gelu", "Tanh", "Softmax")
_SIGMOID = ("Sigmoid", "HardSigmoid", "HardSwish")
_SPATIAL = ("Concat", "Resize", "MaxPool", "AveragePool", "ReduceMean")
_GLOBAL = ("GlobalAveragePool", "GlobalMaxPool")
_MEASURED = frozenset(_MATRIX + _ELEMENTWISE + _ACTIVATION + _SIGMOID + _SPATIAL + _GLOBAL)
_LAYOUT = ("Transpose", "DepthToSpace", "SpaceToDepth")
_SHAPE = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
_ORDER_ONLY = frozenset(_LAYOUT + _SHAPE)
_FUSED = frozenset(("Relu", "Clip"))


def activation_tensors(model: onnx.ModelProto) -> tuple[str, ...]:
    """Float32 tensors whose ranges a quantiser may ask for, in graph order.

    Inputs and outputs of convolutions, matrix products and the elementwise, concatenation,
    pooling and resizing nodes between them. Left out: constants, and what feeds nothing but a
    Relu or Clip, which every backend fuses into the node before it.
    """
    graph = model.graph
    types = _element_types(model)
    dynamic = _dynamic(graph)
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    fused = {
        node.input[0] for node in graph.node if node.op_type in _FUSED and uses[node.input[0]] == 1
    }
    produced = {name for node in graph.node for name in node.output}
    names: dict[str, None] = {}
    for node in graph.node:
        if node.op_type not in _MEASURED:
            continue
        for name in (*node.input, *node.output):
            wanted = name in dynamic and types.get(name) == TensorProto.FLOAT
            if wanted and not (name in fused and name in produced):
                names[name] = None
    return tuple(names)


def sources_of(model: onnx.ModelProto, tensors: Iterable[str]) -> dict[str, str]:
    """For each tensor the one that holds the same values before reordering ones such as Reshape.

    Raises:
        InputError: a tensor is not in the graph or not float32.
    """
    types = _element_types(model)
    dynamic = _dynamic(model.graph)
    before = {
        node.output[0]: node.input[0] for node in model.graph.node if node.op_type in _ORDER_ONLY
    }
    sources: dict[str, str] = {}
    for name in tensors:
        if name not in dynamic or types.get(name, TensorProto.FLOAT) != TensorProto.FLOAT:
            raise InputError(
                f"tensor {name} cannot be calibrated: it is not a float32 activation of the graph"
            )
        source = name
        while source in before and before[source] in dynamic:
            source = before[source]
        sources[name] = source
    return sources


def with_outputs(model: onnx.ModelProto, tensors: Iterable[str]) -> onnx.ModelProto:
    """A copy of the model whose outputs are these float32 tensors."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in tensors
    )
    return shown


def weights_hash(model: onnx.ModelProto) -> str:
    """Hex SHA-256 over the float weights, whatever their names and order.

    Scalars and repeated tensors do not count, so that exporting fewer outputs of the same
    network changes nothing as long as its weights stay.
    """
    tensors = [*model.graph.initializer]
    for node in model.graph.node:
        if node.op_type == "Constant":
            tensors += [attribute.t for attribute in node.attribute if attribute.name == "value"]
    digests = set()
    for tensor in tensors:
        if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16) and len(tensor.dims):
            head = f"{tensor.data_type}{list(tensor.dims)}".encode()
            digests.add(hashlib.sha256(head + numpy_helper.to_array(tensor).tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _element_types(model: onnx.ModelProto) -> dict[str, int]:
    graph = shape_inference.infer_shapes(model).graph
    return {
        info.name: info.type.tensor_type.elem_type
        for info in (*graph.input, *graph.value_info, *graph.output)
    }


def _dynamic(graph: onnx.GraphProto) -> set[str]:
    """Tensors that depend on the graph's inputs."""
    constants = {tensor.name for tensor in graph.initializer}
    dynamic = {info.name for info in graph.input} - constants
    for node in graph.node:
        if any(name in dynamic for name in node.input):
            dynamic.update(name for name in node.output if name)
    return dynamic
