"""Bundles small enough to make in a test: one convolution, uint8 NHWC in and out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from facedge.runtime.bundle import encode_manifest
from facedge.runtime.manifest import (
    Artifact,
    GoldenSet,
    Manifest,
    TensorSpec,
    Weights,
)

SIDE, STATE = 4, 2
IMAGES = TensorSpec(name="images", dtype="uint8", shape=(-1, SIDE, SIDE, 3), meaning="RGB, NHWC")
RESTORED = TensorSpec(
    name="restored", dtype="uint8", shape=(-1, 2 * SIDE, 2 * SIDE, 3), meaning="RGB, NHWC"
)
STATE_IN, STATE_OUT = (
    TensorSpec(name=name, dtype="float32", shape=(-1, STATE, SIDE, SIDE), meaning="hidden state")
    for name in ("state_in", "state_out")
)
PROBABILITIES = TensorSpec(name="probabilities", dtype="float32", shape=(-1, 12), meaning="AUs")
LANDMARKS = TensorSpec(name="landmarks", dtype="float32", shape=(-1, 49, 2), meaning="pixels")

_ELEMENT = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


def _value(spec: TensorSpec) -> onnx.ValueInfoProto:
    shape = ["batch", *spec.shape[1:]]
    return helper.make_tensor_value_info(spec.name, _ELEMENT[spec.dtype], shape)


def _constants(**arrays: np.ndarray) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()]


def _model(nodes, inputs, outputs, constants) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "tiny", [_value(s) for s in inputs], [_value(s) for s in outputs], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def sr_model(stateful: bool = False, quantised: bool = False) -> onnx.ModelProto:
    """Doubles a picture by a convolution and depth-to-space; optionally carries a state."""
    rng = np.random.default_rng(1)
    channels = 3 + STATE * stateful
    weight = rng.normal(0, 0.4, (12, channels, 3, 3)).astype(np.float32)
    constants = _constants(
        weight=weight,
        scale=np.float32(1 / 255),
        peak=np.float32(255),
        low=np.float32(0),
        mix=rng.normal(0, 1, (STATE, 3, 1, 1)).astype(np.float32),
        half=np.float32(0.5),
    )
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["bytes"], to=TensorProto.FLOAT, name="io/cast"),
        node("Transpose", ["bytes"], ["planar"], perm=[0, 3, 1, 2], name="io/planar"),
        node("Mul", ["planar", "scale"], ["image"], name="io/scale"),
    ]
    source, weight_name = "image", "weight"
    if stateful:
        nodes += [
            node("Concat", ["image", "state_in"], ["joined"], axis=1, name="core/join"),
            node("Conv", ["image", "mix"], ["mixed"], name="core/mix"),
            node("Mul", ["state_in", "half"], ["faded"], name="core/fade"),
            node("Add", ["mixed", "faded"], ["state_out"], name="core/state"),
        ]
        source = "joined"
    if quantised:
        constants += _constants(
            s_in=np.float32(1 / 127),
            z_in=np.int8(0),
            s_w=(np.abs(weight).max((1, 2, 3)) / 127).astype(np.float32),
            z_w=np.zeros(12, np.int8),
        )
        nodes += [
            node("QuantizeLinear", [source, "s_in", "z_in"], ["q"], name="core/conv/q"),
            node("DequantizeLinear", ["q", "s_in", "z_in"], ["dq"], name="core/conv/dq"),
            node("QuantizeLinear", ["weight", "s_w", "z_w"], ["qw"], axis=0, name="core/conv/qw"),
            node("DequantizeLinear", ["qw", "s_w", "z_w"], ["dqw"], axis=0, name="core/conv/dqw"),
        ]
        source, weight_name = "dq", "dqw"
    nodes += [
        node("Conv", [source, weight_name], ["up"], pads=[1, 1, 1, 1], name="core/conv"),
        node("DepthToSpace", ["up"], ["wide"], blocksize=2, mode="CRD", name="core/shuffle"),
        node("Mul", ["wide", "peak"], ["levels"], name="io/levels"),
        node("Clip", ["levels", "low", "peak"], ["clipped"], name="io/clip"),
        node("Round", ["clipped"], ["rounded"], name="io/round"),
        node("Transpose", ["rounded"], ["packed"], perm=[0, 2, 3, 1], name="io/packed"),
        node("Cast", ["packed"], ["restored"], to=TensorProto.UINT8, name="io/out"),
    ]
    states = ([STATE_IN], [STATE_OUT]) if stateful else ([], [])
    if not stateful:
        constants = [c for c in constants if c.name not in ("mix", "half")]
    return _model(nodes, [IMAGES, *states[0]], [RESTORED, *states[1]], constants)


def au_model() -> onnx.ModelProto:
    """Linear action units and landmarks."""
    rng = np.random.default_rng(2)
    size = SIDE * SIDE * 3
    constants = _constants(
        flat=np.array([0, size], np.int64),
        points=np.array([0, 49, 2], np.int64),
        a=rng.normal(0, 0.002, (size, 12)).astype(np.float32),
        b=rng.normal(0, 0.01, (size, 98)).astype(np.float32),
    )
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["bytes"], to=TensorProto.FLOAT),
        node("Reshape", ["bytes", "flat"], ["row"]),
        node("MatMul", ["row", "a"], ["logits"]),
        node("Sigmoid", ["logits"], ["probabilities"]),
        node("MatMul", ["row", "b"], ["xy"]),
        node("Reshape", ["xy", "points"], ["landmarks"]),
    ]
    return _model(nodes, [IMAGES], [PROBABILITIES, LANDMARKS], constants)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Random uint8 RGB [count, 4, 4, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def reference(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ONNX's own reference evaluator makes of the feeds."""
    names = [o.name for o in model.graph.output]
    return dict(zip(names, ReferenceEvaluator(model).run(None, feeds), strict=True))


