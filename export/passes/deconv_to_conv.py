"""Strided ConvTranspose = convolution with s*s times the channels, then depth-to-space.

With stride s, kernel k and padding p, output row o = s q + r of a transposed convolution is
y[o] = sum_i x[i] w[o + p - s i]. The s phases r are s ordinary convolutions over q. Starting the
phases at a multiple of s (the largest one up to p) gives all of them the same ceil(k / s) taps;
the p mod s rows too many are cut off again. Where p is no multiple of s, one tap more per axis
avoids the cut: whichever form multiplies less is built (W. Shi et al., arXiv 1609.07009).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion, constant, ints, nodes, sizes

_TO_THE_END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class _Axis:
    """How one axis of the transposed convolution becomes an axis of the convolution.

    Attributes:
        taps: size of the convolution's kernel.
        pads: its zero padding, before and after.
        phase: for each (tap, phase r), the position in the deconvolution's kernel, or -1 for 0.
        crop: output rows to cut off, before and after.
    """

    taps: int
    pads: tuple[int, int]
    phase: tuple[tuple[int, ...], ...]
    crop: tuple[int, int]


def apply(model: ir.Model) -> int:
    """Replace every two-dimensional ConvTranspose with constant weights and equal strides.

    Returns:
        How many were replaced. Dilated ones, and ones with more padding than kernel, stay.
    """
    count = 0
    for node in nodes(model, "ConvTranspose"):
        weight = constant(node.inputs[1])
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if weight is None or weight.ndim != 4 or (bias is not None and constant(bias) is None):
            continue
        axes = _axes(node, weight)
        if axes is None:
            continue
        _replace(model, node, weight, bias, axes)
        count += 1
    return count


def _axes(node: ir.Node, weight: Array) -> tuple[_Axis, _Axis] | None:
    strides = ints(node, "strides", (1, 1))
    if strides[0] != strides[1] or any(d != 1 for d in ints(node, "dilations", (1, 1))):
        return None
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return None
    if "output_shape" in node.attributes:
        return None
    pads = ints(node, "pads", (0, 0, 0, 0))
    extra = ints(node, "output_padding", (0, 0))
    shape = sizes(node.inputs[0])
    if shape is None:
        return None
    found = [
        _best(weight.shape[2 + a], strides[a], pads[a], pads[2 + a], extra[a], shape[2 + a])
        for a in (0, 1)
    ]
    first, second = found
    return None if first is None or second is None else (first, second)


def _best(
    kernel: int, stride: int, before: int, after: int, extra: int, size: int | None
) -> _Axis | None:
    forms = {
        begin: _axis(kernel, stride, before, after, extra, begin)
        for begin in (before - before % stride, before)
    }
    built = [form for form in forms.values() if form is not None]
    rows = 16 if size is None else size

    def work(form: _Axis) -> int:
        return form.taps * (rows + sum(form.pads) - form.taps + 1)

    return min(built, key=work, default=None)


def _axis(
    kernel: int, stride: int, before: int, after: int, extra: int, begin: int
) -> _Axis | None:
    """The convolution whose output row 0 is row ``begin`` of the unpadded transposed one."""
    crop_before = before - begin
    starts = [divmod(r + begin, stride) for r in range(stride)]
    taps_of = [len(range(rest, kernel, stride)) for _, rest in starts]
    lowest = min(whole - taps + 1 for (whole, _), taps in zip(starts, taps_of, strict=True))
    highest = max(whole for whole, _ in starts)
    # Of h input rows, (h - 1) s + length rows come out, and h + grow blocks of s hold them.
    length = kernel - before - after + extra + crop_before
    grow = -((stride - length) // stride)
    pads = (-lowest, highest + grow)
    if min(pads) < 0:
        return None
    crop_after = stride * grow + stride - length
    phase = tuple(
        tuple(
            rest + stride * (whole - offset)
            if 0 <= rest + stride * (whole - offset) < kernel
            else -1
            for whole, rest in starts
        )
        for offset in range(lowest, highest + 1)
    )
    return _Axis(highest - lowest + 1, pads, phase, (crop_before, crop_after))


def _replace(
    model: ir.Model,
    node: ir.Node,
    weight: Array,
    bias: ir.Value | None,
    axes: tuple[_Axis, _Axis],
) -> None:
    stride = ints(node, "strides", (1, 1))[0]
    groups = node.attributes.get_int("group", 1)
    rows, columns = axes
    inputs, outputs = weight.shape[0] // groups, weight.shape[1]
    # [groups, in, out, k, k] -> [groups, out, r_y, r_x, in, taps, taps]
    source = weight.reshape(groups, inputs, outputs, *weight.shape[2:])
    kernel = np.zeros(
        (groups, outputs, stride, stride, inputs, rows.taps, columns.taps), weight.dtype
    )
    for (y, x), ry, rx in product(
        np.ndindex(rows.taps, columns.taps), range(stride), range(stride)
    ):
        from_y, from_x = rows.phase[y][ry], columns.phase[x][rx]
        if from_y >= 0 and from_x >= 0:
            kernel[:, :, ry, rx, :, y, x] = source[:, :, :, from_y, from_x].swapaxes(1, 2)
    kernel = kernel.reshape(groups * outputs * stride * stride, inputs, rows.taps, columns.taps)

    edit = Insertion(model, node)
    matrix = node.inputs[1]
    assert matrix is not None
    parameters: list[ir.Value | None] = [edit.constant(kernel, f"{matrix.name}_conv")]
    if bias is not None:
        shift = constant(bias)
        assert shift is not None
        parameters.append(edit.constant(shift.repeat(stride * stride), f"{bias.name}_conv"))
    value = edit.op(
        "Conv",
        [node.inputs[0], *parameters],
        kernel_shape=[rows.taps, columns.taps],
        strides=[1, 1],
        pads=[rows.pads[0], columns.pads[0], rows.pads[1], columns.pads[1]],
        dilations=[1, 1],
        group=groups,
    )
    if stride > 1:
        value = edit.op("DepthToSpace", [value], blocksize=stride, mode="CRD")
    if any((*rows.crop, *columns.crop)):
        starts = [rows.crop[0], columns.crop[0]]
        ends = [-axis.crop[1] if axis.crop[1] else _TO_THE_END for axis in axes]
        value = edit.op(
            "Slice",
            [
                value,
                *(
                    edit.constant(np.array(each, np.int64), f"{matrix.name}_{what}")
                    for what, each in (("starts", starts), ("ends", ends), ("axes", [2, 3]))
                ),
            ],
        )
    edit.replace(node.outputs[0], value)
