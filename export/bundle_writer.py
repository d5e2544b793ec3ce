"""Writes a bundle: every file in place, hashed, the manifest last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.files import sha256_file
from facedge.runtime.bundle import encode_manifest, parse_manifest
from facedge.runtime.manifest import MANIFEST, Dialect, GoldenSet, Manifest, Precision

Array = NDArray[Any]

GOLDEN_TOLERANCE: dict[Precision, tuple[float, float]] = {
    "fp32": (60.0, 1e-3),
    "fp16": (48.0, 0.05),
    "int8": (42.0, 0.2),
}
"""Precision -> (least PSNR in dB of pictures, largest difference of probabilities).

FP32 kernels differ in summation order only; FP16 and INT8 kernels of different vendors round
intermediate tensors differently, by about one step of their number format per layer. INT8 pictures
of AVX2, VNNI, ONNX Runtime and OpenVINO are 51 dB apart at worst over the models; a Concat that
lost its negative values still left 39 (docs/precision.md).
"""


def refuse_target(target: Path) -> None:
    """Stop before any work where a bundle could not appear.

    A build may replace an earlier bundle, never a folder of something else.

    Raises:
        InputError: ``target`` exists and holds no manifest, or no folder can be made there.
    """
    above = next(p for p in target.absolute().parents if p.exists())
    if not above.is_dir():
        raise InputError(f"{above} is not a folder; --out has to be one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to {above}: Permission denied; choose another --out")
    if target.exists() and not (target / MANIFEST).is_file():
        raise InputError(
            f"{target} exists and is not a facedge bundle; it is left alone: choose another --out"
        )


def write_golden(
    folder: Path,
    dialect: Dialect,
    precision: Precision,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
) -> GoldenSet:
    """Save golden vectors under ``folder/golden`` and describe them.

    Inputs are shared by the dialects; outputs carry the dialect's name.
    """
    golden = folder / "golden"
    golden.mkdir(exist_ok=True)

    def save(prefix: str, arrays: Mapping[str, Array]) -> dict[str, str]:
        paths = {}
        for name, array in arrays.items():
            paths[name] = f"golden/{prefix}{name}.npy"
            np.save(folder / paths[name], array, allow_pickle=False)
        return paths

    psnr_db, max_abs = GOLDEN_TOLERANCE[precision]
    return GoldenSet(
        dialect=dialect,
        inputs=save("", inputs),
        outputs=save(f"{dialect}.", outputs),
        min_psnr_db=psnr_db,
        max_abs=max_abs,
    )


def hash_files(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file of the bundle but the manifest, sorted."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in files}


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest, the last file of a bundle; returns it with its own digest."""
    data = encode_manifest(manifest)
    (folder / MANIFEST).write_bytes(data)
    return parse_manifest(data)
