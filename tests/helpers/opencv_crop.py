"""Aligned crops made with OpenCV: what the native crop is compared with.

The definition is that of crop() in runtime/src/image/image.hpp, put together from cvtColor, resize,
integral and remap. Nothing is rounded between the steps except by cvtColor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

NV12, NV21, YUYV, RGB24, BGR24, GRAY8 = 1, 2, 3, 4, 5, 6
IDENTITY, BT601, BT709, BT2020 = 1, 2, 3, 4
LIMITED, FULL = 1, 2
BICUBIC, AREA = 1, 2

_KR_KB = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Frame:
    """A camera frame; planes are uint8 [rows, stride]."""

    format: int
    matrix: int
    range: int
    width: int
    height: int
    planes: tuple[NDArray[np.uint8], ...]


def encode(
    rgb: NDArray[np.uint8], format_: int, matrix: int, range_: int, padding: int = 0
) -> Frame:
    """A picture as a frame; chroma is the mean of the pixels it covers."""
    height, width = rgb.shape[:2]
    planes: list[Floats]
    if format_ in (RGB24, BGR24):
        planes = [(rgb if format_ == RGB24 else rgb[..., ::-1]).reshape(height, -1)]
    elif format_ == GRAY8:
        planes = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)]
    else:
        y, u, v = _to_yuv(rgb, matrix, range_)
        rows = 1 if format_ == YUYV else 2
        u, v = _halved(u, rows), _halved(v, rows)
        if format_ == YUYV:
            packed = np.empty((height, 2 * width))
            packed[:, 0::2], packed[:, 1::4], packed[:, 3::4] = y, u, v
            planes = [packed]
        else:
            pair = (u, v) if format_ == NV12 else (v, u)
            planes = [y, np.stack(pair, axis=2).reshape(u.shape[0], -1)]
    padded = tuple(
        np.pad(np.clip(np.rint(plane), 0, 255).astype(np.uint8), ((0, 0), (0, padding)))
        for plane in planes
    )
    return Frame(format_, matrix, range_, width, height, padded)


def to_rgb(frame: Frame) -> Floats:
    """float [height, width, 3] in 0..255: BT.601 limited by cvtColor, the rest in floats."""
    height, width = frame.height, frame.width
    first = frame.planes[0]
    if frame.format in (RGB24, BGR24):
        rgb = first[:, : 3 * width].reshape(height, width, 3).astype(np.float64)
        return rgb if frame.format == RGB24 else rgb[..., ::-1]
    if frame.format == GRAY8:
        gray = first[:, :width].astype(np.float64)
        if frame.range == LIMITED:
            gray = np.clip((gray - 16) * 255 / 219, 0, 255)
        return np.repeat(gray[..., None], 3, axis=2)
    even = width % 2 == 0 and height % 2 == 0
    if (frame.matrix, frame.range) == (BT601, LIMITED) and even:
        return _by_opencv(frame).astype(np.float64)
    y, u, v = _components(frame)
    return _from_yuv(y, u, v, frame.matrix, frame.range)


def crop(rgb: Floats, to_frame: Floats, filter_: int, width: int, height: int) -> Floats:
    """The crop of a picture, float [height, width, 3], not rounded.

    Args:
        rgb: float [H, W, 3].
        to_frame: [2, 3], crop pixel -> picture pixel.
        filter_: BICUBIC or AREA.
    """
    scale = math.hypot(to_frame[0, 0], to_frame[1, 0])
    side = max(1, math.floor((scale / 2 if filter_ == BICUBIC else scale + 0.5) + 1e-4))
    stretch = max(1.0, scale / side)
    blocks = _blocks(rgb, side)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ to_frame.T
    u, v = np.moveaxis((places + 0.5) / side - 0.5, -1, 0)
    return _bicubic(blocks, u, v, stretch) if filter_ == BICUBIC else _area(blocks, u, v, stretch)


def _to_yuv(rgb: NDArray[np.uint8], matrix: int, range_: int) -> tuple[Floats, Floats, Floats]:
    kr, kb = _KR_KB[matrix]
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if range_ == LIMITED:
        return 16 + y * 219 / 255, 128 + u * 224 / 255, 128 + v * 224 / 255
    return y, 128 + u, 128 + v


def _from_yuv(y: Floats, u: Floats, v: Floats, matrix: int, range_: int) -> Floats:
    kr, kb = _KR_KB[matrix]
    y, u, v = y.astype(np.float64), u - 128.0, v - 128.0
    if range_ == LIMITED:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    r, b = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return np.clip(np.stack([r, g, b], axis=-1), 0, 255)


def _halved(plane: Floats, rows: int) -> Floats:
    height, width = plane.shape
    plane = np.pad(plane, ((0, height % rows), (0, width % 2)), mode="edge")
    return plane.reshape(plane.shape[0] // rows, rows, -1, 2).mean(axis=(1, 3))


def _components(frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Luma and chroma of every pixel."""
    height, width = frame.height, frame.width
    first = frame.planes[0]
    if frame.format == YUYV:
        row = first[:, : 2 * width]
        return row[:, 0::2], np.repeat(row[:, 1::4], 2, 1), np.repeat(row[:, 3::4], 2, 1)
    pairs = frame.planes[1][:, : (width + 1) // 2 * 2].reshape(-1, (width + 1) // 2, 2)
    full = pairs.repeat(2, 0).repeat(2, 1)[:height, :width]
    u, v = (0, 1) if frame.format == NV12 else (1, 0)
    return first[:, :width], full[..., u], full[..., v]


def _by_opencv(frame: Frame) -> NDArray[np.uint8]:
    height, width = frame.height, frame.width
    first = frame.planes[0]
    if frame.format == YUYV:
        packed = np.ascontiguousarray(first[:, : 2 * width]).reshape(height, width, 2)
        return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_YUYV))
    code = cv2.COLOR_YUV2RGB_NV12 if frame.format == NV12 else cv2.COLOR_YUV2RGB_NV21
    both = np.concatenate([first[:, :width], frame.planes[1][:, :width]])
    return np.asarray(cv2.cvtColor(both, code))


