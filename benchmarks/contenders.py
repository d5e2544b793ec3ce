"""Everything that a comparison times of one model: bundles on backends, and peers, all opened."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from rich.markup import escape

from facedge.errors import BackendError
from facedge.export.graph import graph_cost
from facedge.export.reference import to_float
from facedge.models import registry, weights
from facedge.models.contract import ModelSpec
from facedge.models.weights import LoadedModel
from facedge.progress import Stages
from facedge.runtime.backends import registry as backends
from facedge.runtime.bundle import load
from facedge.runtime.session import AuResult

from .budget import Budget
from .cases import INT8, Case
from .interleave import Call
from .judged import Judged, Outputs, Pictures, as_bytes, judge, pictures, play
from .peers.contract import Peer, Work
from .peers.plain import PlainNetwork, plain_export
from .peers.registry import BASELINE, EAGER, get
from .result import Failure, SubjectResult
from .subjects import OPENING, Subject, open_subjects, reason

WRONG_DB = 15.0
"""Agreement with torch below which a peer computes something else and is not worth timing."""

BUILDING = "building"
FEWER_GATES = 16
"""Gate pictures of bundles that are built for the line over the steps alone."""
NO_TIME = "left out: the time budget was needed to measure what was ready"


@dataclass(frozen=True)
class Contender:
    """One way to run the model.

    Attributes:
        result: what is known of it before it is timed; its name is unique in a run.
        call: one face in, the result out.
        outputs: on the judged pictures; pictures as bytes, action units as they are.
        subject: the open bundle; None for a peer.
        peer: the peer; None for a bundle.
    """

    result: SubjectResult
    call: Call
    outputs: Outputs
    subject: Subject | None = None
    peer: Peer | None = None

    @property
    def judged(self) -> Judged:
        """Its quality."""
        assert self.result.judged
        return self.result.judged


@dataclass
class Lineup:
    """All contenders of one model.

    Attributes:
        case: what was asked for.
        pictures: what they were judged on.
        contenders: by name, in the order of tables: peers, then bundles.
        failures: what did not open, and why.
    """

    case: Case
    pictures: Pictures
    contenders: dict[str, Contender] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def name(self, peer: str) -> str:
        """A peer's name in results, where several models have it."""
        return f"{self.case.model} · {peer}"


@dataclass(frozen=True)
class Setup:
    """What all models of a run share.

    Attributes:
        bundles: folder of bundles; missing ones are built into it.
        calibration: pictures to judge, calibrate and build with; None takes the embedded ones.
        threads: CPU threads of one inference.
        wanted: backends to measure bundles on; none takes those that are available.
    """

    bundles: Path
    calibration: Path | None
    threads: int
    wanted: tuple[str, ...] = ()

    def backends(self) -> tuple[str, ...]:
        """Those to measure."""
        return self.wanted or tuple(n for n in backends.NAMES if backends.get(n).available())


def open_lineup(case: Case, setup: Setup, budget: Budget, stages: Stages) -> Lineup:
    """Build what is missing, open and judge everything.

    What fails is named in the result and left out.

    Raises:
        InputError: the pictures or the bundles' folder are not what they have to be.
        BackendError: torch or onnx is missing.
    """
    spec = registry.get(case.model)
    loaded = weights.load(spec)
    network = PlainNetwork(loaded.module).eval()
    with stages.stage(f"{case.model}: plain export"):
        exported = plain_export(spec, network)
    with stages.stage(f"{case.model}: choosing pictures") as stage:
        cost = graph_cost(onnx.load_from_string(exported))
        found = Lineup(case, pictures(spec, setup.calibration, cost.macs))
        stage.note = f"{len(found.pictures.images)} to judge on"
    work = Work(network, exported, to_float(found.pictures.calibration), setup.threads)
    _open_peers(found, spec, loaded, work, budget, stages)
    for path in _bundles(found, spec, loaded, setup, budget, stages):
        _open_bundle(found, path, setup)
    return found


