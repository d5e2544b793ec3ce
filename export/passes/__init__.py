"""Rewrites of an ONNX graph that keep its function: a registry read from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as ir_passes

from facedge.errors import InputError
from facedge.runtime.manifest import EVERY_DIALECT, Dialect, PassRow

from ..graph import GraphCost, graph_cost, infer_shapes, merge_initialisers, to_ir, to_proto
from . import (
    attention,
    branches,
    common_subexpressions,
    dead_code,
    deconv_to_conv,
    dilate_in_strips,
    few_channels_to_matmul,
    fold_batch_norm,
    fold_constants,
    fold_conv_conv,
    fold_linear_linear,
    patches,
    pictures_in_blocks,
    prelu_to_leaky_relu,
    resize_to_matmul,
    round_to_levels,
    separable_to_matmul,
    shuffle_by_pixels,
    simplify,
    split_concat_conv,
    two_logit_softmax,
    uint8_nhwc_io,
    where_to_arithmetic,
)

_OLDEST_OPSET = 18
_MOST_ROUNDS = 6


@dataclass(frozen=True)
class Pass:
    """One rewrite.

    Attributes:
        name: command-line name.
        summary: one sentence for ``facedge passes``.
        apply: edits the model in place and returns how many places it changed.
        dialects: for whose kernels it is.
    """

    name: str
    summary: str
    apply: Callable[[ir.Model], int]
    dialects: tuple[Dialect, ...] = EVERY_DIALECT


@dataclass(frozen=True)
class Rewritten:
    """A rewritten model and the size of the graph before and after each pass that ran.

    Attributes:
        model: valid ONNX, batch still symbolic, same function as the input.
        rows: one row per pass in order; later rounds add rows only where something changed.
    """

    model: onnx.ModelProto
    rows: tuple[PassRow, ...]


PASSES: tuple[Pass, ...] = (
    Pass("dead-code", "remove what reaches no output", dead_code.apply),
    Pass("fold-constants", "compute what does not depend on the input", fold_constants.apply),
    Pass("simplify", "drop no-ops, merge slices, padding into conv", simplify.apply),
    Pass("fold-batch-norm", "batch norm into the layer before it", fold_batch_norm.apply),
    Pass("group-branches", "parallel branches to grouped convolutions", branches.apply),
    Pass("group-patches", "patch-wise convolutions to grouped ones", patches.apply),
    Pass("vectorise-attention", "all attention maps in one broadcast", attention.apply),
    Pass("prelu-to-leaky-relu", "one-slope PReLU to LeakyReLU", prelu_to_leaky_relu.apply),
    Pass("deconv-to-conv", "strided deconv to conv + depth-to-space", deconv_to_conv.apply),
    Pass("fold-linear-linear", "two linear layers to one", fold_linear_linear.apply),
    Pass("two-logit-softmax", "softmax over two logits to sigmoid", two_logit_softmax.apply),
    Pass("split-concat-conv", "conv of concat: zero and shared parts", split_concat_conv.apply),
    Pass("uint8-nhwc-io", "uint8 NHWC pictures in and out", uint8_nhwc_io.apply),
    Pass("common-subexpressions", "compute equal things once", common_subexpressions.apply),
)
"""Every pass for all dialects, in the order of application."""

_CPU: tuple[Dialect, ...] = ("portable", "openvino")
_ORT: tuple[Dialect, ...] = ("portable",)
_OPENVINO: tuple[Dialect, ...] = ("openvino",)

CPU_PASSES: tuple[Pass, ...] = (
    Pass("pictures-in-blocks", "work before depth-to-space", pictures_in_blocks.apply, _OPENVINO),
    Pass("pictures-in-pixels", "the same, channels last", pictures_in_blocks.apply_last, _ORT),
    Pass("round-to-levels", "a picture to bytes at once", round_to_levels.apply, _CPU),
    Pass("fold-conv-conv", "two convolutions to one", fold_conv_conv.apply, _CPU),
    Pass("few-channels-to-matmul", "1x1 conv of few channels", few_channels_to_matmul.apply, _ORT),
    Pass("resize-to-matmul", "interpolation by fixed matrices", resize_to_matmul.apply, _CPU),
    Pass("separable-to-matmul", "smoothing of one channel", separable_to_matmul.apply, _CPU),
    Pass("where-to-arithmetic", "choice between floats", where_to_arithmetic.apply, _CPU),
    Pass("shuffle-by-pixels", "whole pixels moved", shuffle_by_pixels.apply, _ORT),
    Pass("dilate-in-strips", "hysteresis on 16 strips", dilate_in_strips.apply, _OPENVINO),
)
"""What only kernels of CPUs profit from, behind the others."""


def rewrite(model: onnx.ModelProto, names: Sequence[str] | None = None) -> Rewritten:
    """Apply passes in the registry's order, again and again until none finds a place.

    The function of the graph stays the same to float rounding; whether it did is for the caller
    to verify. Any float ONNX graph may be given, older opsets are raised to 18.

    Args:
        model: the graph; it is not changed.
        names: passes to apply, in any order; all of ``PASSES`` when None.

    Raises:
        InputError: a name is not in the registry, or the graph cannot be read or sized.
    """
    chosen = _chosen(names)
    edited = _prepared(model)
    cost = graph_cost(edited)
    rows: list[PassRow] = []
    for round_number in range(_MOST_ROUNDS):
        changes = 0
        for each in chosen:
            changed = each.apply(edited)
            before, changes = cost, changes + changed
            if changed:
                _clean(edited)
                cost = graph_cost(edited)
            if changed or round_number == 0:
                rows.append(_row(each.name, before, cost))
        if not changes:
            break
    return Rewritten(to_proto(edited), tuple(rows))


def _chosen(names: Sequence[str] | None) -> tuple[Pass, ...]:
    known = {each.name for each in PASSES + CPU_PASSES}
    unknown = sorted(set(names or ()) - known)
    if unknown:
        raise InputError(
            f"no pass is called {', '.join(unknown)}; "
            f"the passes are {', '.join(p.name for p in PASSES + CPU_PASSES)}"
        )
    if names is None:
        return PASSES
    return tuple(each for each in PASSES + CPU_PASSES if each.name in names)


def _prepared(model: onnx.ModelProto) -> ir.Model:
    """A copy in the form that passes expect: named nodes, constants as initialisers, shapes."""
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    try:
        if opset < _OLDEST_OPSET:
            model = onnx.version_converter.convert_version(model, _OLDEST_OPSET)
        edited = to_ir(model)
        ir_passes.InlinePass()(edited)
    except Exception as error:  # the converter raises RuntimeError and its own classes
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise InputError(
            f"the ONNX graph cannot be read at opset {_OLDEST_OPSET}: {reason}"
        ) from error
    ir_passes.RemoveInitializersFromInputsPass()(edited)
    ir_passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(edited)
    ir_passes.NameFixPass()(edited)
    return infer_shapes(edited)


def _clean(edited: ir.Model) -> None:
    """After a pass: no leftovers, one copy of equal weights, shapes of the new values."""
    ir_passes.RemoveUnusedNodesPass()(edited)
    merge_initialisers(edited)
    infer_shapes(edited)


def _row(name: str, before: GraphCost, after: GraphCost) -> PassRow:
    return PassRow(
        name=name,
        nodes_before=before.nodes,
        nodes_after=after.nodes,
        parameters_before=before.parameters,
        parameters_after=after.parameters,
        macs_before=before.macs,
        macs_after=after.macs,
    )