def _blocks(rgb: Floats, side: int) -> Floats:
    """Means of side x side blocks; a block that the border cuts is the mean of what is left."""
    if side == 1:
        return rgb
    height, width = rgb.shape[:2]
    across, down = -(-width // side), -(-height // side)
    bottom, right = down * side - height, across * side - width
    size = (across, down)

    def reduced(plane: Floats) -> Floats:
        padded = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=0)
        return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA))

    share = reduced(np.ones((height, width)))
    return reduced(np.ascontiguousarray(rgb)).reshape(down, across, 3) / share[..., None]


def _bicubic(blocks: Floats, u: Floats, v: Floats, stretch: float) -> Floats:
    """Keys' kernel (a = -1/2) stretched, a product of x and y, over all blocks that it reaches."""
    reach = math.ceil(2 * stretch)
    left, top = np.floor(u).astype(np.float32), np.floor(v).astype(np.float32)
    source = blocks.astype(np.float32)
    total, weights = np.zeros((*u.shape, 3)), np.zeros(u.shape)
    for j in range(-reach, reach + 2):
        for i in range(-reach, reach + 2):
            weight = _keys((left + i - u) / stretch) * _keys((top + j - v) / stretch)
            place = (left + i, top + j)
            tap = cv2.remap(source, *place, cv2.INTER_NEAREST, None, cv2.BORDER_REPLICATE)
            total += weight[..., None] * tap
            weights += weight
    return total / weights[..., None]


def _area(blocks: Floats, u: Floats, v: Floats, stretch: float) -> Floats:
    """Means over squares of stretch x stretch blocks, from the integral of the picture."""
    margin = 2 + math.ceil(
        max(0, -u.min(), -v.min(), u.max() - blocks.shape[1], v.max() - blocks.shape[0]) + stretch
    )
    padded = cv2.copyMakeBorder(blocks, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    integral = cv2.integral(padded, sdepth=cv2.CV_64F)

    def below(x: Floats, y: Floats) -> Floats:
        """Integral of the blocks left of x and above y; block i reaches from i to i + 1."""
        i, j = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = (x - i)[..., None], (y - j)[..., None]
        above = integral[j, i] * (1 - fx) + integral[j, i + 1] * fx
        under = integral[j + 1, i] * (1 - fx) + integral[j + 1, i + 1] * fx
        return np.asarray(above * (1 - fy) + under * fy)

    x0, y0 = u + 0.5 + margin - stretch / 2, v + 0.5 + margin - stretch / 2
    x1, y1 = x0 + stretch, y0 + stretch
    return (below(x1, y1) - below(x0, y1) - below(x1, y0) + below(x0, y0)) / stretch**2


def _keys(x: Floats) -> Floats:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
