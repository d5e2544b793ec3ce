"""Cases of camera frames: what libfacedge makes of them on this machine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from cases import Case
from numpy.typing import NDArray

from facedge.runtime.bundle import Bundle
from facedge.runtime.native import structures as c
from facedge.runtime.native import wheels
from facedge.runtime.native.stream import Model, Stream

SIDE = (160, 120)
"""Width and height of the camera frames."""

FORMATS = {
    "nv12": (c.Format.NV12, c.Matrix.BT709, c.Range.LIMITED),
    "nv21": (c.Format.NV21, c.Matrix.BT2020, c.Range.LIMITED),
    "yuyv": (c.Format.YUYV, c.Matrix.BT601, c.Range.FULL),
    "rgb24": (c.Format.RGB24, c.Matrix.IDENTITY, c.Range.FULL),
    "bgr24": (c.Format.BGR24, c.Matrix.IDENTITY, c.Range.FULL),
    "gray8": (c.Format.GRAY8, c.Matrix.IDENTITY, c.Range.FULL),
}

FACE = ((0.31, 0.32), (0.69, 0.31), (0.50, 0.52), (0.35, 0.71), (0.66, 0.70))
"""Five landmarks of a face in its square, about."""


def frame_cases(bundles: dict[str, Bundle], backend: str) -> Iterable[Case]:
    """Every pixel format; one and two models; a hidden state over frames."""
    models = {name: (b.path.name, open_model(b, backend)) for name, b in bundles.items()}
    sr, au, state = models["tiny-sr"], models["tiny-au"], models["tiny-state"]
    for format in FORMATS:
        yield frame_case(f"frame-{format}-sr", format, {"sr": sr})
    yield frame_case("frame-nv12-au", "nv12", {"au": au})
    yield frame_case("frame-nv12-sr-au", "nv12", {"sr": sr, "au": au})
    restored = int(c.AuSource.FROM_RESTORED)
    yield frame_case("frame-yuyv-sr-au-restored", "yuyv", {"sr": sr, "au": au}, au_source=restored)
    yield frame_case("frame-nv12-state", "nv12", {"sr": state})
    for name in sorted(bundles.keys() - {"tiny-sr", "tiny-au", "tiny-state"}):
        member = "au" if bundles[name].manifest.task == "action-units" else "sr"
        yield frame_case(f"frame-nv12-{name}", "nv12", {member: models[name]})


def frame_case(
    name: str, format: str, models: dict[str, tuple[str, Model]], **settings: int
) -> Case:
    """Three frames of a camera with two faces, played by libfacedge.

    Args:
        name: of the case.
        format: key of ``FORMATS``.
        models: ``sr`` and ``au`` -> folder of the bundle and the open model.
        settings: members of ``facedge_stream_settings``.
    """
    case = Case(name, [f"{member} bundles/{folder}" for member, (folder, _) in models.items()])
    found = {str(model.info.precision.decode()) for _, model in models.values()}
    case.lines.append(f"precision {min(found, key=['int8', 'fp16', 'fp32'].index)}")
    settings = {"max_faces": 2, "batching": c.Batching.EVERY, "au_source": 1} | settings
    case.lines += [f"{member} {value:d}" for member, value in settings.items()]
    numbers = (*FORMATS[format], *SIDE)
    case.lines.append(f"picture {' '.join(str(int(number)) for number in numbers)}")
    stream = Stream(**{member: model for member, (_, model) in models.items()}, **settings)
    for number in range(3):
        planes = camera_frame(FORMATS[format][0], number)
        case.add(frames=np.concatenate([plane.ravel() for plane in planes]))
        rois, lines = zip(*(roi(track, number) for track in (2, 1)), strict=True)
        case.lines += [f"frame {number * 33_333}", *lines]
        frame = c.Frame(format=numbers[0], matrix=numbers[1], range=numbers[2])
        frame.width, frame.height, frame.memory = *SIDE, 1
        frame.timestamp_us = number * 33_333
        stream.submit(frame, rois, *planes)
        result = stream.poll()
        assert result is not None
        for face in result.faces:
            case.add(
                fresh=np.uint8([face.fresh]),
                crop=face.crop,
                restored=face.restored,
                restored_to_frame=face.restored_to_frame,
                probabilities=face.probabilities,
                landmarks=face.landmarks,
            )
    return case


def camera_frame(format: c.Format, number: int) -> list[NDArray[np.uint8]]:
    """Planes of a frame, rows touching: a smooth pattern that moves, bright and dark."""
    width, height = SIDE
    y, x = np.mgrid[:height, :width].astype(np.float64)

    def plane(channel: int, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.uint8]:
        waves = np.sin(x / (5 + channel) + number) + np.cos(y / (7 - channel) - channel * x / 40)
        return np.clip(127.5 + 70 * waves, 0, 255).astype(np.uint8)

    channels = [plane(i, y, x) for i in range(3)]
    if format in (c.Format.NV12, c.Format.NV21):
        chroma = np.stack([a[::2, ::2] for a in channels[1:]], -1).reshape(height // 2, width)
        return [channels[0], chroma]
    if format == c.Format.YUYV:
        luma, u, v = channels
        pairs = [luma[:, ::2], u[:, ::2], luma[:, 1::2], v[:, ::2]]
        return [np.stack(pairs, -1).reshape(height, 2 * width)]
    if format == c.Format.GRAY8:
        return [channels[0]]
    return [np.stack(channels, -1).reshape(height, 3 * width)]


def roi(track: int, number: int) -> tuple[c.Roi, str]:
    """Where a face is in frame ``number``, and its line: track 1 has a box, 2 has landmarks."""
    side, left, top = 40.0 + 11 * track, 18.0 * track + 3 * number, 9.0 + 6 * track
    found = c.Roi(track=track)
    if track % 2:
        found.kind, numbers = c.RoiKind.BOX, [left, top, side, side * 1.2]
        found.box[:] = numbers
        return found, f"face {track} box {' '.join(map(repr, numbers))}"
    found.kind = c.RoiKind.LANDMARKS
    tilt = 0.1 * number  # the head leans over
    points = [
        (left + side * (x - tilt * (y - 0.5)), top + side * (y + tilt * (x - 0.5))) for x, y in FACE
    ]
    for i, point in enumerate(points):
        found.points[i][:] = point
    # As float32, so that the program reads the very same numbers.
    numbers = [float(v) for point in found.points for v in point]
    return found, f"face {track} landmarks {' '.join(map(repr, numbers))}"


def open_model(bundle: Bundle, backend: str) -> Model:
    """The bundle in libfacedge, on the wheel's library."""
    return Model(bundle.path, backend, library=wheels.library(backend), threads=1)
