"""What a graph loses against FP32 on real pictures, batch by batch, in memory that does not grow.

Super-resolution. With e the luma difference of a picture to FP32's before it is rounded to bytes,
in grey levels, and t the luma difference of FP32's to the ground truth,

    added = mean e^2        loss_db = mean over pictures of 10 log10(1 + mean e^2 / mean t^2).

The second is the PSNR that is lost when e and t have nothing to do with each other. The measured
loss, ``truth_loss_db``, also holds their product, which is zero on average and, on tens of
pictures, larger than the loss of one layer. Borders and luma are ``facedge.metrics``'.

Action units: ``added`` is the mean squared difference of probabilities.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from facedge.calibration.samples import Sample
from facedge.errors import InputError
from facedge.metrics import luma, psnr_y
from facedge.models.contract import ModelSpec

from .reference import FEWEST
from .runner import Runner

Array = NDArray[Any]
Reader = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Restored faces, uint8 [N, H, W, 3] -> AU probabilities [N, 12]."""
BATCH = 8
OBSERVED = "observed_picture"
"""Output that shows the float picture of a graph."""
_BORDER = 8


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a graph loses against FP32.

    Attributes:
        added: mean squared error added: luma in grey levels, or probabilities.
        loss_db: expected loss of luma PSNR in dB; None without a ground truth.
        truth_loss_db: loss of luma PSNR as measured in dB; None without a ground truth.
        au_agreement: percent of AU decisions equal to FP32's, of the model itself or of
            ``au-gcn-edge`` on the restored faces; None where no one read them.
        au_difference: mean absolute difference of the probabilities; None likewise.
    """

    added: float
    loss_db: float | None = None
    truth_loss_db: float | None = None
    au_agreement: float | None = None
    au_difference: float | None = None

    @property
    def predictable(self) -> float:
        """The figure whose parts add up: ``loss_db`` where there is one, else ``added``."""
        return self.added if self.loss_db is None else self.loss_db


@dataclass
class _Reference:
    """What FP32 does on the pictures: a few numbers for each."""

    psnr: list[float]
    error: list[float]
    units: list[Array]


class Judge:
    """Holds pictures and FP32's results on disk, and measures other graphs against them.

    Attributes:
        names: the pictures' names and hashes.
        observed: output that shows the float picture; empty for action units.
        truths: whether there is a ground truth.
    """

    def __init__(self, folder: Path, spec: ModelSpec, observed: str) -> None:
        self._spec, self.observed = spec, observed
        self._inputs, self._truths = _Stack(folder / "inputs"), _Stack(folder / "truths")
        self._floats = _Stack(folder / "floats")
        self._reference = _Reference([], [], [])
        self._reader: Reader | None = None
        self.names: list[tuple[str, str]] = []
        self.truths = False

    def __len__(self) -> int:
        return len(self.names)

    def fill(self, samples: Iterable[Sample], count: int) -> None:
        """Take the first ``count`` pictures with a ground truth, or of all where few have one.

        Raises:
            InputError: there are none.
        """
        plain = _Stack(self._inputs.path.with_name("plain"))
        without: list[tuple[str, str]] = []
        for sample in samples:
            if sample.truth is not None:
                self._inputs.add(sample.input)
                self._truths.add(sample.truth)
                self.names.append((sample.name, sample.sha256))
            elif len(without) < count:
                plain.add(sample.input)
                without.append((sample.name, sample.sha256))
            if len(self.names) == count:
                break
        self.truths = len(self.names) >= min(count, FEWEST)
        if not self.truths:
            for index in range(min(len(without), count - len(self.names))):
                self._inputs.add(plain[index : index + 1][0])
                self.names.append(without[index])
        if not self.names:
            raise InputError("there are no pictures to measure on; give a folder that holds some")

    def refer(self, runner: Runner, reader: Reader | None, advance: Callable[[int], None]) -> None:
        """Run FP32 on every picture and keep what others are held against."""
        self._reader = reader
        for start, images in self._batches():
            found = runner({"images": images})
            if self._spec.task == "action-units":
                self._reference.units.append(found["probabilities"])
            else:
                self._floats.add(*found[self.observed])
                if self.truths:
                    for mine, shown, truth in zip(
                        _luma(found[self.observed]),
                        found["restored"],
                        self._truths[start : start + len(images)],
                        strict=True,
                    ):
                        wanted = _inside(luma(truth))
                        self._reference.error.append(float(np.mean((mine - wanted) ** 2)))
                        self._reference.psnr.append(psnr_y(shown, truth, _BORDER))
                if reader is not None:
                    self._reference.units.append(reader(found["restored"]))
            advance(start + len(images))

    def measure(
        self, runner: Runner, read_units: bool = False, pictures: int | None = None
    ) -> Loss:
        """Hold a graph against FP32.

        Args:
            runner: gives ``restored`` and the observed float picture, or ``probabilities``.
            read_units: also read action units on restored faces, where a reader was given.
            pictures: the first so many alone, in whole batches; all when None.
        """
        sums = _Sums()
        for number, (start, images) in enumerate(self._batches()):
            if pictures is not None and start >= pictures:
                break
            found = runner({"images": images})
            if self._spec.task == "action-units":
                sums.units(found["probabilities"], self._reference.units[number], squared=True)
                continue
            self._pictures(sums, start, found)
            if read_units and self._reader is not None:
                sums.units(self._reader(found["restored"]), self._reference.units[number])
        return sums.loss(self.truths)

    def _pictures(self, sums: _Sums, start: int, found: dict[str, Array]) -> None:
        count = len(found["restored"])
        before = self._floats[start : start + count]
        for offset, (mine, theirs) in enumerate(
            zip(_luma(found[self.observed]), _luma(before), strict=True)
        ):
            added = float(np.mean((mine - theirs) ** 2))
            sums.pictures += 1
            sums.added += added
            if self.truths:
                index = start + offset
                truth = self._truths[index : index + 1][0]
                shown = psnr_y(found["restored"][offset], truth, _BORDER)
                error = max(self._reference.error[index], 1e-9)
                sums.expected += 10 * np.log10(1 + added / error)
                sums.measured += self._reference.psnr[index] - shown

    def _batches(self) -> Iterator[tuple[int, Array]]:
        for start in range(0, len(self), BATCH):
            yield start, self._inputs[start : start + BATCH]


@contextmanager
def judge_on(spec: ModelSpec, samples: Iterable[Sample], count: int) -> Iterator[Judge]:
    """A judge with pictures and no reference yet; what it keeps on disk goes with the block."""
    observed = "" if spec.task == "action-units" else OBSERVED
    with tempfile.TemporaryDirectory(prefix="facedge-") as folder:
        judge = Judge(Path(folder), spec, observed)
        judge.fill(samples, count)
        yield judge


def with_observed(model: onnx.ModelProto, name: str) -> bytes:
    """The graph, serialised, with the float picture as an output; as it is for an empty name.

    The output is ``restored`` before it is rounded: float, clipped, in grey levels, and laid out
    as ``restored`` is.

    Raises:
        InputError: the graph does not end in a rounding and, maybe, movement.
    """
    if not name:
        return bytes(model.SerializeToString())
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    graph = shown.graph
    rounding, moves = _end(shown)
    value = str(rounding.input[0])

    def add(kind: str, *inputs: str) -> str:
        result = f"{name}_{len(graph.node)}"
        graph.node.append(helper.make_node(kind, [value, *inputs], [result], result))
        return result

    if rounding.op_type == "QuantizeLinear":
        value = add("Div", rounding.input[1])
        bounds = (numpy_helper.from_array(np.array(x, np.float32), f"{name}_{x}") for x in (0, 255))
        graph.initializer.extend(bounds)
        value = add("Clip", f"{name}_0", f"{name}_255")
    for move in moves:
        copy = graph.node.add()
        copy.CopyFrom(move)
        copy.name = copy.output[0] = f"{name}_{len(graph.node)}"
        copy.input[0], value = value, copy.output[0]
    # What is rounded to bytes is itself rounded in some graphs, and then has another name.
    graph.node.append(helper.make_node("Identity", [value], [name], name))
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return bytes(shown.SerializeToString())


def _end(model: onnx.ModelProto) -> tuple[onnx.NodeProto, list[onnx.NodeProto]]:
    """The node that rounds ``restored`` to whole levels, and what moves values behind it."""
    makers = {output: node for node in model.graph.node for output in node.output}
    node = makers.get("restored")
    moves: list[onnx.NodeProto] = []
    while node is not None and node.op_type in ("Cast", "Transpose", "Reshape", "DepthToSpace"):
        if node.op_type != "Cast":
            moves.insert(0, node)
        node = makers.get(node.input[0])
    if node is None or node.op_type not in ("Round", "QuantizeLinear"):
        raise InputError("the graph does not end in rounded pictures called 'restored'")
    return node, moves


class _Stack:
    """Arrays of one shape in a file: appended once, read back by slices."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shape: tuple[int, ...] = ()
        self._type = np.dtype(np.uint8)

    def add(self, *arrays: Array) -> None:
        with self.path.open("ab") as stream:
            for array in arrays:
                self._shape, self._type = array.shape, array.dtype
                stream.write(np.ascontiguousarray(array).tobytes())

    def __getitem__(self, rows: slice) -> Array:
        size = int(np.prod(self._shape))
        found = np.fromfile(
            self.path,
            self._type,
            size * (rows.stop - rows.start),
            offset=size * self._type.itemsize * rows.start,
        )
        return found.reshape(-1, *self._shape)


