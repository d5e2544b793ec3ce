"""Bundles whose results a test computes by hand: pixel repetition, a counter, constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from facedge.files import sha256_file
from facedge.runtime.bundle import encode_manifest
from facedge.runtime.manifest import MANIFEST, SCHEMA, Artifact, Manifest, TensorSpec, Weights

SIDE, SCALE, AU_SIDE = 8, 4, 16


def write_bundle(
    folder: Path,
    task: str,
    nodes: list[onnx.NodeProto],
    constants: dict[str, NDArray[np.generic]],
    outputs: dict[str, tuple[str, tuple[int, ...]]],
    side: int,
    scale: int,
    stateful: bool = False,
    max_batch: int = 0,
) -> Path:
    """A bundle of one hand-made graph for ONNX Runtime."""
    kinds = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}

    def value(name: str, dtype: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kinds[dtype], ["batch", *shape])

    given = {"images": ("uint8", (side, side, 3))}
    if stateful:
        given["state_in"] = ("float32", (1, 1, 1))
    graph = helper.make_graph(
        nodes,
        "test",
        [value(n, *v) for n, v in given.items()],
        [value(n, *v) for n, v in outputs.items()],
        [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    (folder / "onnx").mkdir(parents=True)
    onnx.save(model, folder / "onnx" / "portable.onnx")

    def specs(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(name=n, dtype=d, shape=(-1, *s), meaning=n) for n, (d, s) in tensors.items()
        )

    manifest = Manifest(
        schema=SCHEMA,
        digest="0" * 64,
        name="test-bundle",
        model="test",
        task=task,
        precision="fp32",  # type: ignore[arg-type]
        steps=1,
        scale=scale,
        stateful=stateful,
        inputs=specs(given),
        outputs=specs(outputs),
        artifacts=(
            Artifact(
                backend="onnxruntime",
                path="onnx/portable.onnx",
                dialect="portable",
                max_batch=max_batch,
            ),
        ),
        golden=(),
        gates=(),
        quality={},
        rewrites=(),
        weights=Weights(sha256="0" * 64, source="none", licence="none"),
        calibration=None,
        preferred="onnxruntime",
        tools={},
        files={"onnx/portable.onnx": sha256_file(folder / "onnx" / "portable.onnx")},
        licence="none",
    )
    (folder / MANIFEST).write_bytes(encode_manifest(manifest))
    return folder


def enlarging_bundle(folder: Path, max_batch: int = 0) -> Path:
    """Restores by repeating every pixel SCALE times each way: np.repeat is the reference."""
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node(
            "Resize",
            ["x", "", "scales"],
            ["y"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        helper.make_node("Cast", ["y"], ["restored"], to=TensorProto.UINT8),
    ]
    side = SIDE * SCALE
    return write_bundle(
        folder,
        "super-resolution",
        nodes,
        {"scales": np.array([1, SCALE, SCALE, 1], np.float32)},
        {"restored": ("uint8", (side, side, 3))},
        SIDE,
        SCALE,
        max_batch=max_batch,
    )


def counting_bundle(folder: Path) -> Path:
    """Has a state that counts calls and returns the input plus the count before the call."""
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "state_in"], ["y"]),
        helper.make_node("Cast", ["y"], ["restored"], to=TensorProto.UINT8),
        helper.make_node("Add", ["state_in", "one"], ["state_out"]),
    ]
    outputs = {"restored": ("uint8", (SIDE, SIDE, 3)), "state_out": ("float32", (1, 1, 1))}
    return write_bundle(
        folder,
        "super-resolution",
        nodes,
        {"one": np.ones(1, np.float32)},
        outputs,
        SIDE,
        1,
        stateful=True,
    )


PROBABILITIES = np.linspace(0.05, 0.95, 12).astype(np.float32)
LANDMARKS = np.stack([np.linspace(0, 15, 49), np.linspace(15, 0, 49)], 1).astype(np.float32)


def au_bundle(folder: Path) -> Path:
    """Says PROBABILITIES and LANDMARKS of every picture."""
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], keepdims=1),
        helper.make_node("Mul", ["m", "nought"], ["z"]),
        helper.make_node("Reshape", ["z", "flat"], ["z2"]),
        helper.make_node("Reshape", ["z", "cube"], ["z3"]),
        helper.make_node("Add", ["z2", "p"], ["probabilities"]),
        helper.make_node("Add", ["z3", "l"], ["landmarks"]),
    ]
    constants: dict[str, NDArray[np.generic]] = {
        "axes": np.array([1, 2, 3]),
        "nought": np.zeros(1, np.float32),
        "flat": np.array([-1, 1]),
        "cube": np.array([-1, 1, 1]),
        "p": PROBABILITIES,
        "l": LANDMARKS,
    }
    outputs = {"probabilities": ("float32", (12,)), "landmarks": ("float32", (49, 2))}
    return write_bundle(folder, "action-units", nodes, constants, outputs, AU_SIDE, 1)
