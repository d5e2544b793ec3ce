"""Cases of cropped faces: what the Python runtime's ``Session`` makes of them."""

from __future__ import annotations

import numpy as np
from cases import Case, pictures
from numpy.typing import NDArray

from facedge.runtime.bundle import Bundle
from facedge.runtime.native import structures as c
from facedge.runtime.session import AuResult, Session

TRACKS = ((7, 3, 9), (9, 7, 3), (3, 7), (7, 3), (3, 9, 7))
"""Five frames of three faces that change places; 9 is lost for two frames, and comes back."""


def batch_case(bundle: Bundle, backend: str, batch: int) -> Case:
    """One frame of ``batch`` cropped faces of a stateless bundle."""
    manifest = bundle.manifest
    member = "au" if manifest.task == "action-units" else "sr"
    case = Case(f"{manifest.name}-{member}-batch{batch}", [f"{member} bundles/{bundle.path.name}"])
    case.lines.append(f"precision {manifest.precision}")
    # Every size is prepared, so that nothing is filled up: the same graph as in Python.
    case.lines += [f"max_faces {batch}", f"batching {c.Batching.EVERY:d}", "frame 0"]
    session = Session(bundle, backend, threads=1, batch=batch)
    images = pictures(session.input_shape, batch, seed=batch)
    found = session(images)
    for i in range(batch):
        case.lines.append(f"face {i}")
        case.add(images=images[i], crop=images[i], fresh=np.uint8([0]))
        if isinstance(found, AuResult):
            case.add(probabilities=found.probabilities[i], landmarks=found.landmarks[i])
        else:
            case.add(restored=found[i])
    return case


def state_case(bundle: Bundle, backend: str, max_missed: int, reset: bool = False) -> Case:
    """Five frames whose faces change places: every track keeps its own state.

    Args:
        bundle: super-resolution with a state.
        backend: of the Python runtime.
        max_missed: with 2, track 9 goes on after two frames without it; with 1 it starts afresh.
        reset: forget track 7 before the fourth frame.
    """
    name = f"{bundle.manifest.name}-state-missed{max_missed}{'-reset' if reset else ''}"
    case = Case(name, [f"sr bundles/{bundle.path.name}", f"batching {c.Batching.EVERY:d}"])
    case.lines += ["max_faces 3", f"max_missed {max_missed}"]
    session = Session(bundle, backend, threads=1)
    states: dict[int, NDArray[np.float32]] = {}
    last_seen: dict[int, int] = {}
    for number, tracks in enumerate(TRACKS):
        if reset and number == 3:
            states.pop(7)
            case.lines.append("reset 7")
        case.lines.append(f"frame {number * 40_000}")
        images = pictures(session.input_shape, len(tracks), seed=100 + number)
        session(images)  # brings the batch size, and thus the shape of a state
        zeros = np.zeros_like(session.state[0])
        for track in tracks:
            if number - last_seen.get(track, number) > max_missed + 1:
                states.pop(track, None)
            last_seen[track] = number
        fresh = [track not in states for track in tracks]
        restored = session(images, np.stack([states.get(track, zeros) for track in tracks]))
        for i, track in enumerate(tracks):
            states[track] = session.state[i]
            case.lines.append(f"face {track}")
            case.add(images=images[i], restored=restored[i], fresh=np.uint8([fresh[i]]))
    for track in sorted(states):
        case.lines.append(f"state {track}")
        case.add(state=states[track].ravel())
    return case
