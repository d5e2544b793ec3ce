"""ONNX Runtime: plays the ONNX file itself, on the CPU unless CUDA is asked for."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from facedge.errors import BackendError, BundleError

from ..bundle import Bundle
from ..manifest import Artifact
from .base import Array, Availability, Options, buffers, check_batch

_CUDA = "CUDAExecutionProvider"
_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


class OnnxRuntime:
    """Backend ``onnxruntime``."""

    name = "onnxruntime"

    def available(self) -> Availability:
        try:
            return Availability(str(_module().__version__))
        except BackendError as error:
            return Availability(None, str(error))

    def open(self, bundle: Bundle, artifact: Artifact, options: Options) -> OnnxRuntimeSession:
        """Load an ONNX artifact; errors as ``Backend.open``."""
        return OnnxRuntimeSession(bundle, artifact, options)


class OnnxRuntimeSession:
    """An ``onnxruntime.InferenceSession`` and its bindings."""

    def __init__(self, bundle: Bundle, artifact: Artifact, options: Options) -> None:
        self._artifact, self._manifest = artifact, bundle.manifest
        model = bundle.read(artifact.path)
        self._session = create_session(model, options.threads, options.device or "cpu")
        self._check_tensors(bundle)

    def bind(self, batch: int) -> OnnxRuntimeBinding:
        """Bind numpy buffers, zero-copy; errors as ``BackendSession.bind``."""
        check_batch(batch, self._artifact)
        inputs = buffers(self._manifest.inputs, batch)
        outputs = buffers(self._manifest.outputs, batch)
        return OnnxRuntimeBinding(self._session, inputs, outputs)

    def _check_tensors(self, bundle: Bundle) -> None:
        """What is bound by the manifest's names and sizes has to be what the graph has."""
        manifest = self._manifest
        found = {
            t.name: (_TYPES.get(t.type, t.type), tuple(t.shape[1:]))
            for t in (*self._session.get_inputs(), *self._session.get_outputs())
        }
        for spec in (*manifest.inputs, *manifest.outputs):
            if found.get(spec.name) != (spec.dtype, spec.shape[1:]):
                dtype, sizes = found.get(spec.name, ("missing", ()))
                raise BundleError(
                    f"{bundle.path / self._artifact.path} has {spec.name} as {dtype} "
                    f"[N, {', '.join(map(str, sizes))}], the manifest says {spec.dtype} "
                    f"[N, {', '.join(map(str, spec.shape[1:]))}]; build the bundle again"
                )


class OnnxRuntimeBinding:
    """Inputs and outputs bound once; ONNX Runtime reads and writes the arrays in place."""

    def __init__(self, session: Any, inputs: dict[str, Array], outputs: dict[str, Array]) -> None:
        value = _module().OrtValue
        self.inputs, self.outputs = inputs, outputs
        self._io = session.io_binding()
        # The OrtValues view the arrays' memory: both are kept for the life of the binding.
        self._values = {n: value.ortvalue_from_numpy(a) for n, a in (inputs | outputs).items()}
        for name in inputs:
            self._io.bind_ortvalue_input(name, self._values[name])
        for name in outputs:
            self._io.bind_ortvalue_output(name, self._values[name])
        self._run = session.run_with_iobinding

    def run(self) -> None:
        """Compute in place."""
        self._run(self._io)


def create_session(model: bytes, threads: int | None, device: str = "cpu") -> Any:
    """An ``InferenceSession`` with the project's settings.

    Args:
        model: ONNX bytes.
        threads: intra-op threads; None lets ONNX Runtime take one per physical core.
        device: ``cpu`` or ``cuda``.

    Raises:
        BackendError: ONNX Runtime is missing, has no CUDA, or refuses the model.
    """
    ort = _module()
    providers = _providers(ort, device)
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.inter_op_num_threads = 1
    if threads is not None:
        settings.intra_op_num_threads = threads
    try:
        session = ort.InferenceSession(model, settings, providers=providers)
    except Exception as error:
        raise BackendError(f"onnxruntime {ort.__version__} refuses the model: {error}") from error
    if device == "cuda" and _CUDA not in session.get_providers():
        raise BackendError(
            f"onnxruntime {ort.__version__} lists {_CUDA} but could not start it on this machine; "
            f"check the CUDA and cuDNN libraries, or use device='cpu'"
        )
    return session


def _providers(ort: ModuleType, device: str) -> list[str]:
    installed = list(ort.get_available_providers())
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if _CUDA not in installed:
        raise BackendError(
            f"device 'cuda' needs {_CUDA} and this onnxruntime {ort.__version__} has "
            f"{', '.join(installed)}; install onnxruntime-gpu or use device='cpu'"
        )
    return [_CUDA, "CPUExecutionProvider"]


def _module() -> ModuleType:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        # A plain dependency, in no extra: it is missing only where somebody left it out.
        raise BackendError(
            f"onnxruntime is needed to play ONNX files and did not import ({error}); "
            f"install it with: pip install onnxruntime"
        ) from error
