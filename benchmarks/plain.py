"""What one would do without facedge: torch eager, and a plain export played by ONNX Runtime."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from facedge.models import registry, weights
from facedge.models.contract import ActionUnits, ModelSpec


class _Plain(nn.Module):
    """The result a user wants: the last picture, or probabilities and landmarks."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        result = self.network(image)
        if isinstance(result, ActionUnits):
            return result.probabilities, result.landmarks
        last: Tensor = result.steps[-1]
        return last


def _network(model: str) -> tuple[ModelSpec, nn.Module]:
    spec = registry.get(model)
    return spec, _Plain(weights.load(spec).module).eval()


def eager(model: str, threads: int) -> Callable[[], object]:
    """One face through the torch module, FP32, under ``inference_mode``."""
    spec, network = _network(model)
    image = torch.rand(1, 3, spec.input_size, spec.input_size)

    def call() -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return network(image)

    return call


def plain_export(model: str, threads: int) -> Callable[[], object]:
    """One face through ``torch.onnx.export`` of the module, FP32, float in and out."""
    spec, network = _network(model)
    image = torch.rand(2, 3, spec.input_size, spec.input_size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (image,),
            dynamo=True,
            opset_version=18,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    assert program is not None
    model = program.model_proto.SerializeToString()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.ascontiguousarray(image[:1].numpy())}
    return lambda: session.run(None, feed)
