"""Report data made up to exercise the page; the pictures are scikit-image's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from skimage import data as pictures

from facedge.export.report import ActionUnitRow, PictureRow, ReportData, StepRow
from facedge.metrics import psnr_y
from facedge.resize import reduce_bicubic, square_crop
from facedge.runtime.manifest import (
    SCHEMA,
    Artifact,
    Calibration,
    Gate,
    Manifest,
    PassRow,
    TensorSpec,
    Weights,
)

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Conv:
    """Stand-in with the fields of ConvReadiness that the report reads."""

    node: str
    in_channels: int
    out_channels: int
    macs: int
    int8: bool
    reason: str = ""
    warning: str = ""
    groups: int = 1


def face() -> Rgb:
    """A 128-pixel face out of scikit-image's astronaut."""
    return reduce_bicubic(square_crop(pictures.astronaut()[10:230, 110:330]), 128)


def sr_manifest(**changes: object) -> Manifest:
    """A plausible manifest of an INT8 super-resolution bundle."""
    manifest = Manifest(
        schema=SCHEMA,
        digest="0" * 64,
        name="fsr-student-int8",
        model="fsr-student",
        task="super-resolution",
        precision="int8",
        steps=3,
        scale=8,
        stateful=False,
        inputs=(
            TensorSpec(
                name="images", dtype="uint8", shape=(-1, 16, 16, 3), meaning="RGB pictures, NHWC"
            ),
        ),
        outputs=(
            TensorSpec(
                name="restored",
                dtype="uint8",
                shape=(-1, 128, 128, 3),
                meaning="restored RGB pictures, NHWC",
            ),
        ),
        artifacts=(
            Artifact(
                backend="onnxruntime",
                path="onnx/portable.onnx",
                dialect="portable",
                latency_ms=2.71,
            ),
            Artifact(
                backend="openvino", path="onnx/portable.onnx", dialect="portable", latency_ms=1.42
            ),
            Artifact(
                backend="tensorrt-rtx",
                path="engines/tensorrt-rtx-1.7.1-ampere+.plan",
                dialect="tensorrt",
                version="1.7.1",
                device="ampere+",
                max_batch=8,
            ),
        ),
        golden=(),
        gates=(
            *(
                Gate(
                    name="trace-agreement",
                    subject=f"batch {b} step_{k}",
                    measured=118.2 + b - k,
                    limit=80.0,
                    unit="dB",
                    sense="at least",
                )
                for b in (1, 3, 8)
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="rewrite-agreement",
                    subject=f"step_{k}",
                    measured=104.0 + k,
                    limit=80.0,
                    unit="dB",
                    sense="at least",
                )
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="int8-psnr-loss",
                    subject=f"portable restored_{k}",
                    measured=0.03 * k,
                    limit=0.2,
                    unit="dB",
                    sense="at most",
                )
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="int8-psnr-loss",
                    subject=f"tensorrt restored_{k}",
                    measured=0.05 * k,
                    limit=0.2,
                    unit="dB",
                    sense="at most",
                )
                for k in (1, 2, 3)
            ),
            Gate(
                name="batch-agreement",
                subject="portable restored_3",
                measured=200.0,
                limit=50.0,
                unit="dB",
                sense="at least",
            ),
            Gate(
                name="backend-agreement",
                subject="openvino restored_3",
                measured=47.3,
                limit=40.0,
                unit="dB",
                sense="at least",
            ),
        ),
        quality={
            "psnr_y bicubic": 25.31,
            "psnr_y fp32 restored_1": 26.51,
            "psnr_y fp32 restored_2": 26.70,
            "psnr_y fp32 restored_3": 26.83,
            "psnr_y int8 portable restored_1": 26.48,
            "psnr_y int8 portable restored_2": 26.64,
            "psnr_y int8 portable restored_3": 26.74,
            "psnr_y int8 tensorrt restored_1": 26.46,
            "psnr_y int8 tensorrt restored_2": 26.60,
            "psnr_y int8 tensorrt restored_3": 26.68,
            "latency_ms plain export onnxruntime": 6.87,
        },
        rewrites=(
            PassRow(
                name="dead-code",
                nodes_before=412,
                nodes_after=388,
                parameters_before=1_204_000,
                parameters_after=1_150_000,
                macs_before=1_830_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="split-concat-conv",
                nodes_before=388,
                nodes_after=402,
                parameters_before=1_150_000,
                parameters_after=1_150_000,
                macs_before=1_610_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="fold-batch-norm",
                nodes_before=402,
                nodes_after=402,
                parameters_before=1_150_000,
                parameters_after=1_150_000,
                macs_before=1_610_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="deconv-to-subpixel",
                nodes_before=402,
                nodes_after=305,
                parameters_before=1_150_000,
                parameters_after=812_000,
                macs_before=1_610_000_000,
                macs_after=1_240_000_000,
            ),
            PassRow(
                name="uint8-nhwc-io",
                nodes_before=305,
                nodes_after=311,
                parameters_before=812_000,
                parameters_after=812_000,
                macs_before=1_240_000_000,
                macs_after=1_240_000_000,
            ),
        ),
        weights=Weights(sha256="ab" * 32, source="trained", licence="research use"),
        calibration=Calibration(
            source="folder faces", images=358, images_sha256="cd" * 32, method="mse"
        ),
        preferred="openvino",
        tools={"facedge": "0.1.0", "torch": "2.13.0", "onnx": "1.23.0"},
        files={},
        licence="Apache-2.0",
        machine="Test CPU, x86_64, 2 CPUs",
    )
    return msgspec.structs.replace(manifest, **changes)


