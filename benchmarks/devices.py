"""Peak rates of device classes, as their makers publish them, without sparsity.

They were taken from pages that quote the sources named. Makers name rates with 2:4 sparsity first;
they are halved here where only those are given. What follows from an architecture rather than from
a table is said in ``source``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .machine import Environment
from .traffic import Arithmetic


@dataclass(frozen=True)
class Device:
    """One class of device.

    Attributes:
        name: of the class.
        dialect: which graph of a bundle it plays.
        tera: arithmetic -> 10^12 operations per second.
        gigabytes: of memory bandwidth, 10^9 bytes per second.
        source: where the rates are from.
        signs: texts in a result's board or GPU that say it was measured on such a device.
    """

    name: str
    dialect: str
    tera: Mapping[Arithmetic, float]
    gigabytes: float
    source: str
    signs: tuple[str, ...] = ()

    def is_of(self, environment: Environment) -> bool:
        """Whether a result was measured on such a device."""
        told = f"{environment.board} {environment.gpu}"
        return any(sign in told for sign in self.signs)


PUBLISHED = (
    Device(
        "Jetson Orin Nano 8GB, 25 W (Super)",
        "tensorrt",
        {"fp32": 8.4, "fp16": 16.8, "int8": 33.5},
        102.0,
        "NVIDIA, Jetson Orin Nano Super Developer Kit data sheet: 67 INT8 TOPS sparse, 102 GB/s; "
        "FP16 is half of INT8 and TF32 half of FP16 on Ampere's tensor cores",
        ("Orin Nano",),
    ),
    Device(
        "Jetson AGX Orin 64GB, MAXN",
        "tensorrt",
        {"fp32": 21.2, "fp16": 42.5, "int8": 85.0},
        204.8,
        "NVIDIA, Jetson AGX Orin technical brief: GPU 170 INT8 TOPS sparse (DLA not counted), "
        "204.8 GB/s; FP16 is half of INT8 and TF32 half of FP16 on Ampere's tensor cores",
        ("AGX Orin",),
    ),
    Device(
        "Jetson Thor T5000, MAXN",
        "tensorrt",
        {"fp32": 129.4, "fp16": 258.8, "int8": 517.5},
        273.0,
        "NVIDIA, Jetson Thor data sheet: 2070 FP4 TFLOPS sparse, 273 GB/s; dense FP8 is a quarter "
        "of it, FP16 an eighth, TF32 a sixteenth. INT8 is taken at FP8's rate, which it does not "
        "exceed",
        ("Thor",),
    ),
    Device(
        "GeForce RTX 4090",
        "tensorrt",
        {"fp32": 82.6, "fp16": 330.3, "int8": 660.6},
        1008.0,
        "NVIDIA, Ada GPU Architecture white paper, appendix A: dense tensor rates (TF32, FP16 with "
        "FP16 accumulation, INT8), 1008 GB/s",
        ("RTX 4090",),
    ),
    Device(
        "H200 SXM",
        "tensorrt",
        {"fp32": 494.7, "fp16": 989.4, "int8": 1978.9},
        4800.0,
        "NVIDIA, H200 data sheet: TF32 989, FP16 1,979, INT8 3,958 with sparsity; 4.8 TB/s",
        ("H200",),
    ),
)
"""GPUs compute FP32 graphs in TF32, TensorRT's default, so that rate bounds them."""
