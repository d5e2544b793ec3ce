"""One builder for TensorRT 10.3 to 11.4 and TensorRT for RTX, in this process.

Precision is in the graph (casts and Q/DQ nodes), so networks are strongly typed and no precision
flag is set: TensorRT 11 has none any more, and 10.3 needs none.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from facedge.errors import BackendError
from facedge.files import write_file
from facedge.runtime.backends import nvinfer
from facedge.runtime.backends.plan import device_name
from facedge.runtime.cuda.driver import open_cuda

from .layers import Layer, parse
from .plan import Plan, PlanOptions


def compile_plan(model: bytes, options: PlanOptions) -> Plan:
    """Build a plan in this process; a crash of the compiler is a crash of this process.

    Args:
        model: ONNX bytes, dialect ``tensorrt``, weights inside.
        options: how.

    Raises:
        BackendError: TensorRT is missing, there is no device where it needs one, or it refuses
            the graph; the sentence names the ONNX node where TensorRT does.
    """
    started = time.perf_counter()
    trt = nvinfer.module(options.backend)
    who = f"{options.backend} {trt.__version__}"
    device = _device(options)
    log = nvinfer.logger(trt)
    log.clear()
    builder = _made(trt.Builder, who, log, log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model):
        raise BackendError(f"{who} cannot read the graph: {_parser_error(parser)}")
    config = builder.create_builder_config()
    _configure(trt, config, options)
    _add_profile(builder, network, config, options, who)
    cache = _load_timing_cache(config, options, log)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise BackendError(f"{who} cannot build the graph: {log.last_errors()}")
    if cache is not None and options.timing_cache is not None:
        write_file(options.timing_cache, bytes(memoryview(config.get_timing_cache().serialize())))
    plan = bytes(memoryview(data))
    return Plan(
        data=plan,
        backend=options.backend,
        version=str(trt.__version__) + "+" * options.version_compatible,
        device=device,
        max_batch=options.max_batch,
        layers=parse(log.layers) or _inspect(trt, plan, log),
        warnings=tuple(dict.fromkeys(message.strip() for message in log.warnings)),
        seconds=time.perf_counter() - started,
        peak_mib=_peak_mib(),
    )


def _device(options: PlanOptions) -> str:
    if options.capabilities:
        return ",".join(options.capabilities)
    if options.backend == "tensorrt-rtx":
        return "ampere+"
    # TensorRT times kernels on the device, so it needs one, and the plan is for that one.
    capability = open_cuda().capability()
    return "ampere+" if options.hardware_compatible else device_name(capability)


def _configure(trt: ModuleType, config: Any, options: PlanOptions) -> None:
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if options.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    if options.optimization_level is not None:
        config.builder_optimization_level = options.optimization_level
    if options.version_compatible:
        config.set_flag(_member(trt.BuilderFlag, "VERSION_COMPATIBLE", trt))
    if options.hardware_compatible and options.backend == "tensorrt":
        config.hardware_compatibility_level = _member(
            trt.HardwareCompatibilityLevel, "AMPERE_PLUS", trt
        )
    if options.backend == "tensorrt-rtx" and hasattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION"):
        # Without it an engine may allocate while it runs, which a CUDA graph cannot record.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    if options.capabilities:
        config.num_compute_capabilities = len(options.capabilities)
        for index, name in enumerate(options.capabilities):
            member = _member(trt.ComputeCapability, name.upper().replace("_", ""), trt)
            config.set_compute_capability(member, index)


def _member(enum: Any, name: str, trt: ModuleType) -> Any:
    if not hasattr(enum, name):
        raise BackendError(
            f"{trt.__name__} {trt.__version__} has no {enum.__name__}.{name}; "
            f"build without that option or update it"
        )
    return getattr(enum, name)


def _add_profile(builder: Any, network: Any, config: Any, options: PlanOptions, who: str) -> None:
    """One profile, batch 1 to ``max_batch``, over every input."""
    profile, dynamic = builder.create_optimization_profile(), False
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(tensor.shape)
        if not shape or -1 in shape[1:]:
            raise BackendError(
                f"input {tensor.name} has shape {list(shape)}; expected only the first dimension, "
                f"the batch, to be dynamic; trace the model anew"
            )
        if shape[0] != -1:
            continue
        dynamic = True
        sizes = [(n, *shape[1:]) for n in (1, options.opt_batch, options.max_batch)]
        # Returns None on success and raises on failure, in every version.
        profile.set_shape(tensor.name, *sizes)
    if dynamic and config.add_optimization_profile(profile) < 0:
        raise BackendError(f"{who} refuses a profile of batch 1 to {options.max_batch}")


def _load_timing_cache(config: Any, options: PlanOptions, log: Any) -> Any:
    """None for TensorRT for RTX: its timing cache does nothing, and making one asks for a GPU."""
    if options.timing_cache is None or options.backend == "tensorrt-rtx":
        return None
    stored = _read(options.timing_cache)
    cache = config.create_timing_cache(stored)
    if cache is None or not config.set_timing_cache(cache, False):
        log.warnings.append(
            f"{options.timing_cache} is a timing cache of another device or version and is replaced"
        )
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BackendError(f"cannot read timing cache {file}: {error.strerror}") from error


def _parser_error(parser: Any) -> str:
    if not parser.num_errors:
        return "it gave no reason; is it an ONNX file?"
    error = parser.get_error(0)
    reason = " ".join(str(error.desc()).split()).removeprefix("Assertion failed: ")
    name, operator = error.node_name(), error.node_operator()
    where = f"node {name or error.node()} ({operator}): " if name or operator else ""
    return f"{where}{reason}"


def _inspect(trt: ModuleType, plan: bytes, log: Any) -> tuple[Layer, ...]:
    """Layers from the engine itself, where a device is there to load it on."""
    engine = trt.Runtime(log).deserialize_cuda_engine(plan)
    if engine is None:
        return ()
    inspector = engine.create_engine_inspector()
    return parse(inspector.get_engine_information(trt.LayerInformationFormat.ONELINE))


def _peak_mib() -> float:
    """Peak resident memory. ``getrusage`` would count the parent's before the exec as ours."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _made(make: Any, who: str, log: Any, *arguments: Any) -> Any:
    """TensorRT's constructors raise TypeError or return nothing when the driver is missing."""
    try:
        made = make(*arguments)
    except TypeError as error:
        raise BackendError(f"{who} does not start: {log.last_errors()}") from error
    if made is None:
        raise BackendError(f"{who} does not start: {log.last_errors()}")
    return made