def sr_data(count: int = 4, manifest: Manifest | None = None) -> ReportData:
    """Report data of a super-resolution bundle with ``count`` faces."""
    rng = np.random.default_rng(1)
    rows, steps = [], []
    for index in range(count):
        truth = np.roll(face(), 3 * index, axis=1)
        small = reduce_bicubic(truth, 16)
        soft = cv2.GaussianBlur(truth, (0, 0), 2.2)
        noisy = np.clip(soft + rng.normal(0, 1.2, soft.shape), 0, 255).astype(np.uint8)
        rough = np.clip(soft + rng.normal(0, 2.0, soft.shape), 0, 255).astype(np.uint8)
        variants = {
            "bicubic": reduce_bicubic(small, 128),
            "fp32": soft,
            "int8 portable": noisy,
            "int8 tensorrt": rough,
        }
        quality = {name: psnr_y(picture, truth) for name, picture in variants.items()}
        rows.append(PictureRow(f"face-{index}.png", small, variants, truth, quality))
        refined = [cv2.GaussianBlur(truth, (0, 0), s) for s in (3.4, 2.6, 2.2)]
        steps.append(StepRow(f"face-{index}.png", refined, [psnr_y(p, truth) for p in refined]))
    convs = [
        Conv(
            f"core/step_{s}/block_{i}/conv_{j}",
            64,
            64,
            37_748_736,
            i + j > 0,
            "" if i + j else "first convolution reads 3 channels",
        )
        for s in (1, 2, 3)
        for i in range(3)
        for j in range(2)
    ]
    ranges = {}
    for i in range(60):
        reach = 0.5 + 3 * abs(np.sin(i / 7)) + (8 if i % 13 == 0 else 0)
        low = 0.0 if i % 2 else -reach
        ranges[f"core/tensor_{i}"] = {
            "minmax": (low * 1.6, reach * 1.6),
            "percentile-99.9": (low * 0.8, reach * 0.8),
            "percentile-99.99": (low * 1.1, reach * 1.1),
            "entropy": (low * 0.9, reach * 0.9),
            "mse": (low, reach),
        }
    return ReportData(
        manifest or sr_manifest(),
        rows,
        steps[:2],
        (),
        {"portable": convs, "tensorrt": convs[:9]},
        ranges,
        {"onnx/portable.onnx": 1_120_000},
    )


def au_data(count: int = 1) -> ReportData:
    """Report data of an action-unit bundle with ``count`` faces."""
    manifest = sr_manifest(
        name="au-gcn-edge-int8",
        model="au-gcn-edge",
        task="action-units",
        steps=1,
        scale=1,
        inputs=(
            TensorSpec(
                name="images", dtype="uint8", shape=(-1, 176, 176, 3), meaning="RGB pictures, NHWC"
            ),
        ),
        outputs=(
            TensorSpec(name="probabilities", dtype="float32", shape=(-1, 12), meaning="AU 1 2 4"),
            TensorSpec(name="landmarks", dtype="float32", shape=(-1, 49, 2), meaning="49 points"),
        ),
        gates=(
            Gate(
                name="au-decision-agreement",
                subject="portable",
                measured=99.7,
                limit=99.0,
                unit="%",
                sense="at least",
            ),
        ),
        quality={"max difference int8 portable landmarks px": 0.41},
        weights=Weights(sha256="ab" * 32, source="seeded", licence="Apache-2.0"),
    )
    rng = np.random.default_rng(2)
    angle = np.linspace(0, 2 * np.pi, 49, endpoint=False)
    points = 88 + 45 * np.stack([np.cos(angle), np.sin(angle)], 1)
    p = rng.uniform(0, 1, 12)
    picture = reduce_bicubic(face(), 176)
    chances = {"fp32": p, "int8 portable": np.clip(p + 0.03, 0, 1)}
    rows = [ActionUnitRow(f"{i}.png", picture, points, chances) for i in range(count)]
    return replace(sr_data(0), manifest=manifest, pictures=(), steps=(), action_units=rows)
