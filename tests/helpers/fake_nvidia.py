"""Stand-ins for TensorRT and CUDA that keep their rules and compute with ONNX's reference.

A "plan" is an ONNX file. Device memory is host memory under invented addresses, so that a wrong
address, an unaligned one, an early read or a call out of order gives a wrong result or an error,
as it would on a device. They show that the control flow is right, not that a device agrees.
"""

from __future__ import annotations

import enum
import types

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

OK, INVALID, CAPTURE_SPOILT = 0, 1, 901


class Device:
    """Memory, streams and a log of calls, shared by the fakes of one test."""

    def __init__(self, capability=(8, 7)):
        self.capability, self.calls = capability, []
        self.memory: dict[int, np.ndarray] = {}
        self.queues: dict[int, list] = {}
        self.recording: dict[int, list] = {}
        self.graphs: dict[int, list] = {}
        self.spoilt: set[int] = set()
        self.next = 0x1000_0040  # a multiple of 64 only: the code has to align for itself

    def alloc(self, size):
        address, self.next = self.next, self.next + size + 0x1000
        self.memory[address] = np.full(size, 0xA5, np.uint8)
        return address

    def view(self, address, size):
        for base, block in self.memory.items():
            if base <= address and address + size <= base + len(block):
                return block[address - base : address - base + size]
        raise AssertionError(f"access outside of device memory: {address:#x} + {size}")

    def submit(self, stream, operation):
        assert stream, "work on the default stream"
        assert stream in self.queues, "work on a stream that does not exist"
        (self.recording if stream in self.recording else self.queues)[stream].append(operation)

    def drain(self, stream):
        queue, self.queues[stream] = self.queues[stream], []
        for operation in queue:
            operation()


class Handle(int):
    """Opaque CUDA handle."""


def cuda_runtime(device: Device, devices: int = 1) -> types.ModuleType:
    """Stand-in for ``cuda.bindings.runtime``: every function returns (error, results...)."""
    module = types.ModuleType("cuda.bindings.runtime")
    module.cudaStreamNonBlocking = 1
    module.cudaMemcpyKind = enum.IntEnum(
        "Kind", {"cudaMemcpyHostToDevice": 1, "cudaMemcpyDeviceToHost": 2}
    )
    module.cudaDeviceAttr = enum.IntEnum(
        "Attr",
        {"cudaDevAttrComputeCapabilityMajor": 75, "cudaDevAttrComputeCapabilityMinor": 76},
    )
    module.cudaStreamCaptureMode = enum.IntEnum("Mode", {"cudaStreamCaptureModeThreadLocal": 1})
    host: dict[int, np.ndarray] = {}

    def call(function):
        name = function.__name__

        def logged(*arguments):
            device.calls.append(name)
            return function(*arguments)

        setattr(module, name, logged)

    def host_view(address, size):
        for base, block in host.items():
            if base <= address and address + size <= base + len(block):
                return block[address - base : address - base + size]
        raise AssertionError("copy from or to memory that is not page-locked")

    @call
    def cudaGetDeviceCount():
        return (OK, devices)

    @call
    def cudaGetDevice():
        return (OK, 0)

    @call
    def cudaDeviceGetAttribute(attribute, _):
        return (OK, device.capability[int(attribute) - 75])

    @call
    def cudaMalloc(size):
        return (OK, Handle(device.alloc(size)))

    @call
    def cudaFree(address):
        del device.memory[int(address)]
        return (OK,)

    @call
    def cudaMallocHost(size):
        block = np.zeros(size, np.uint8)
        host[block.ctypes.data] = block
        return (OK, block.ctypes.data)

    @call
    def cudaFreeHost(address):
        del host[address]
        return (OK,)

    @call
    def cudaStreamCreateWithFlags(flags):
        assert flags == 1
        stream = Handle(0x51 + len(device.queues))
        device.queues[stream] = []
        return (OK, stream)

    @call
    def cudaStreamDestroy(stream):
        del device.queues[stream]
        return (OK,)

    @call
    def cudaStreamSynchronize(stream):
        if stream in device.recording:
            return (INVALID,)
        device.drain(stream)
        return (OK,)

    @call
    def cudaMemcpyAsync(target, source, size, kind, stream):
        if kind == 1:

            def copy():
                device.view(int(target), size)[:] = host_view(source, size)
        else:

            def copy():
                host_view(target, size)[:] = device.view(int(source), size)

        device.submit(stream, copy)
        return (OK,)

    @call
    def cudaStreamBeginCapture(stream, mode):
        device.recording[stream] = []
        return (OK,)

    @call
    def cudaStreamEndCapture(stream):
        recorded = device.recording.pop(stream)
        if stream in device.spoilt:
            device.spoilt.remove(stream)
            return (CAPTURE_SPOILT, None)
        graph = Handle(0x6000 + len(device.graphs))
        device.graphs[graph] = recorded
        return (OK, graph)

    @call
    def cudaGraphInstantiate(graph, flags):
        executable = Handle(0x7000 + len(device.graphs))
        device.graphs[executable] = device.graphs[graph]
        return (OK, executable)

    @call
    def cudaGraphDestroy(graph):
        return (OK,)

    @call
    def cudaGraphExecDestroy(graph):
        del device.graphs[graph]
        return (OK,)

    @call
    def cudaGraphLaunch(graph, stream):
        for operation in device.graphs[graph]:
            device.submit(stream, operation)
        return (OK,)

    @call
    def cudaGetLastError():
        return (OK,)

    @call
    def cudaGetErrorString(error):
        return (OK, b"operation failed due to a previous error during capture")

    return module


