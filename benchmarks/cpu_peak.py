"""What this processor reaches, measured here and now: matrix products and a copy."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from facedge.runtime.backends.onnxruntime import create_session
from facedge.runtime.machine import identity, usable_cpus

from .devices import Device
from .environment import BUSY, read_load
from .sysfs import Files

SIDE = 768
"""Of the square matrices: large enough for threads, small enough that a call may be undisturbed."""

COPY_BYTES = 1 << 28
SECONDS = 5.0
"""Each is repeated for so long: on a machine that others use too, some calls are undisturbed."""


def this_cpu(threads: int) -> Device:
    """Rates that libraries reach on this machine; the best of several products each.

    They are reached, not theoretical, so a bound made of them holds for what computes no better.

    Raises:
        BackendError: torch is missing.
    """
    fp32 = _float_products(threads)
    int8, how = _integer_products(threads)
    return Device(
        f"this CPU: {identity()}",
        "portable",
        {"fp32": fp32, "fp16": fp32, "int8": int8},
        _copies(threads),
        f"measured here with {threads} threads{_busy()}: the fastest product of {SIDE} x {SIDE} "
        f"matrices within {SECONDS:g} s (FP32 torch; INT8 {how}), the fastest copy of "
        f"{COPY_BYTES >> 20} MiB. FP16 graphs are computed in FP32",
    )


def _busy() -> str:
    load = read_load(Files())
    if load is None or load < BUSY * usable_cpus():
        return ""
    return f", at a load average of {load:.1f} on {usable_cpus()} CPUs, which makes them too low"


def _float_products(threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    return _tera(lambda: torch.mm(a, b))


def _integer_products(threads: int) -> tuple[float, str]:
    """The best rate, and of what."""
    import torch

    random = np.random.default_rng(0)
    a = random.integers(0, 255, (SIDE, SIDE), np.uint8)
    b = random.integers(-127, 127, (SIDE, SIDE), np.int8)
    session = create_session(_matmul_integer(b), threads)
    rate = _tera(lambda: session.run(None, {"a": a}))
    torch.set_num_threads(threads)
    left, right = torch.from_numpy((a >> 1).astype(np.int8)), torch.from_numpy(b)
    try:
        rate = max(rate, _tera(lambda: torch._int_mm(left, right)))
    except (RuntimeError, NotImplementedError):  # not every build of torch has it
        return rate, "ONNX Runtime's MatMulInteger; this torch has no integer product"
    return rate, "the faster of ONNX Runtime's MatMulInteger and torch"


def _matmul_integer(b: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [SIDE, SIDE])],
        [helper.make_tensor_value_info("c", TensorProto.INT32, [SIDE, SIDE])],
        [numpy_helper.from_array(b, "b")],
    )
    opset = [helper.make_opsetid("", 18)]
    model: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    return model


def _copies(threads: int) -> float:
    """GB/s read and written together."""
    import torch

    torch.set_num_threads(threads)
    source = torch.ones(COPY_BYTES, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _fastest(lambda: target.copy_(source)) / 1e9


def _tera(product: Callable[[], object]) -> float:
    return 2 * SIDE**3 / _fastest(product) / 1e12


def _fastest(call: Callable[[], object]) -> float:
    """Seconds of the fastest call: a rate to bound others by is the best one seen."""
    call()
    best, end = float("inf"), time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        call()
        best = min(best, time.perf_counter() - start)
    return best
