"""Replay a bundle's golden vectors on every backend of this machine."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.format import read_array

from facedge.errors import BackendError, BundleError, QualityGateError
from facedge.metrics import psnr

from .backends import registry
from .backends.base import Array, BackendSession, Options
from .backends.plan import PlanMismatch
from .bundle import Bundle, check_files
from .manifest import Artifact, GoldenSet, TensorSpec
from .native.backend import NATIVE


@dataclass(frozen=True)
class Result:
    """One comparison, or why there was none.

    Attributes:
        backend: which backend played.
        artifact: which file it played.
        tensor: which output was compared; empty when nothing was.
        batch: pictures per call in this replay; 0 when nothing was played.
        status: ``passed``, ``failed``, or ``not available`` (no judgement).
        measured: PSNR in dB for uint8, largest absolute difference for floats; NaN when nothing
            was compared.
        limit: what ``measured`` had to reach or not to exceed.
        unit: ``dB`` or empty.
        detail: one sentence.
    """

    backend: str
    artifact: str
    status: Literal["passed", "failed", "not available"]
    detail: str
    tensor: str = ""
    batch: int = 0
    measured: float = math.nan
    limit: float = math.nan
    unit: str = ""


def verify(
    bundle: Bundle, backend: str | None = None, options: Options | None = None
) -> list[Result]:
    """Hash the bundle, then compare every backend's outputs with the golden ones.

    Each artifact is played once with all golden pictures in one batch and once picture by
    picture, as faults of compiled graphs often show at one batch size only.

    Args:
        bundle: what to test.
        backend: only this one; None for all that the bundle has artifacts for; ``native`` for
            all of them inside libfacedge.
        options: how to open the artifacts.

    Returns:
        One result per artifact, batch size and output, plus one per backend that cannot run here.

    Raises:
        BundleError: the bundle was altered, or its golden vectors do not fit its manifest.
        InputError: ``backend`` is unknown.
        BackendError: ``backend`` cannot run here, or the bundle has nothing for it.
    """
    check_files(bundle)
    played = [(a, n) for a in bundle.manifest.artifacts if (n := registry.player(backend, a))]
    if backend is not None:
        player = registry.get(backend)
        if not played:
            raise BackendError(
                f"{bundle.path} has nothing for backend {backend}; "
                f"it has {', '.join(bundle.backends)}"
            )
        availability = player.available()
        if not availability:
            raise BackendError(availability.reason)
    results: list[Result] = []
    for artifact, name in played:
        try:
            results.extend(_test(bundle, artifact, name, options or Options()))
        except BackendError as error:
            # Which back ends libfacedge has shows only when it opens something in them.
            if backend != NATIVE:
                raise
            results.append(Result(name, artifact.path, "not available", str(error)))
    return results


def require_passed(results: list[Result]) -> None:
    """Turn the first failed comparison into an error.

    Raises:
        QualityGateError: a comparison failed; exit code 3.
        BackendError: nothing was compared at all.
    """
    for result in results:
        if result.status == "failed":
            raise QualityGateError(
                result.detail,
                "golden",
                f"{result.backend} {result.tensor}",
                result.measured,
                result.limit,
            )
    if not any(result.status == "passed" for result in results):
        reasons = "; ".join(dict.fromkeys(r.detail for r in results)) or "the bundle is empty"
        raise BackendError(f"nothing could be verified on this machine: {reasons}")


def _test(bundle: Bundle, artifact: Artifact, name: str, options: Options) -> Iterator[Result]:
    if artifact.backend not in registry.NAMES:
        reason = f"this facedge knows no backend {artifact.backend!r}"
        yield Result(name, artifact.path, "not available", reason)
        return
    player = registry.get(name)
    golden = [g for g in bundle.manifest.golden if g.dialect == artifact.dialect]
    if not golden:
        raise BundleError(
            f"{bundle.path} has no golden vectors for {artifact.path} "
            f"(dialect {artifact.dialect}); build the bundle again"
        )
    availability = player.available()
    if not availability:
        yield Result(name, artifact.path, "not available", availability.reason)
        return
    try:
        session = player.open(bundle, artifact, options)
    except PlanMismatch as error:
        yield Result(name, artifact.path, "not available", str(error))
        return
    for one in golden:
        yield from _replay(bundle, artifact, name, session, one)


def _replay(
    bundle: Bundle, artifact: Artifact, backend: str, session: BackendSession, golden: GoldenSet
) -> Iterator[Result]:
    inputs = _load(bundle, bundle.manifest.inputs, golden.inputs)
    expected = _load(bundle, bundle.manifest.outputs, golden.outputs)
    counts = {len(array) for array in (inputs | expected).values()}
    if len(counts) != 1 or 0 in counts:
        raise BundleError(
            f"{bundle.path} has golden vectors of {sorted(counts)} pictures for one dialect, "
            f"expected the same number, at least 1, in every file; build the bundle again"
        )
    (count,) = counts
    whole = min(count, artifact.max_batch or count)
    for batch in dict.fromkeys((whole, 1)):
        found = _play(session, inputs, batch, count)
        for name, array in expected.items():
            yield _compare(artifact, backend, golden, name, batch, found[name], array)


def _play(
    session: BackendSession, inputs: dict[str, Array], batch: int, count: int
) -> dict[str, Array]:
    """All ``count`` pictures in calls of ``batch``; the last call is filled up with repeats."""
    binding = session.bind(batch)
    parts: dict[str, list[Array]] = {name: [] for name in binding.outputs}
    for start in range(0, count, batch):
        rows = np.arange(start, start + batch) % count
        for name, array in inputs.items():
            binding.inputs[name][...] = array[rows]
        binding.run()
        for name, output in binding.outputs.items():
            parts[name].append(output.copy())
    return {name: np.concatenate(arrays)[:count] for name, arrays in parts.items()}


def _compare(
    artifact: Artifact,
    backend: str,
    golden: GoldenSet,
    tensor: str,
    batch: int,
    found: Array,
    expected: Array,
) -> Result:
    if expected.dtype == np.uint8:
        measured, limit, unit = psnr(found, expected), golden.min_psnr_db, "dB"
        passed = measured >= limit
        words = "agrees to" if passed else "agrees only to"
        agrees = "is identical" if math.isinf(measured) else f"{words} {measured:.1f} dB"
        sentence = f"{agrees}, limit at least {limit:g} dB"
    else:
        difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        measured, limit, unit = float(difference.max()), golden.max_abs, ""
        passed = measured <= limit
        sentence = f"differs by {measured:.3g}, limit at most {limit:g}"
    return Result(
        backend,
        artifact.path,
        "passed" if passed else "failed",
        f"{tensor} of {artifact.path} on {backend}, batch {batch}, {sentence}",
        tensor,
        batch,
        measured,
        limit,
        unit,
    )


def _load(bundle: Bundle, specs: tuple[TensorSpec, ...], paths: dict[str, str]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for spec in specs:
        if spec.name not in paths:
            raise BundleError(
                f"{bundle.path} has no golden vector for {spec.name}; build the bundle again"
            )
        file = paths[spec.name]
        try:
            array: Array = read_array(io.BytesIO(bundle.read(file)), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise BundleError(
                f"{bundle.path / file} is not a .npy array of numbers; build the bundle again"
            ) from error
        if array.dtype != spec.dtype or array.shape[1:] != spec.shape[1:] or not array.ndim:
            raise BundleError(
                f"{bundle.path / file} is {array.dtype} {list(array.shape)}, expected {spec.dtype} "
                f"[N, {', '.join(map(str, spec.shape[1:]))}]; build the bundle again"
            )
        arrays[spec.name] = array
    return arrays