def pycuda_driver(device: Device) -> types.ModuleType:
    """Stand-in for ``pycuda.driver``."""
    module = types.ModuleType("pycuda.driver")

    class Error(Exception):
        pass

    class Context:
        def push(self):
            device.calls.append("push")

        def pop(self):
            device.calls.append("pop")

    class FakeDevice:
        def __init__(self, index):
            pass

        @staticmethod
        def count():
            return 1

        def compute_capability(self):
            return device.capability

        def retain_primary_context(self):
            return Context()

    class Block(int):
        def free(self):
            device.calls.append("free")
            del device.memory[int(self)]

    class Stream:
        def __init__(self, flags=0):
            assert flags == 1, "a blocking stream waits for the default stream"
            self.handle = 0x51 + len(device.queues)
            device.queues[self.handle] = []

        def synchronize(self):
            device.drain(self.handle)

    def memcpy_htod_async(target, source, stream):
        device.submit(
            stream.handle,
            lambda: device.view(target, source.nbytes).__setitem__(slice(None), source),
        )

    def memcpy_dtoh_async(target, source, stream):
        device.submit(
            stream.handle,
            lambda: target.__setitem__(slice(None), device.view(source, target.nbytes)),
        )

    def mem_alloc(size):
        if size > 1 << 40:
            raise Error("cuMemAlloc failed: out of memory")
        return Block(device.alloc(size))

    module.init = lambda: None
    module.Error, module.Device, module.Stream = Error, FakeDevice, Stream
    module.mem_alloc, module.pagelocked_empty = mem_alloc, np.empty
    module.memcpy_htod_async, module.memcpy_dtoh_async = memcpy_htod_async, memcpy_dtoh_async
    return module


