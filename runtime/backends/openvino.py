"""OpenVINO: plays the ONNX file on the CPU, one compiled model per batch size."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from facedge.errors import BackendError
from facedge.extras import require

from ..bundle import Bundle
from ..manifest import Artifact
from .base import Array, Availability, Options, buffers, check_batch, sized


class OpenVino:
    """Backend ``openvino``."""

    name = "openvino"

    def available(self) -> Availability:
        try:
            return Availability(str(_module().__version__).split("-")[0])
        except BackendError as error:
            return Availability(None, str(error))

    def open(self, bundle: Bundle, artifact: Artifact, options: Options) -> OpenVinoSession:
        """Load an ONNX artifact; errors as ``Backend.open``."""
        return OpenVinoSession(bundle, artifact, options)


class OpenVinoSession:
    """The parsed model, compiled anew for each batch size: fixed shapes run much faster."""

    def __init__(self, bundle: Bundle, artifact: Artifact, options: Options) -> None:
        if options.device == "cuda":
            raise BackendError("openvino has no device 'cuda'; use device='cpu'")
        self._artifact, self._manifest, self._options = artifact, bundle.manifest, options
        self._core = _module().Core()
        self._model = bundle.read(artifact.path)

    def bind(self, batch: int) -> OpenVinoBinding:
        """Compile for ``batch`` and bind numpy buffers; errors as ``BackendSession.bind``."""
        check_batch(batch, self._artifact)
        inputs = buffers(self._manifest.inputs, batch)
        outputs = buffers(self._manifest.outputs, batch)
        shapes = {spec.name: sized(spec, batch) for spec in self._manifest.inputs}
        compiled = compile_model(
            self._core, self._model, shapes, self._options.threads, self._options.relaxed
        )
        try:
            return OpenVinoBinding(compiled.create_infer_request(), inputs, outputs)
        except RuntimeError as error:
            raise BackendError(
                f"openvino finds other tensors in {self._artifact.path} than the manifest names: "
                f"{_reason(error)}"
            ) from error


class OpenVinoBinding:
    """An inference request whose tensors share the arrays' memory."""

    def __init__(self, request: Any, inputs: dict[str, Array], outputs: dict[str, Array]) -> None:
        tensor = _module().Tensor
        self.inputs, self.outputs = inputs, outputs
        for name, array in (inputs | outputs).items():
            request.set_tensor(name, tensor(array, shared_memory=True))
        self._infer = request.infer

    def run(self) -> None:
        """Compute in place."""
        self._infer(share_outputs=True)


def compile_model(
    core: Any,
    model: bytes,
    shapes: dict[str, tuple[int, ...]],
    threads: int | None,
    relaxed: bool = False,
) -> Any:
    """Compile ONNX for the CPU with the project's settings: latency first, FP32 stays FP32.

    Args:
        core: ``openvino.Core``.
        model: ONNX bytes.
        shapes: input name -> fixed shape.
        threads: inference threads; None lets OpenVINO choose.
        relaxed: allow OpenVINO its own choice of a narrower type for FP32 parts.

    Raises:
        BackendError: OpenVINO refuses the model.
    """
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    if not relaxed:
        # The default on CPUs with AMX or AVX512-BF16 is bfloat16, which changes the pictures.
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    try:
        graph = core.read_model(model)
        graph.reshape(shapes)
        return core.compile_model(graph, "CPU", settings)
    except Exception as error:
        raise BackendError(f"openvino refuses the model: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """OpenVINO's last line says what is wrong; those before it name its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _module() -> ModuleType:
    return require("openvino", "openvino", "play ONNX files with the openvino backend")
