"""torch module -> ONNX graph: float, every step an output, dynamic batch proven."""

from __future__ import annotations

import ast
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import onnx
import onnx_ir as ir
import onnx_ir.passes.common as ir_passes
import torch
from onnxscript import optimizer
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models.contract import ActionUnits, ModelSpec, SuperResolved

from .graph import BATCH, check, merge_initialisers, run, to_proto

OPSET = 18
_ROOT = "network"
_SCOPES = "pkg.torch.onnx.name_scopes"
_BATCHES = (1, 3)


class _SuperResolution(nn.Module):
    """Gives the exporter plain tensors in and out of a super-resolution network."""

    def __init__(self, network: nn.Module, steps: int, state: bool) -> None:
        super().__init__()
        self.network, self.steps, self.state = network, steps, state

    def forward(self, image: Tensor, state: Tensor | None = None) -> tuple[Tensor, ...]:
        result: SuperResolved = self.network(image, state=state, steps=self.steps)
        return (*result.steps, result.state) if self.state else result.steps


class _ActionUnits(nn.Module):
    """Gives the exporter plain tensors in and out of an action-unit network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        result: ActionUnits = self.network(image)
        return result.probabilities, result.landmarks


def trace(
    spec: ModelSpec, module: nn.Module, *, steps: int | None = None, state: bool = False
) -> onnx.ModelProto:
    """Export a model of the registry to a float ONNX graph, opset 18.

    Inputs: ``image`` float32 [batch, 3, h, w] RGB in [0, 1], and with ``state`` also
    ``state_in`` float32 [batch, C, h', w']. Outputs: ``step_1`` … ``step_K`` float32
    [batch, 3, H, W] unclipped (and ``state_out``), or ``probabilities`` [batch, 12] and
    ``landmarks`` [batch, 49, 2]. Node names begin with the module path, ``core/up/conv/Conv_8``.

    Args:
        spec: row of the registry the module belongs to.
        module: the network with its weights; it is put in eval mode.
        steps: recurrent steps 1..T of the graph; all when None.
        state: make the hidden state an input and an output.

    Raises:
        InputError: ``steps`` is not in 1..T, ``state`` is asked of a model that has none, the
            exporter failed, or it froze a dimension that has to follow the batch.
    """
    count = _check_steps(spec, steps)
    if state and spec.state_shape is None:
        raise InputError(f"{spec.name} has no hidden state; leave the state option out")
    example = torch.rand(2, 3, spec.input_size, spec.input_size)
    inputs: dict[str, Tensor] = {"image": example}
    if spec.task == "action-units":
        wrapper: nn.Module = _ActionUnits(module)
        outputs = ["probabilities", "landmarks"]
    else:
        wrapper = _SuperResolution(module, count, state)
        outputs = [f"step_{k}" for k in range(1, count + 1)]
        if state:
            assert spec.state_shape is not None
            inputs["state_in"] = torch.rand(2, *spec.state_shape)
            outputs.append("state_out")
    model = _export(spec, wrapper.eval(), inputs, outputs)
    _tidy(model)
    _name_after_modules(model)
    ir_passes.ClearMetadataAndDocStringPass()(model)
    model.graph.name = spec.name
    proto = to_proto(model)
    check(proto)
    assert_dynamic_batch(proto)
    return proto


def assert_dynamic_batch(model: onnx.ModelProto) -> None:
    """Prove that a graph takes any batch: by its signature and by running it.

    Every input and output must have the symbolic first dimension ``batch`` and no other symbolic
    dimension, and a picture must give the same result alone and in a batch of three.

    Raises:
        InputError: which tensor has which shape instead.
    """
    initialisers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialisers]
    for value in [*inputs, *model.graph.output]:
        dims = value.type.tensor_type.shape.dim
        shape = [d.dim_param or (d.dim_value if d.HasField("dim_value") else "?") for d in dims]
        if not shape or shape[0] != BATCH or not all(isinstance(size, int) for size in shape[1:]):
            raise InputError(
                f"{value.name} has the shape {shape}; expected [{BATCH!r}, fixed sizes …]: "
                "the network must not compute with the batch size as a number"
            )
    one, many = _BATCHES
    random = np.random.default_rng(0)
    feeds = {}
    for value in inputs:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim[1:]]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        picture = random.random([many, *sizes], dtype=np.float32)
        feeds[value.name] = (picture * 255 if dtype == np.uint8 else picture).astype(dtype)
    try:
        together = run(model, feeds)
        alone = run(model, {name: array[:one] for name, array in feeds.items()})
    except Exception as error:  # ONNX Runtime raises its own classes, which derive from this
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the graph does not run at batches {one} and {many}: {reason}") from error
    for name, whole in together.items():
        single = alone[name]
        # Rounding differs between batch sizes; an edge map may flip a pixel, a batch may not.
        close = np.isclose(whole[:one], single, rtol=1e-3, atol=1e-3)
        if len(whole) != many or len(single) != one or close.mean() < 0.99:
            raise InputError(
                f"{name} of a picture depends on the batch around it: a batch of {many} gives "
                f"{whole.shape}, {one} gives {single.shape}, {close.mean():.0%} of values agree"
            )


def _check_steps(spec: ModelSpec, steps: int | None) -> int:
    if steps is None:
        return spec.steps
    if not 1 <= steps <= spec.steps:
        raise InputError(f"{spec.name} has steps 1 to {spec.steps}; {steps} was asked for")
    return steps


def _export(
    spec: ModelSpec, wrapper: nn.Module, inputs: dict[str, Tensor], outputs: list[str]
) -> ir.Model:
    dynamic = tuple({0: torch.export.Dim(BATCH)} for _ in inputs)
    with _quiet():
        try:
            program = torch.onnx.export(
                wrapper,
                tuple(inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                input_names=list(inputs),
                output_names=outputs,
                dynamic_shapes=dynamic,
                verbose=False,
                # It would match its patterns before unused nodes are gone, which takes minutes
                # on a graph of many branches; _tidy does the same in the other order.
                optimize=False,
            )
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise InputError(f"{spec.name} could not be exported to ONNX: {reason}") from error
    assert program is not None
    model: ir.Model = program.model
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and log lines off the terminal."""
    logger = logging.getLogger("torch")
    children = [
        child
        for name in list(logging.root.manager.loggerDict)
        if name.startswith(("torch", "onnx_ir", "onnxscript"))
        and isinstance(child := logging.getLogger(name), logging.Logger)
    ]
    levels = [(each, each.level) for each in [logger, *children]]
    try:
        for each, _ in levels:
            each.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in levels:
            each.setLevel(level)