def _open_peers(
    found: Lineup,
    spec: ModelSpec,
    loaded: LoadedModel,
    work: Work,
    budget: Budget,
    stages: Stages,
) -> None:
    images = to_float(found.pictures.images)
    expected: Outputs | None = None
    for peer in map(get, found.case.peers):
        name = found.name(peer.name)
        if peer.name not in (EAGER, BASELINE) and not budget.may_prepare():
            found.failures.append(Failure(subject=name, part=OPENING, reason=NO_TIME))
            continue
        try:
            with stages.stage(f"{spec.name}: {peer.name}"):
                run = peer.open(work)
                outputs = as_bytes(play(run, images, 1 if peer.single else 8))
                expected = outputs if expected is None else expected
                judged = judge(outputs, expected, found.pictures.truths)
                _refuse_wrong(judged)
        except Exception as error:
            if peer.name == EAGER:
                raise BackendError(f"torch does not run {spec.name}: {reason(error)}") from error
            found.failures.append(Failure(subject=name, part=OPENING, reason=_short(error)))
            stages.say(f"[yellow]–[/yellow] {spec.name}: {escape(f'{peer.name}: {_short(error)}')}")
            continue
        result = _peer_result(name, peer, spec, loaded, work, judged)
        found.contenders[name] = Contender(result, partial(run, work.face()), outputs, peer=peer)


def _refuse_wrong(judged: Judged) -> None:
    if judged.agreement < WRONG_DB:
        raise BackendError(
            f"computes something else: its outputs agree with torch to {judged.agreement:.1f} dB"
        )


def _peer_result(
    name: str, peer: Peer, spec: ModelSpec, loaded: LoadedModel, work: Work, judged: Judged
) -> SubjectResult:
    return SubjectResult(
        name=name,
        bundle="",
        model=spec.name,
        precision=peer.precision,
        steps=spec.steps,
        digest="",
        weights_sha256=loaded.sha256,
        backend=peer.engine,
        backend_version=_version(peer.engine),
        artifact="",
        artifact_sha256=hashlib.sha256(work.exported).hexdigest() if peer.given_export else "",
        threads=work.threads,
        input=f"float32 3x{spec.input_size}x{spec.input_size}",
        quality={},
        peer=True,
        judged=judged,
    )


def _version(engine: str) -> str:
    for name in (engine, f"{engine}-gpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def _bundles(
    found: Lineup,
    spec: ModelSpec,
    loaded: LoadedModel,
    setup: Setup,
    budget: Budget,
    stages: Stages,
) -> list[Path]:
    """Bundles that are there, and those built now."""
    from facedge.export.build import build
    from facedge.export.options import PRECISIONS, BuildOptions

    forms: list[tuple[str, int | None]] = [(precision, None) for precision in found.case.precisions]
    forms += [(INT8, steps) for steps in found.case.fewer_steps]
    paths = []
    for precision, steps in forms:
        exact = next(p for p in PRECISIONS if p == precision)
        options = BuildOptions(
            model=spec.name,
            precision=exact,
            steps=steps,
            backends=setup.backends(),
            out=setup.bundles,
            calibration=setup.calibration,
            calibration_images=len(found.pictures.calibration),
            threads=setup.threads,
            gate_images=None if steps is None else FEWER_GATES,
        )
        path = setup.bundles / options.bundle_name()
        try:
            if not (path / "manifest.json").is_file():
                if not budget.may_prepare():
                    raise BackendError(NO_TIME)
                build(options, stages)
            _refuse_other_weights(path, loaded)
        except Exception as error:
            failure = Failure(subject=path.name, part=BUILDING, reason=_short(error))
            found.failures.append(failure)
            stages.say(f"[yellow]–[/yellow] {escape(f'{path.name}: {_short(error)}')}")
            continue
        paths.append(path)
    return paths


def _refuse_other_weights(path: Path, loaded: LoadedModel) -> None:
    if load(path).manifest.weights.sha256 != loaded.sha256:
        raise BackendError(
            f"{path} was built from other weights than the ones the peers run; remove it, and it "
            f"is built anew"
        )


def _open_bundle(found: Lineup, path: Path, setup: Setup) -> None:
    """One bundle on every backend."""
    expected = found.contenders[found.name(EAGER)].outputs
    try:
        subjects, failures = open_subjects([path], setup.backends(), setup.threads)
    except BackendError as error:
        found.failures.append(Failure(subject=path.name, part=OPENING, reason=str(error)))
        return
    found.failures += failures
    for subject in subjects:
        try:
            outputs = play(partial(_played, subject), found.pictures.images)
        except Exception as error:
            failure = Failure(subject=subject.name, part=OPENING, reason=_short(error))
            found.failures.append(failure)
            continue
        judged = judge(outputs, expected, found.pictures.truths)
        result = msgspec.structs.replace(subject.result(), judged=judged)
        call: Callable[[], object] = partial(subject.session, subject.batch(1))
        found.contenders[subject.name] = Contender(result, call, outputs, subject=subject)


def _played(subject: Subject, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
    result = subject.session(images)
    return tuple(result) if isinstance(result, AuResult) else (result,)


def _short(error: Exception, most: int = 300) -> str:
    """A sentence of a readable length: compilers say a lot."""
    text = reason(error)
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} ..."
