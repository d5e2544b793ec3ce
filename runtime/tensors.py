"""The inputs and outputs a bundle must have for its task: what a Session relies on."""

from __future__ import annotations

from collections.abc import Sequence

from .manifest import Manifest, TensorSpec

IMAGES, RESTORED, STATE_IN, STATE_OUT = "images", "restored", "state_in", "state_out"
PROBABILITIES, LANDMARKS = "probabilities", "landmarks"

_BATCH = -1
_RANK = {
    IMAGES: ("uint8", 4),
    RESTORED: ("uint8", 4),
    PROBABILITIES: ("float32", 2),
    LANDMARKS: ("float32", 3),
    STATE_IN: ("float32", 4),
    STATE_OUT: ("float32", 4),
}
"""Tensor -> element type and number of dimensions, the batch included."""


def contradiction(manifest: Manifest) -> str:
    """What in a manifest cannot be played, as a phrase; empty when everything can."""
    is_au = manifest.task == "action-units"
    results = (PROBABILITIES, LANDMARKS) if is_au else (RESTORED,)
    state = ((STATE_IN,), (STATE_OUT,)) if manifest.stateful else ((), ())
    return (
        _tensors("inputs", manifest.inputs, (IMAGES, *state[0]))
        or _tensors("outputs", manifest.outputs, (*results, *state[1]))
        or _sizes(manifest)
        or _batches(manifest)
    )


def _tensors(what: str, found: Sequence[TensorSpec], expected: Sequence[str]) -> str:
    names = [spec.name for spec in found]
    if names != list(expected):
        return f"its {what} are {', '.join(names) or 'none'}, expected {', '.join(expected)}"
    for spec in found:
        dtype, rank = _RANK[spec.name]
        batch, *sizes = spec.shape or (0,)
        if spec.dtype != dtype or batch != _BATCH or len(sizes) != rank - 1 or min(sizes) < 1:
            return (
                f"{spec.name} is {spec.dtype} {list(spec.shape)}, expected {dtype} "
                f"with {rank} dimensions, the first -1 and the others fixed"
            )
    return ""


def _batches(manifest: Manifest) -> str:
    for artifact in manifest.artifacts:
        if artifact.max_batch < 0:
            return f"max_batch of {artifact.path} is {artifact.max_batch}, expected 0 or more"
    return ""


def _sizes(manifest: Manifest) -> str:
    shapes = {s.name: s.shape[1:] for s in (*manifest.inputs, *manifest.outputs)}
    height, width, _ = shapes[IMAGES]
    expected: dict[str, tuple[int, ...]] = {IMAGES: (height, width, 3)}
    if RESTORED in shapes:
        expected[RESTORED] = (height * manifest.scale, width * manifest.scale, 3)
    else:
        expected |= {PROBABILITIES: (12,), LANDMARKS: (49, 2)}
    if manifest.stateful:
        expected[STATE_OUT] = shapes[STATE_IN]
    for name, wanted in expected.items():
        if shapes[name] != wanted:
            return f"{name} is of size {list(shapes[name])}, expected {list(wanted)}"
    return ""