def make_manifest(model: onnx.ModelProto, **changes: object) -> Manifest:
    """A manifest for one of the models above."""
    outputs = {o.name for o in model.graph.output}
    stateful, is_au = "state_out" in outputs, "probabilities" in outputs
    fields: dict[str, object] = {
        "schema": 1,
        "digest": "",
        "name": "tiny",
        "model": "tiny",
        "task": "action-units" if is_au else "super-resolution",
        "precision": "fp32",
        "steps": 1,
        "scale": 1 if is_au else 2,
        "stateful": stateful,
        "inputs": (IMAGES, STATE_IN) if stateful else (IMAGES,),
        "outputs": (PROBABILITIES, LANDMARKS)
        if is_au
        else (RESTORED, STATE_OUT)
        if stateful
        else (RESTORED,),
        "artifacts": tuple(
            Artifact(backend=name, path="onnx/portable.onnx", dialect="portable")
            for name in ("onnxruntime", "openvino")
        ),
        "golden": (),
        "gates": (),
        "quality": {"b": 2.0, "a": 1.0},
        "rewrites": (),
        "weights": Weights(sha256="00", source="seeded", licence="Apache-2.0"),
        "calibration": None,
        "preferred": "onnxruntime",
        "tools": {"onnx": onnx.__version__},
        "files": {},
        "licence": "Apache-2.0",
    }
    return Manifest(**(fields | changes))


def make_bundle(
    folder: Path,
    model: onnx.ModelProto | None = None,
    extra: dict[str, bytes] | None = None,
    **changes: object,
) -> Path:
    """Write a bundle with golden vectors from the reference evaluator.

    Args:
        folder: where; made.
        model: one of the models above; ``sr_model()`` by default.
        extra: further files, path -> bytes, listed with their hashes.
        changes: manifest fields to replace.
    """
    model = model or sr_model()
    images = pictures(3)
    feeds = {"images": images}
    if any(i.name == "state_in" for i in model.graph.input):
        shape = (3, *STATE_IN.shape[1:])
        feeds["state_in"] = np.random.default_rng(3).normal(0, 1, shape).astype(np.float32)
    outputs = reference(model, feeds)
    write(folder / "onnx/portable.onnx", model.SerializeToString())
    for name, array in (feeds | outputs).items():
        (folder / "golden").mkdir(parents=True, exist_ok=True)
        np.save(folder / f"golden/{name}.npy", array)
    for name, data in (extra or {}).items():
        write(folder / name, data)
    golden = GoldenSet(
        dialect="portable",
        inputs={name: f"golden/{name}.npy" for name in feeds},
        outputs={name: f"golden/{name}.npy" for name in outputs},
        min_psnr_db=50.0,
        max_abs=1e-3,
    )
    files = {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
    manifest = make_manifest(model, **({"golden": (golden,), "files": files} | changes))
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))
    return folder


def write(path: Path, data: bytes) -> None:
    """Write bytes, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
