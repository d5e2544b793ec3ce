"""TensorRT 10.3 to 11.4 and TensorRT for RTX: plays plans, one execution context per batch size.

Rules of the field that the code below follows: never the default stream; tensor addresses on
256 bytes; after a shape is set, one enqueue outside of capture before a CUDA graph is recorded;
a recorded graph belongs to one context and one set of addresses.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from facedge.errors import BackendError, BundleError

from ..bundle import Bundle
from ..cuda.base import Bytes, Cuda
from ..cuda.driver import open_cuda
from ..manifest import Artifact, TensorSpec
from . import nvinfer
from .base import ALIGNMENT, Array, Availability, Options, check_batch, sized
from .plan import PlanMismatch, check_plan, rebuild_command

_log = logging.getLogger("facedge.tensorrt")


class TensorRt:
    """Backend ``tensorrt`` or ``tensorrt-rtx``.

    Args:
        name: which of the two.
        cuda: opens the CUDA library.
    """

    def __init__(self, name: str, cuda: Callable[[], Cuda] = open_cuda) -> None:
        self.name, self._cuda = name, cuda

    def available(self) -> Availability:
        """Needs the TensorRT module, a CUDA library, a driver and a device."""
        try:
            version = str(nvinfer.module(self.name).__version__)
            self._cuda()
        except BackendError as error:
            return Availability(None, str(error))
        return Availability(version)

    def open(self, bundle: Bundle, artifact: Artifact, options: Options) -> TensorRtSession:
        """Check the plan, then deserialise it; errors as ``Backend.open``."""
        if options.device == "cpu":
            raise BackendError(f"{self.name} needs a CUDA device and device 'cpu' was asked for")
        trt = nvinfer.module(self.name)
        return TensorRtSession(trt, self._cuda(), bundle, artifact)


class TensorRtSession:
    """A deserialised engine and its stream."""

    def __init__(self, trt: ModuleType, cuda: Cuda, bundle: Bundle, artifact: Artifact) -> None:
        check_plan(bundle, artifact, str(trt.__version__), cuda.capability())
        self._cuda, self._artifact, self._manifest = cuda, artifact, bundle.manifest
        self._trt, self._log = trt, nvinfer.logger(trt)
        self._log.clear()
        self._runtime = trt.Runtime(self._log)
        if artifact.version.endswith("+"):
            # A version-compatible plan carries its own runtime library, which is host code;
            # bundle.read has compared the plan with its hash.
            self._runtime.engine_host_code_allowed = True
        self._engine = self._runtime.deserialize_cuda_engine(bundle.read(artifact.path))
        if self._engine is None:
            raise PlanMismatch(
                f"{bundle.path / artifact.path} does not load ({self._log.last_errors()}); "
                f"build it here with: {rebuild_command(bundle, artifact.backend)}"
            )
        _check_tensors(trt, self._engine, bundle, artifact)
        self._stream = cuda.stream_create()
        _when_gone(self, cuda.stream_destroy, self._stream)

    def bind(self, batch: int) -> TensorRtBinding:
        """Allocate, enqueue once, record a graph; errors as ``BackendSession.bind``."""
        check_batch(batch, self._artifact)
        context = self._make_context()
        if context is None:
            raise BackendError(
                f"{self._artifact.backend} cannot make an execution context: "
                f"{self._log.last_errors()}"
            )
        return TensorRtBinding(self, self._cuda, self._stream, context, self._manifest, batch)

    def _make_context(self) -> Any:
        strategies = getattr(self._trt, "DynamicShapesKernelSpecializationStrategy", None)
        if strategies is None:
            return self._engine.create_execution_context()
        # TensorRT for RTX compiles kernels for a shape in the background by default; a graph
        # recorded meanwhile would keep the slow stand-ins for ever.
        config = self._engine.create_runtime_config()
        config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        return self._engine.create_execution_context(config)

    def last_errors(self) -> str:
        """What TensorRT complained about last."""
        return str(self._log.last_errors())


class TensorRtBinding:
    """Page-locked host buffers, their device twins, and the graph that joins them."""

    def __init__(
        self,
        session: TensorRtSession,
        cuda: Cuda,
        stream: Any,
        context: Any,
        manifest: Any,
        batch: int,
    ) -> None:
        self._session, self._cuda, self._stream, self._context = session, cuda, stream, context
        self._handle = cuda.stream_address(stream)
        self._inputs = _Block(cuda, manifest.inputs, batch)
        self._outputs = _Block(cuda, manifest.outputs, batch)
        self.inputs, self.outputs = self._inputs.arrays, self._outputs.arrays
        for spec in manifest.inputs:
            if not context.set_input_shape(spec.name, sized(spec, batch)):
                raise BackendError(
                    f"TensorRT refuses shape {sized(spec, batch)} for {spec.name}: "
                    f"{session.last_errors()}"
                )
        for name, address in (self._inputs.addresses | self._outputs.addresses).items():
            if not context.set_tensor_address(name, address):
                raise BackendError(
                    f"TensorRT refuses the address of {name}: {session.last_errors()}"
                )
        self._graph: Any = None
        self._launch()
        cuda.synchronize(stream)
        self._graph = self._record()

    def run(self) -> None:
        """Copy in, compute, copy out, wait."""
        if self._graph is None:
            self._launch()
        else:
            self._cuda.graph_launch(self._graph, self._stream)
        self._cuda.synchronize(self._stream)

    def _launch(self) -> None:
        cuda, stream = self._cuda, self._stream
        cuda.to_device(self._inputs.device, self._inputs.host, stream)
        if not self._context.execute_async_v3(self._handle):
            raise BackendError(f"TensorRT cannot run: {self._session.last_errors()}")
        cuda.to_host(self._outputs.host, self._outputs.device, stream)

    def _record(self) -> Any:
        """A CUDA graph of ``_launch``, or None where recording is not possible."""
        capturable = getattr(self._context, "is_stream_capturable", None)
        if capturable is not None and not capturable(self._handle):
            _log.info("the engine cannot be recorded in a CUDA graph; each frame is enqueued")
            return None
        if not self._cuda.capture_begin(self._stream):
            return None
        try:
            self._launch()
        except BackendError as error:
            self._cuda.capture_end(self._stream)
            _log.info("recording a CUDA graph failed (%s); each frame is enqueued", error)
            return None
        graph = self._cuda.capture_end(self._stream)
        if graph is None:
            _log.info("recording a CUDA graph failed; each frame is enqueued")
        else:
            _when_gone(self, self._cuda.graph_destroy, graph)
        return graph


class _Block:
    """All tensors of one direction in one device and one host allocation: one copy per frame."""

    def __init__(self, cuda: Cuda, specs: Sequence[TensorSpec], batch: int) -> None:
        offsets, size = {}, 0
        for spec in specs:
            offsets[spec.name] = size
            count = int(np.prod(sized(spec, batch))) * np.dtype(spec.dtype).itemsize
            size += -(-count // ALIGNMENT) * ALIGNMENT
        # Spare bytes, so that the start can be moved up to the next multiple.
        base = cuda.device_alloc(size + ALIGNMENT)
        _when_gone(self, cuda.device_free, base)
        self.device = -(-base // ALIGNMENT) * ALIGNMENT
        self.host: Bytes = cuda.host_alloc(size)
        self.host.fill(0)
        self.addresses = {name: self.device + offset for name, offset in offsets.items()}
        self.arrays: dict[str, Array] = {}
        for spec in specs:
            shape, start = sized(spec, batch), offsets[spec.name]
            count = int(np.prod(shape)) * np.dtype(spec.dtype).itemsize
            view = self.host[start : start + count].view(spec.dtype)
            self.arrays[spec.name] = view.reshape(shape)


def _when_gone(owner: object, function: Callable[..., None], *arguments: Any) -> None:
    """Free with the owner, and not at interpreter exit, when the driver may be gone already."""
    weakref.finalize(owner, function, *arguments).atexit = False


def _check_tensors(trt: ModuleType, engine: Any, bundle: Bundle, artifact: Artifact) -> None:
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    found = {
        n: (
            np.dtype(trt.nptype(engine.get_tensor_dtype(n))).name,
            engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT,
        )
        for n in names
    }
    manifest = bundle.manifest
    expected = {s.name: (s.dtype, True) for s in manifest.inputs}
    expected |= {s.name: (s.dtype, False) for s in manifest.outputs}
    if found != expected:
        raise BundleError(
            f"{bundle.path / artifact.path} has tensors {_describe(found)}, expected "
            f"{_describe(expected)}; build it with: {rebuild_command(bundle, artifact.backend)}"
        )


def _describe(tensors: dict[str, tuple[str, bool]]) -> str:
    return ", ".join(
        f"{n} ({t} {'in' if i else 'out'}put)" for n, (t, i) in sorted(tensors.items())
    )
