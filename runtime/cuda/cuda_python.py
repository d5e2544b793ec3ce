"""CUDA through NVIDIA's cuda-python (``cuda.bindings.runtime``)."""

from __future__ import annotations

import ctypes
import weakref
from types import ModuleType
from typing import Any

import numpy as np

from facedge.errors import BackendError

from .base import Bytes

_NO_DEVICE = "no CUDA device can be used here; expected an NVIDIA GPU and its driver"


class CudaPython:
    """``Cuda`` over the CUDA runtime API.

    Args:
        runtime: the module ``cuda.bindings.runtime``, or ``cuda.cudart`` of older releases.
        version: what to call it in messages.

    Raises:
        BackendError: there is no driver or no device.
    """

    def __init__(self, runtime: ModuleType, version: str = "") -> None:
        self._rt = runtime
        self.name = f"cuda-python {version}".strip()
        try:
            count = self._call("cudaGetDeviceCount")
        except BackendError as error:
            raise BackendError(f"{_NO_DEVICE} ({error})") from error
        if count < 1:
            raise BackendError(_NO_DEVICE)

    def capability(self) -> tuple[int, int]:
        device = self._call("cudaGetDevice")
        kind = self._rt.cudaDeviceAttr
        return (
            int(
                self._call("cudaDeviceGetAttribute", kind.cudaDevAttrComputeCapabilityMajor, device)
            ),
            int(
                self._call("cudaDeviceGetAttribute", kind.cudaDevAttrComputeCapabilityMinor, device)
            ),
        )

    def device_alloc(self, size: int) -> int:
        return int(self._call("cudaMalloc", size))

    def device_free(self, address: int) -> None:
        self._call("cudaFree", address)

    def host_alloc(self, size: int) -> Bytes:
        address = int(self._call("cudaMallocHost", size))
        block = (ctypes.c_uint8 * size).from_address(address)
        # Every view of the array keeps the block alive, so no view can outlive its memory.
        weakref.finalize(block, self._rt.cudaFreeHost, address).atexit = False
        return np.ctypeslib.as_array(block)

    def stream_create(self) -> Any:
        return self._call("cudaStreamCreateWithFlags", self._rt.cudaStreamNonBlocking)

    def stream_address(self, stream: Any) -> int:
        return int(stream)

    def stream_destroy(self, stream: Any) -> None:
        self._call("cudaStreamDestroy", stream)

    def synchronize(self, stream: Any) -> None:
        self._call("cudaStreamSynchronize", stream)

    def to_device(self, address: int, array: Bytes, stream: Any) -> None:
        kind = self._rt.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", address, array.ctypes.data, array.nbytes, kind, stream)

    def to_host(self, array: Bytes, address: int, stream: Any) -> None:
        kind = self._rt.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", array.ctypes.data, address, array.nbytes, kind, stream)

    def capture_begin(self, stream: Any) -> bool:
        mode = self._rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", stream, mode)
        return True

    def capture_end(self, stream: Any) -> Any:
        try:
            graph = self._call("cudaStreamEndCapture", stream)
        except BackendError:
            self._rt.cudaGetLastError()
            return None
        try:
            return self._call("cudaGraphInstantiate", graph, 0)
        except BackendError:
            self._rt.cudaGetLastError()
            return None
        finally:
            self._call("cudaGraphDestroy", graph)

    def graph_launch(self, graph: Any, stream: Any) -> None:
        self._call("cudaGraphLaunch", graph, stream)

    def graph_destroy(self, graph: Any) -> None:
        self._call("cudaGraphExecDestroy", graph)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Every function returns (error, results...): raise on the first, return the rest."""
        error, *results = getattr(self._rt, name)(*arguments)
        if int(error) != 0:
            text = self._rt.cudaGetErrorString(error)[1]
            said = text.decode() if isinstance(text, bytes) else str(text)
            raise BackendError(f"CUDA call {name} failed: {said} (error {int(error)})")
        return results[0] if results else None
