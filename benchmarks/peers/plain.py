"""The network as a user has it: plain tensors in and out, and its plain ONNX export."""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import redirect_stderr, redirect_stdout

import torch
from torch import Tensor, nn

from facedge.models.contract import ActionUnits, ModelSpec

OPSET = 18


class PlainNetwork(nn.Module):
    """The result a user wants: the last picture, or probabilities and landmarks."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """float32 [N, 3, h, w] in [0, 1] -> the outputs of ``contract.Run``."""
        result = self.network(image)
        if isinstance(result, ActionUnits):
            return result.probabilities, result.landmarks
        last: Tensor = result.steps[-1]
        return (last,)


def plain_export(spec: ModelSpec, network: PlainNetwork) -> bytes:
    """``torch.onnx.export`` as its documentation shows it: no rewriting, float in and out.

    Returns:
        ONNX, opset 18, first dimension dynamic.
    """
    image = torch.rand(2, 3, spec.input_size, spec.input_size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (image,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model