def _tidy(model: ir.Model) -> None:
    """Compute shape arithmetic, drop what is unused, and keep one copy of every constant."""
    with _quiet():
        optimizer.fold_constants(model, onnx_shape_inference=True)
        ir_passes.RemoveUnusedNodesPass()(model)
        optimizer.optimize(model, num_iterations=2)
    ir_passes.CommonSubexpressionEliminationPass()(model)
    ir_passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    ir_passes.RemoveUnusedNodesPass()(model)
    ir_passes.RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]
    ir_passes.RemoveUnusedOpsetsPass()(model)
    merge_initialisers(model)


def _name_after_modules(model: ir.Model) -> None:
    """``core.up.conv`` and a Conv at position 8 -> ``core/up/conv/Conv_8``; weights likewise."""
    path = ""
    for index, node in enumerate(model.graph):
        scopes = node.metadata_props.get(_SCOPES)
        if scopes:
            # The last scope is the operator's own name, the first ones are '' and the wrapper.
            path = "/".join(_module_path(ast.literal_eval(scopes)))
        # A node the exporter's optimiser made has no scopes: it stays with its neighbour.
        node.name = f"{path}/{node.op_type}_{index}" if path else f"{node.op_type}_{index}"
    for value in list(model.graph.initializers.values()):
        assert value.name is not None
        if value.name.startswith(f"{_ROOT}."):
            value.name = value.name.removeprefix(f"{_ROOT}.")


def _module_path(scopes: list[str]) -> list[str]:
    modules = scopes[:-1]
    deepest = modules[-1] if modules else ""
    parts = deepest.split(".") if deepest else []
    return parts[1:] if parts[:1] == [_ROOT] else parts
