"""From torch to a rewritten float graph, each stage held against torch on real pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx

from facedge.calibration.samples import samples
from facedge.calibration.sources import open_source
from facedge.models.contract import ModelSpec
from facedge.models.weights import LoadedModel
from facedge.progress import Stages
from facedge.runtime.manifest import Gate, PassRow

from .gates import enforce
from .graph import GraphCost, graph_cost
from .options import BuildOptions
from .passes import PASSES, rewrite
from .reference import GateSet, foreign_state, gate_set, torch_outputs
from .trace import trace
from .verify import io_gates, rewrite_gates, trace_gates

IO_PASS = "uint8-nhwc-io"
GATE_BUDGET = 80e9
"""Multiply-accumulates spent on one pass over the gate pictures: seconds on two cores."""


@dataclass(frozen=True)
class Prepared:
    """A traced, rewritten and checked float model.

    Attributes:
        traced: as exported, float in and out.
        rewritten: after all passes, uint8 NHWC in and out.
        rows: size before and after every pass.
        gates: agreement of both with torch.
        pictures: the gate pictures.
    """

    traced: onnx.ModelProto
    rewritten: onnx.ModelProto
    rows: tuple[PassRow, ...]
    gates: tuple[Gate, ...]
    pictures: GateSet


def prepare(
    spec: ModelSpec, loaded: LoadedModel, options: BuildOptions, steps: int, stages: Stages
) -> Prepared:
    """Trace, rewrite, and hold both graphs against torch on real pictures."""
    with stages.stage("Tracing torch to ONNX") as stage:
        traced = trace(spec, loaded.module, steps=options.steps, state=options.state)
        cost = graph_cost(traced)
        stage.note = _size(cost)
    with stages.stage("Choosing pictures for the gates"):
        count = options.gate_images or int(min(64, max(8, GATE_BUDGET / max(cost.macs, 1))))
        pictures = gate_set(samples(open_source(options.calibration, limit=4 * count), spec), count)
        if options.state:
            pictures = replace(
                pictures, state=foreign_state(spec, loaded.module, pictures.images, steps)
            )
    depth = 0 if spec.task == "action-units" else steps
    with stages.stage("Checking the trace against torch"):
        expected = torch_outputs(loaded.module, pictures.images, depth, pictures.state)
        gates = trace_gates(traced, expected, pictures, options.limits, options.threads)
        enforce(gates)
    with stages.stage("Rewriting the graph") as stage:
        floats = rewrite(traced, [p.name for p in PASSES if p.name != IO_PASS])
        gates += rewrite_gates(floats.model, expected, pictures, options.limits, options.threads)
        enforce(gates)
        final = rewrite(floats.model, [IO_PASS])
        gates += io_gates(final.model, expected, pictures, options.limits, options.threads)
        enforce(gates)
        after = graph_cost(final.model)
        stage.note = f"before: {_size(cost)}; after: {_size(after)}"
    return Prepared(traced, final.model, floats.rows + final.rows, tuple(gates), pictures)


def _size(cost: GraphCost) -> str:
    return (
        f"{cost.nodes} nodes, {cost.parameters / 1e6:.2f} M parameters, {cost.macs / 1e9:.2f} GMACs"
    )
