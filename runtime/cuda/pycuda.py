"""CUDA through PyCUDA, for boards where that is what is installed. It has no CUDA graphs."""

from __future__ import annotations

import atexit
from types import ModuleType
from typing import Any

import numpy as np

from facedge.errors import BackendError

from .base import Bytes

_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING of the CUDA driver API."""


class PyCuda:
    """``Cuda`` over ``pycuda.driver``.

    Args:
        driver: the module ``pycuda.driver``.
        version: what to call it in messages.

    Raises:
        BackendError: there is no driver or no device.
    """

    def __init__(self, driver: ModuleType, version: str = "") -> None:
        self._driver = driver
        self.name = f"pycuda {version}".strip()
        self._blocks: dict[int, Any] = {}
        self._call("cuInit", driver.init)
        if driver.Device.count() < 1:
            raise BackendError("no CUDA device found; expected an NVIDIA GPU and its driver")
        self._device = driver.Device(0)
        # TensorRT works in the primary context; a context of PyCUDA's own would not see its memory.
        self._context = self._call("retain_primary_context", self._device.retain_primary_context)
        self._context.push()
        # PyCUDA aborts at exit when a context is still pushed.
        atexit.register(self._context.pop)

    def capability(self) -> tuple[int, int]:
        major, minor = self._device.compute_capability()
        return int(major), int(minor)

    def device_alloc(self, size: int) -> int:
        block = self._call("mem_alloc", self._driver.mem_alloc, size)
        self._blocks[int(block)] = block
        return int(block)

    def device_free(self, address: int) -> None:
        self._blocks.pop(address).free()

    def host_alloc(self, size: int) -> Bytes:
        array: Bytes = self._call("pagelocked_empty", self._driver.pagelocked_empty, size, np.uint8)
        return array

    def stream_create(self) -> Any:
        return self._call("Stream", self._driver.Stream, _NON_BLOCKING)

    def stream_address(self, stream: Any) -> int:
        return int(stream.handle)

    def stream_destroy(self, stream: Any) -> None:
        stream.synchronize()

    def synchronize(self, stream: Any) -> None:
        self._call("stream.synchronize", stream.synchronize)

    def to_device(self, address: int, array: Bytes, stream: Any) -> None:
        self._call("memcpy_htod_async", self._driver.memcpy_htod_async, address, array, stream)

    def to_host(self, array: Bytes, address: int, stream: Any) -> None:
        self._call("memcpy_dtoh_async", self._driver.memcpy_dtoh_async, array, address, stream)

    def capture_begin(self, stream: Any) -> bool:
        return False

    def capture_end(self, stream: Any) -> Any:
        return None

    def graph_launch(self, graph: Any, stream: Any) -> None:
        raise BackendError("PyCUDA has no CUDA graphs; install cuda-python to use them")

    def graph_destroy(self, graph: Any) -> None:
        raise BackendError("PyCUDA has no CUDA graphs; install cuda-python to use them")

    def _call(self, name: str, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._driver.Error as error:
            raise BackendError(f"CUDA call {name} failed: {error}") from error
