"""Parameters and multiply-accumulates of the models, as they are built (before any rewrite).

Counted by ``torch.utils.flop_counter`` at batch 1 on the meta device: convolutions, transposed
convolutions (by their input grid) and matrix products; additions, activations and resizing do
not count. ``facedge.export.graph.graph_cost`` counts ONNX graphs by the same rule.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from .contract import ModelSpec
from .registry import SPECS


class Cost(NamedTuple):
    """What a model costs.

    Attributes:
        parameters: trainable numbers.
        macs: multiply-accumulates at batch 1.
    """

    parameters: int
    macs: int


def module_cost(spec: ModelSpec, steps: int | None = None) -> Cost:
    """Cost of a model.

    Args:
        spec: row of the registry.
        steps: recurrent steps to count the operations of; all when None.
    """
    with torch.device("meta"):
        module = spec.build().eval()
        image = torch.empty(1, 3, spec.input_size, spec.input_size)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        if spec.task == "super-resolution":
            module(image, steps=steps)
        else:
            module(image)
    return Cost(sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2)


def table() -> str:
    """Markdown table of every model's size, steps, parameters and GMACs."""
    lines = [
        "| model | system | input | output | steps | parameters | GMACs |",
        "|---|---|---|---|---|---|---|",
    ]
    for spec in SPECS.values():
        cost = module_cost(spec)
        output = f"{spec.output_size}x{spec.output_size}" if spec.output_size else "12 AUs"
        lines.append(
            f"| `{spec.name}` | {spec.system} | {spec.input_size}x{spec.input_size} | {output} "
            f"| {spec.steps} | {cost.parameters:,} | {cost.macs / 1e9:.3f} |"
        )
    return "\n".join(lines)
