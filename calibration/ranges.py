"""The ranges file: what calibration measured, for every quantiser to read."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from facedge.errors import InputError
from facedge.files import write_file
from facedge.records import decode_file

from .statistics import METHODS

SCHEMA = 1
KIND: Literal["facedge-ranges"] = "facedge-ranges"
DEFAULT_PERCENTILE = "percentile-99.99"
_RECALIBRATE = "measure them anew with: facedge calibrate"


class TensorRanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ranges of one tensor.

    Attributes:
        count: how many values were measured.
        methods: method -> lower bound, upper bound (of the asymmetric range, which contains
            zero) and magnitude (of the symmetric one); all 0 where the tensor was always 0.
    """

    count: int
    methods: dict[str, tuple[float, float, float]]


class ImageHash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture that was measured on."""

    name: str
    sha256: str


class Ranges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What calibration measured on one model and one set of pictures.

    Attributes:
        weights_sha256: ``calibration.graph.weights_hash`` of the model measured.
        source: where the pictures came from, one phrase.
        images: the pictures, sorted by name.
        tensors: tensor name -> its ranges, in the order of the graph.
    """

    weights_sha256: str
    source: str
    images: tuple[ImageHash, ...]
    tensors: dict[str, TensorRanges]
    kind: Literal["facedge-ranges"] = KIND
    schema: int = SCHEMA

    def of(self, tensor: str, method: str, symmetric: bool = False) -> tuple[float, float]:
        """Range of a tensor.

        Args:
            tensor: name in the graph.
            method: one of ``statistics.METHODS``, or ``percentile`` for 99.99 %.
            symmetric: the range for signed 8 bits without a zero point.

        Returns:
            Lower and upper bound, lower <= 0 <= upper; (-m, m) when symmetric.

        Raises:
            InputError: no such tensor or method in the file.
        """
        self.check_covers((tensor,))
        methods = self.tensors[tensor].methods
        bounds = methods.get(DEFAULT_PERCENTILE if method == "percentile" else method)
        if bounds is None:
            raise InputError(
                f"there is no calibration method {method!r}; choose one of {', '.join(methods)}"
            )
        low, high, magnitude = bounds
        return (-magnitude, magnitude) if symmetric else (low, high)

    def check_covers(self, tensors: Iterable[str]) -> None:
        """Refuse when a tensor of the graph was not measured.

        Raises:
            InputError: names the missing tensors.
        """
        missing = [name for name in tensors if name not in self.tensors]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise InputError(
                f"the ranges lack tensor {', '.join(missing[:3])}{more} of this graph; they "
                f"belong to another graph (model, steps or passes): {_RECALIBRATE}"
            )

    def check_weights(self, weights_sha256: str) -> None:
        """Refuse ranges that were measured with other weights: activations differ with them.

        Raises:
            InputError: the hashes differ.
        """
        if weights_sha256 != self.weights_sha256:
            raise InputError(
                f"the ranges were measured with weights {self.weights_sha256[:12]}, this graph has "
                f"{weights_sha256[:12]} (another model, training or number of steps); "
                f"{_RECALIBRATE}"
            )

    def write(self, path: Path) -> None:
        """Write the ranges file; it appears complete or not at all.

        Raises:
            InputError: a bad range, or the disk refuses.
        """
        write_file(path, encode(self))

    def images_sha256(self) -> str:
        """One hash over names and hashes of all pictures."""
        lines = "".join(f"{image.sha256}  {image.name}\n" for image in self.images)
        return hashlib.sha256(lines.encode()).hexdigest()


def encode(ranges: Ranges) -> str:
    """The file's text: JSON, a line per picture and per method; equal ranges, equal text.

    Raises:
        InputError: a range is not finite, does not contain zero, or is inverted.
    """
    _check(ranges, "the ranges")
    quote = json.dumps
    images = ",\n".join(
        f'    {{"name": {quote(image.name)}, "sha256": {quote(image.sha256)}}}'
        for image in ranges.images
    )
    tensors = ",\n".join(
        f"    {quote(name)}: {{\n"
        f'      "count": {tensor.count},\n'
        '      "methods": {\n'
        + ",\n".join(
            f"        {quote(method)}: {quote(list(bounds))}"
            for method, bounds in tensor.methods.items()
        )
        + "\n      }\n    }"
        for name, tensor in ranges.tensors.items()
    )
    return (
        "{\n"
        f'  "kind": {quote(ranges.kind)},\n'
        f'  "schema": {ranges.schema},\n'
        f'  "weights_sha256": {quote(ranges.weights_sha256)},\n'
        f'  "source": {quote(ranges.source)},\n'
        f'  "images": [\n{images}\n  ],\n'
        f'  "tensors": {{\n{tensors}\n  }}\n'
        "}\n"
    )


def read(path: Path) -> Ranges:
    """Read a ranges file.

    Raises:
        InputError: no such file, not a ranges file, another schema, or a range that is not
            finite, is inverted or does not contain zero.
    """
    ranges = decode_file(path, Ranges, "ranges", KIND, SCHEMA, _RECALIBRATE)
    _check(ranges, str(path))
    return ranges


def _check(ranges: Ranges, where: str) -> None:
    for name, tensor in ranges.tensors.items():
        if missing := [method for method in METHODS if method not in tensor.methods]:
            raise InputError(f"{where}: tensor {name} lacks {', '.join(missing)}; {_RECALIBRATE}")
        for method, (low, high, magnitude) in tensor.methods.items():
            finite = math.isfinite(low) and math.isfinite(high) and math.isfinite(magnitude)
            if not (finite and low <= 0.0 <= high and magnitude >= 0.0):
                raise InputError(
                    f"{where}: {method} range of tensor {name} is [{low}, {high}], magnitude "
                    f"{magnitude}; expected finite bounds around zero: {_RECALIBRATE}"
                )