class _Sums:
    """Running sums of one measurement."""

    def __init__(self) -> None:
        self.pictures = self.faces = 0
        self.added = self.expected = self.measured = 0.0
        self.equal = self.apart = 0.0

    def units(self, found: Array, wanted: Array, squared: bool = False) -> None:
        difference = found.astype(np.float64) - wanted
        self.faces += len(found)
        self.equal += float(np.mean((found > 0.5) == (wanted > 0.5), 1).sum())
        self.apart += float(np.abs(difference).mean(1).sum())
        if squared:
            self.pictures += len(found)
            self.added += float((difference**2).mean(1).sum())

    def loss(self, truths: bool) -> Loss:
        count, faces = max(self.pictures, 1), self.faces
        return Loss(
            added=self.added / count,
            loss_db=float(self.expected / count) if truths else None,
            truth_loss_db=float(self.measured / count) if truths else None,
            au_agreement=100 * self.equal / faces if faces else None,
            au_difference=self.apart / faces if faces else None,
        )


def _luma(pictures: Array) -> Array:
    """Float NCHW or NHWC in grey levels -> luma [N, h, w] inside the border."""
    rgb_last = pictures if pictures.shape[-1] == 3 else pictures.transpose(0, 2, 3, 1)
    return _inside(luma(rgb_last))


def _inside(plane: Array) -> Array:
    return plane[..., _BORDER:-_BORDER, _BORDER:-_BORDER]