def tensorrt(device: Device, version: str = "10.3.0", capturable: bool = True):
    """Stand-in for the module ``tensorrt``; its engines are ONNX models."""
    trt = types.ModuleType("tensorrt")
    trt.__version__ = version
    severities = enum.IntEnum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE", start=0)

    class ILogger:
        Severity = severities

    types_of = {onnx.TensorProto.UINT8: np.uint8, onnx.TensorProto.FLOAT: np.float32}
    trt.ILogger, trt.nptype = ILogger, lambda kind: types_of[kind]
    trt.TensorIOMode = enum.Enum("TensorIOMode", "NONE INPUT OUTPUT")

    class Context:
        def __init__(self, engine):
            self.engine, self.shapes, self.addresses, self.settled = engine, {}, {}, False

        def set_input_shape(self, name, shape):
            device.calls.append("set_input_shape")
            if name not in self.engine.inputs or len(shape) != 4 or shape[0] > 8:
                return False
            self.shapes[name], self.settled = tuple(shape), False
            return True

        def set_tensor_address(self, name, address):
            device.calls.append("set_tensor_address")
            if address % 256:
                self.engine.log.log(severities.ERROR, f"{name} is not aligned")
                return False
            self.addresses[name] = address
            return True

        def is_stream_capturable(self, stream):
            return capturable

        def execute_async_v3(self, stream):
            device.calls.append("execute_async_v3")
            engine = self.engine
            if set(self.shapes) != set(engine.inputs):
                return False
            if set(self.addresses) != set(engine.inputs) | set(engine.outputs):
                return False
            if stream in device.recording and not self.settled:
                device.spoilt.add(stream)
            self.settled = True

            def compute():
                feeds = {}
                for name, shape in self.shapes.items():
                    dtype = np.dtype(engine.dtype(name))
                    size = int(np.prod(shape)) * dtype.itemsize
                    raw = device.view(self.addresses[name], size)
                    feeds[name] = raw.view(dtype).reshape(shape).copy()
                results = ReferenceEvaluator(engine.model).run(None, feeds)
                for name, result in zip(engine.outputs, results, strict=True):
                    raw = np.ascontiguousarray(result).reshape(-1).view(np.uint8)
                    device.view(self.addresses[name], raw.size)[:] = raw

            device.submit(stream, compute)
            return True

    class Engine:
        def __init__(self, model, log):
            self.model, self.log = model, log
            self.inputs = {v.name: v for v in model.graph.input}
            self.outputs = {v.name: v for v in model.graph.output}
            self.names = [*self.inputs, *self.outputs]
            self.num_io_tensors = len(self.names)

        def dtype(self, name):
            return types_of[self.get_tensor_dtype(name)]

        def get_tensor_name(self, index):
            return self.names[index]

        def get_tensor_dtype(self, name):
            return (self.inputs | self.outputs)[name].type.tensor_type.elem_type

        def get_tensor_mode(self, name):
            return trt.TensorIOMode.INPUT if name in self.inputs else trt.TensorIOMode.OUTPUT

        def create_execution_context(self):
            return Context(self)

    class Runtime:
        def __init__(self, log):
            self.log, self.engine_host_code_allowed = log, False
            trt.last_runtime = self

        def deserialize_cuda_engine(self, data):
            device.calls.append("deserialize")
            try:
                return Engine(onnx.load_from_string(data), self.log)
            except Exception:
                self.log.log(severities.ERROR, "Magic tag does not match")
                return None

    trt.Runtime, trt.Engine = Runtime, Engine
    return trt


def rtx(trt):
    """What TensorRT for RTX adds to its namesake: contexts made from a runtime configuration."""
    strategies = types.SimpleNamespace(LAZY="lazy", EAGER="eager", NONE="none")
    trt.DynamicShapesKernelSpecializationStrategy = strategies
    trt.configs = []
    plain = trt.Engine.create_execution_context

    def create_runtime_config(self):
        return types.SimpleNamespace(dynamic_shapes_kernel_specialization_strategy=strategies.LAZY)

    def create_execution_context(self, config):
        trt.configs.append(config.dynamic_shapes_kernel_specialization_strategy)
        return plain(self)

    trt.Engine.create_runtime_config = create_runtime_config
    trt.Engine.create_execution_context = create_execution_context
    return trt
