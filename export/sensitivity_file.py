"""The sensitivity file: what each part of a quantised graph costs in quality."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from facedge.calibration.ranges import Ranges
from facedge.calibration.ranges import encode as encode_ranges
from facedge.files import write_file
from facedge.records import decode_file
from facedge.runtime.manifest import Dialect

from .judge import Loss

SCHEMA = 1
KIND: Literal["facedge-sensitivity"] = "facedge-sensitivity"
_MAKE = "measure it with: facedge sensitivity"


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Subject(_Record, frozen=True):
    """What was measured; two measurements of one subject have equal parts.

    Attributes:
        model: name in the registry.
        steps: recurrent steps in the graph.
        dialect: whose Q/DQ pairs.
        method: range method.
        weights_sha256: ``calibration.graph.weights_hash`` of the float graph.
        ranges_sha256: of the ranges file.
        pictures: number of pictures.
        pictures_sha256: over their names and hashes.
        au: whether action units were read on the restored faces for every part.
    """

    model: str
    steps: int
    dialect: Dialect
    method: str
    weights_sha256: str
    ranges_sha256: str
    pictures: int
    pictures_sha256: str
    au: bool = False


class Part(_Record, frozen=True):
    """One part of the quantised graph, rounded alone.

    Attributes:
        kind: the weights of a node, or an activation.
        name: the node, or the first of ``tensors``.
        tensors: names of the activation before and after data movement; empty for weights.
        loss: what it costs.
    """

    kind: Literal["weights", "activation"]
    name: str
    loss: Loss
    tensors: tuple[str, ...] = ()


class Row(_Record, frozen=True):
    """One INT8 node: its weights, and the activations it reads and gives.

    Attributes:
        node: its name.
        op: Conv, Gemm or MatMul.
        share: of the graph's multiply-accumulates, 0..1.
        reads: name of the activation part it reads.
        gives: name of the activation part of its result; empty where that is not rounded.
    """

    node: str
    op: str
    share: float
    reads: str
    gives: str = ""


class Sensitivity(_Record, frozen=True):
    """The parts of a graph, and all of them together.

    Attributes:
        subject: what was measured.
        source: where the pictures came from, one phrase.
        rows: INT8 nodes in graph order.
        all_int8: everything rounded; None until measured.
        parts: measured so far, in graph order: weights, then activations.
    """

    subject: Subject
    source: str
    rows: tuple[Row, ...]
    all_int8: Loss | None
    parts: tuple[Part, ...]
    kind: Literal["facedge-sensitivity"] = KIND
    schema: int = SCHEMA

    def additivity(self) -> float | None:
        """Sum of all parts over the loss of all together; 1 where errors add up."""
        if self.all_int8 is None or self.all_int8.predictable <= 0:
            return None
        return sum(part.loss.predictable for part in self.parts) / self.all_int8.predictable


def predict(parts: Iterable[Part], nodes: Collection[str], tensors: Collection[str]) -> float:
    """Loss of an assignment, the sum of its parts (``Loss.predictable``).

    Args:
        parts: all of the graph's.
        nodes: contractions that are INT8.
        tensors: activations that are rounded.
    """
    held = set(tensors)
    return sum(
        part.loss.predictable
        for part in parts
        if (part.name in nodes if part.kind == "weights" else held & set(part.tensors))
    )


def alone(row: Row, parts: Collection[Part]) -> float:
    """Loss of quantising one node alone: its weights, what it reads and what it gives."""
    ends = {row.reads, row.gives}
    tensors = {t for p in parts if p.kind == "activation" and p.name in ends for t in p.tensors}
    return predict(parts, {row.node}, tensors)


def encode(found: Sensitivity) -> bytes:
    """The file's bytes: indented JSON, equal for equal contents."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def write(path: Path, found: Sensitivity) -> None:
    """Write the file; it appears complete or not at all."""
    write_file(path, encode(found))


def read(path: Path) -> Sensitivity:
    """Read a sensitivity file.

    Raises:
        InputError: no such file, or not a sensitivity file of this schema.
    """
    return decode_file(path, Sensitivity, "sensitivity", KIND, SCHEMA, _MAKE)


def ranges_sha256(ranges: Ranges) -> str:
    """Hash of the ranges file, whether it was written or not."""
    return hashlib.sha256(encode_ranges(ranges).encode()).hexdigest()


def merge(parts: Iterable[Part], order: Iterable[tuple[str, str]]) -> tuple[Part, ...]:
    """Parts in the order of (kind, name) pairs; those not in it are dropped."""
    found = {(part.kind, part.name): part for part in parts}
    return tuple(found[key] for key in order if key in found)
