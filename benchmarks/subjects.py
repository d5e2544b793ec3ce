"""What is measured: one bundle on one backend, and what its manifest says of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facedge.errors import BackendError, FacedgeError, InputError
from facedge.runtime.backends import registry
from facedge.runtime.bundle import Bundle, load
from facedge.runtime.manifest import Artifact, Manifest
from facedge.runtime.session import Session

from .result import Failure, SubjectResult

Faces = npt.NDArray[np.uint8]
OPENING = "opening"


@dataclass(frozen=True)
class Subject:
    """One bundle on one backend, open.

    Attributes:
        name: bundle and backend; unique in a run.
        bundle: the loaded bundle.
        backend: name of the backend.
        threads: CPU threads of one inference.
        session: a session of its own, results not copied.
        faces: uint8 [N, h, w, 3], N at least 1: what it is fed with.
        notes: what there is to say of it.
    """

    name: str
    bundle: Bundle
    backend: str
    threads: int
    session: Session
    faces: Faces
    notes: tuple[str, ...] = ()

    def open(self, threads: int) -> Session:
        """A further session for another thread."""
        return Session(self.bundle, self.backend, threads=threads, copy=False)

    def batch(self, size: int) -> Faces:
        """``size`` faces, repeated where there are fewer; contiguous."""
        return np.ascontiguousarray(np.resize(self.faces, (size, *self.faces.shape[1:])))

    def result(self) -> SubjectResult:
        """What is known before anything is measured."""
        manifest, artifact = self.bundle.manifest, self._artifact()
        height, width, channels = manifest.inputs[0].shape[1:]
        return SubjectResult(
            name=self.name,
            bundle=manifest.name,
            model=manifest.model,
            precision=manifest.precision,
            steps=manifest.steps,
            digest=manifest.digest,
            weights_sha256=manifest.weights.sha256,
            backend=self.backend,
            backend_version=registry.get(self.backend).available().version or "",
            artifact=artifact.path if artifact else "",
            artifact_sha256=manifest.files.get(artifact.path, "") if artifact else "",
            threads=self.threads,
            input=f"{manifest.inputs[0].dtype} {height}x{width}x{channels}",
            quality=quality(manifest, artifact.dialect if artifact else ""),
            notes=self.notes,
        )

    def _artifact(self) -> Artifact | None:
        """What is played: of several plans, the one of the installed version."""
        artifacts = self.bundle.artifacts(registry.kind(self.backend))
        version = registry.get(self.backend).available().version
        fitting = [a for a in artifacts if a.version == version]
        return next(iter((*fitting, *artifacts)), None)


def open_subjects(
    bundles: Sequence[Path], backends: Sequence[str], threads: int
) -> tuple[list[Subject], list[Failure]]:
    """Open every bundle on every backend that it has something for.

    Args:
        bundles: bundle folders.
        backends: wanted backends; none takes all that a bundle names.
        threads: CPU threads of one inference.

    Returns:
        What opened, and what did not with the reason.

    Raises:
        BackendError: nothing opened; the sentence has all reasons.
        InputError: an unknown backend.
    """
    for name in backends:
        registry.get(name)
    subjects: list[Subject] = []
    failures: list[Failure] = []
    for path in dict.fromkeys(Path(p) for p in bundles):
        try:
            bundle = load(path)
        except FacedgeError as error:
            failures.append(Failure(subject=str(path), part=OPENING, reason=str(error)))
            continue
        for backend in dict.fromkeys(backends or bundle.backends):
            name = _name(bundle, backend, [s.name for s in subjects])
            try:
                subjects.append(_open(name, bundle, backend, threads))
            except Exception as error:
                failures.append(Failure(subject=name, part=OPENING, reason=reason(error)))
    if not subjects:
        raise BackendError("nothing can be measured: " + "; ".join(f.reason for f in failures))
    return subjects, failures


def reason(error: Exception) -> str:
    """One sentence for what went wrong in an engine, its type included where it is not ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, FacedgeError) else f"{type(error).__name__}: {text}"


def quality(manifest: Manifest, dialect: str) -> dict[str, float]:
    """Quality of the last step that was measured when the bundle was built.

    Returns:
        ``psnr_y`` in dB for super-resolution, ``au_decision_agreement`` in percent for action
        units; empty where it was not measured.
    """
    last = f"restored_{manifest.steps}"
    keys = [f"psnr_y {manifest.precision} {dialect} {last}"]
    if manifest.precision == "fp32":
        keys.append(f"psnr_y fp32 {last}")
    for key in keys:
        if key in manifest.quality:
            return {"psnr_y": manifest.quality[key]}
    agreement = [
        gate.measured
        for gate in manifest.gates
        if gate.name == "au-decision-agreement" and dialect in gate.subject
    ]
    return {"au_decision_agreement": min(agreement)} if agreement else {}


def _open(name: str, bundle: Bundle, backend: str, threads: int) -> Subject:
    session = Session(bundle, backend, threads=threads, copy=False)
    faces = _golden_faces(bundle)
    notes: tuple[str, ...] = session.notes
    if faces is None:
        shape = (1, *session.input_shape)
        faces = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        notes += ("the bundle has no golden pictures, so it was fed with noise",)
    return Subject(name, bundle, session.backend, threads, session, faces, notes)


def _golden_faces(bundle: Bundle) -> Faces | None:
    """The pictures that the bundle's own self-test uses."""
    picture = bundle.manifest.inputs[0]
    for golden in bundle.manifest.golden:
        if path := golden.inputs.get(picture.name):
            faces: Faces = np.load(io.BytesIO(bundle.read(path)), allow_pickle=False)
            if faces.dtype != np.uint8 or faces.ndim != 4 or not len(faces):
                raise InputError(
                    f"{bundle.path / path} holds {faces.dtype} {list(faces.shape)}, expected "
                    f"uint8 [N, h, w, 3] with N at least 1"
                )
            return faces
    return None


def _name(bundle: Bundle, backend: str, taken: Sequence[str]) -> str:
    name = f"{bundle.manifest.name} · {backend}"
    return f"{bundle.path} · {backend}" if name in taken else name
