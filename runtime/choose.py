"""Which backend plays a bundle here, and ``auto``: the fastest one, known or measured."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from facedge.errors import BackendError

from .backends import registry
from .backends.base import BackendSession, Binding, Options
from .backends.plan import PlanMismatch
from .bundle import Bundle
from .machine import SETTLE, identity
from .native import backend as native

_fastest: dict[tuple[str, Options, int], str] = {}
"""What was measured in this process: (bundle digest, options, batch) -> backend."""
_ROUNDS = 3
"""Rounds in which backends are measured."""


@dataclass(frozen=True)
class Opened:
    """A backend with a bundle's artifact open in it.

    Attributes:
        backend: its name.
        session: the open artifact.
        binding: buffers for the batch asked for, if they were made on the way.
        notes: why others were passed over, one sentence each.
    """

    backend: str
    session: BackendSession
    binding: Binding | None = None
    notes: tuple[str, ...] = ()


def open_backend(bundle: Bundle, backend: str, options: Options, batch: int = 1) -> Opened:
    """Open the bundle in the backend asked for, or in the best one for ``auto``.

    Raises:
        InputError: unknown backend.
        BackendError: missing backend, or no artifact for it; lists what there is.
        BundleError: the artifact is damaged or for another version or device.
    """
    if backend == "auto":
        return _auto(bundle, options, batch)
    if backend == native.NATIVE:
        name, session = native.choose(bundle, options)
        return Opened(name, session)
    return _open(bundle, backend, options)


def _open(bundle: Bundle, name: str, options: Options) -> Opened:
    backend = registry.get(name)
    artifacts = bundle.artifacts(registry.kind(name))
    if not artifacts:
        raise BackendError(
            f"{bundle.path} has nothing for backend {name}; it has {_contents(bundle)}"
        )
    availability = backend.available()
    if not availability:
        raise BackendError(f"{availability.reason}; {bundle.path} has {_contents(bundle)}")
    refusals = []
    # A bundle may carry plans for several devices: the first that fits is played.
    for artifact in artifacts:
        try:
            return Opened(name, backend.open(bundle, artifact, options))
        except PlanMismatch as error:
            refusals.append(error)
    raise refusals[0]


def _auto(bundle: Bundle, options: Options, batch: int) -> Opened:
    notes: list[str] = []
    if options.device != "cpu":
        for name in registry.GPU:
            if opened := _try(bundle, name, options, notes):
                return Opened(name, opened.session, None, tuple(notes))
    manifest = bundle.manifest
    candidates = [name for name in registry.CPU if bundle.artifacts(name)]
    key = (manifest.digest, options, batch)
    known = _fastest.get(key)
    if known is None and manifest.machine == identity() and options == Options():
        known = manifest.preferred
    if (
        known is not None
        and known in candidates
        and (opened := _try(bundle, known, options, notes))
    ):
        return Opened(known, opened.session, None, tuple(notes))
    open_ones = [o for name in candidates if (o := _try(bundle, name, options, notes))]
    if not open_ones:
        raise BackendError(
            f"no backend can play {bundle.path} here, which has {_contents(bundle)}: "
            f"{'; '.join(notes) or 'no backend on this machine matches'}"
        )
    best = _measured_best(open_ones, batch)
    if len(open_ones) > 1:
        _fastest[key] = best.backend
    return Opened(best.backend, best.session, best.binding, tuple(notes))


def _try(bundle: Bundle, name: str, options: Options, notes: list[str]) -> Opened | None:
    if not bundle.artifacts(name):
        return None
    try:
        return _open(bundle, name, options)
    except (BackendError, PlanMismatch) as error:
        notes.append(str(error))
        return None


def _measured_best(candidates: list[Opened], batch: int, seconds: float = 0.05) -> Opened:
    """Run each for a moment, on noise, in rounds with a rest before each; the lowest median wins.

    In rounds, so that a busy moment of the machine falls on all alike; the rest lets the threads of
    the one before go to sleep.
    """
    bound = [Opened(c.backend, c.session, c.session.bind(batch)) for c in candidates]
    if len(bound) == 1:
        return bound[0]
    times: list[list[float]] = [[] for _ in bound]
    noise = np.random.default_rng(0)
    for candidate in bound:
        assert candidate.binding is not None
        for array in candidate.binding.inputs.values():
            if array.dtype == np.uint8:
                array[...] = noise.integers(0, 256, array.shape, np.uint8)
    for _ in range(_ROUNDS):
        for candidate, found in zip(bound, times, strict=True):
            assert candidate.binding is not None
            time.sleep(SETTLE)
            for _ in range(2):  # brings code, data and threads back
                candidate.binding.run()
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                candidate.binding.run()
                found.append(time.perf_counter() - start)
    medians = [float(np.median(found)) for found in times]
    return bound[int(np.argmin(medians))]


def _contents(bundle: Bundle) -> str:
    return (
        ", ".join(f"{a.path} for {a.backend}" for a in bundle.manifest.artifacts) or "no artifact"
    )
