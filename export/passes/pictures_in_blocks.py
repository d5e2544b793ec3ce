"""What is computed on a picture behind DepthToSpace, computed on its blocks before it.

A picture has three channels, its blocks of b x b pixels have 3 b b: kernels that fill vectors with
channels leave most lanes empty behind DepthToSpace and none before it. Additions, element-wise
operations and convolutions whose stride is their kernel, such as the luma of pixels or of squares
of pixels, do the same on blocks, so that only what somebody sees is ever spread out.
"""

from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir

from .blocks import Blocks, convolved, pack, spread
from .convolution import Convolution, convolution
from .edit import Attribute, Insertion, constant, ints, nodes, producer, sizes
from .enlarge_in_blocks import enlarged
from .shuffle_by_pixels import ACTIVATIONS, sort

_LANES = 16
_UNARY = ("Clip", "Mul", "Round", "Cast")


def apply(model: ir.Model) -> int:
    """Move work on pictures of fewer than 16 channels in front of their DepthToSpace.

    Returns:
        How many operations were moved.
    """
    return _Mover(model, channels_last=False).move()


def apply_last(model: ir.Model) -> int:
    """The same on blocks whose channels are last; the convolution's channels are sorted for it."""
    return _Mover(model, channels_last=True).move()


class _Mover:
    def __init__(self, model: ir.Model, channels_last: bool) -> None:
        self.model, self.channels_last = model, channels_last
        self.known: dict[ir.Value, Blocks] = {}
        self.packed: dict[tuple[ir.Value, int, bool], ir.Value] = {}

    def move(self) -> int:
        moved: dict[ir.Node, None] = {}  # in order
        for node in nodes(self.model, "Add", "Conv", "Transpose", *_UNARY):
            blocks = self._moved(node)
            if blocks is not None:
                self.known[node.outputs[0]] = blocks
                moved[node] = None
        for node in moved:
            output = node.outputs[0]
            if output.is_graph_output() or {use.node for use in output.uses()} - moved.keys():
                edit = Insertion(self.model, node)
                edit.replace(output, spread(edit, self.known[output], self.channels_last))
        return sum(node.op_type != "Transpose" for node in moved)

    def _moved(self, node: ir.Node) -> Blocks | None:
        """The blocks of what a node computes, computed from the blocks of what it reads."""
        if node.op_type == "Add":
            return self._added(node, 0, 1) or self._added(node, 1, 0)
        if node.op_type == "Conv":
            return self._convolved(node)
        if node.op_type == "Transpose":
            return self._transposed(node)
        if not all(_single(value) for value in node.inputs[1:]):
            return None
        # Kernels that move values know bytes and floats.
        if node.op_type == "Cast" and node.attributes.get_int("to", 0) != ir.DataType.UINT8:
            return None
        of = self._blocks(node.inputs[0])
        if of is None:
            return None
        edit = Insertion(self.model, node)
        attributes: dict[str, Attribute] = {n: a.value for n, a in node.attributes.items()}
        inputs = [of.packed, *node.inputs[1:]]
        return replace(of, packed=edit.op(node.op_type, inputs, **attributes))

    def _transposed(self, node: ir.Node) -> Blocks | None:
        """To channels last, of what was moved; alone it is no work."""
        source = node.inputs[0]
        of = None if source is None else self.known.get(source)
        if of is None or of.last or ints(node, "perm", ()) != (0, 2, 3, 1):
            return None
        return None if producer(source, "DepthToSpace") else replace(of, last=True)

    def _block_of(self, value: ir.Value | None) -> int:
        """The side of the blocks that a picture has or would have; 1 where it has none."""
        if value is not None and value in self.known:
            return self.known[value].block
        shuffle = producer(value, "DepthToSpace")
        return 1 if shuffle is None else shuffle.attributes.get_int("blocksize", 1)

    def _blocks(self, value: ir.Value | None) -> Blocks | None:
        """The blocks of a picture that DepthToSpace, or a moved operation, makes."""
        if value is None or value in self.known:
            return None if value is None else self.known[value]
        node, shape = producer(value, "DepthToSpace"), sizes(value)
        if node is None or shape is None or None in shape[1:] or (shape[1] or _LANES) >= _LANES:
            return None
        if value.dtype != ir.DataType.FLOAT or self._replaced(node.inputs[0]):
            return None
        _, channels, height, width = (size or 0 for size in shape)
        block = node.attributes.get_int("blocksize", 1)
        crd = node.attributes.get_string("mode", "DCR") == "CRD"
        source = node.inputs[0]
        if self.channels_last:
            if crd and not sort(self.model, node, block):
                return None
            node.attributes["mode"] = ir.AttrString("mode", "DCR")
            crd = False
            source = Insertion(self.model, node).op("Transpose", [source], perm=[0, 2, 3, 1])
        assert source is not None
        found = Blocks(source, block, channels, height // block, width // block, crd)
        self.known[value] = found
        return found

    def _replaced(self, value: ir.Value | None) -> bool:
        """Whether a value, or what its activations activate, is computed elsewhere by now."""
        while value is not None and value not in self.known:
            before = producer(value, *ACTIVATIONS)
            value = None if before is None else before.inputs[0]
        return value is not None

    def _added(self, node: ir.Node, here: int, there: int) -> Blocks | None:
        other = node.inputs[there]
        if other is None or other.producer() is None or sizes(other) != sizes(node.inputs[here]):
            return None
        of = self._blocks(node.inputs[here])
        if of is None or of.last:
            return None
        edit = Insertion(self.model, node)
        key = other, of.block, of.crd
        if key not in self.packed:
            self.packed[key] = self._packed(edit, other, of)
        return replace(of, packed=edit.op("Add", [of.packed, self.packed[key]]))

    def _packed(self, edit: Insertion, picture: ir.Value, like: Blocks) -> ir.Value:
        resize = producer(picture, "Resize")
        found = None if resize is None else enlarged(edit, resize, like, self.channels_last)
        return pack(edit, picture, like, self.channels_last) if found is None else found

    def _convolved(self, node: ir.Node) -> Blocks | None:
        layer = convolution(node)
        if layer is None or not _apart(layer):
            return None
        if self._block_of(node.inputs[0]) % layer.weight.shape[2]:
            return None
        of = self._blocks(node.inputs[0])
        if of is None or of.last:
            return None
        stem = node.inputs[1].name or "weight"  # type: ignore[union-attr]
        edit = Insertion(self.model, node)
        bias = layer.bias if layer.has_bias else None
        return convolved(edit, of, layer.weight, bias, stem, self.channels_last)


def _single(value: ir.Value | None) -> bool:
    array = constant(value)
    return value is None or (array is not None and array.size == 1 and array.ndim <= 4)


def _apart(layer: Convolution) -> bool:
    """Whether a convolution to fewer than 16 channels reads squares of pixels that do not meet."""
    outputs, _, *kernel = layer.weight.shape
    square = kernel[0] == kernel[1] and layer.strides == tuple(kernel)
    return outputs < _LANES and square and not any(layer.pads)
