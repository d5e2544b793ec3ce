"""From pictures of any size to a model's input and, where there is one, its ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from facedge.pictures import Rgb
from facedge.resize import model_input, square_crop

from .sources import Picture


class InputContract(Protocol):
    """The part of a ``ModelSpec`` that pictures depend on."""

    @property
    def task(self) -> Literal["super-resolution", "action-units"]: ...
    @property
    def input_size(self) -> int: ...
    @property
    def output_size(self) -> int: ...


@dataclass(frozen=True)
class Sample:
    """One model input.

    Attributes:
        name: the picture's name.
        input: RGB uint8 [h, h, 3], h = the model's input size.
        truth: RGB uint8 [H, H, 3], H = the model's output size; None where the picture is
            itself of low resolution, and for action units.
        sha256: the picture's hash.
    """

    name: str
    input: Rgb
    truth: Rgb | None
    sha256: str = ""


class Samples(Iterator[Sample]):
    """The samples of a source, made one at a time; iterates once.

    Attributes:
        description: the source's description.
    """

    def __init__(self, source: Iterable[Picture], spec: InputContract) -> None:
        self.description: str = getattr(source, "description", "")
        self._pictures = iter(source)
        self._spec = spec

    def __next__(self) -> Sample:
        return _sample(next(self._pictures), self._spec)


def samples(source: Iterable[Picture], spec: InputContract) -> Samples:
    """Inputs for ``spec``, one at a time, in the source's order.

    Each is the centre square of a picture, sized by ``resize.model_input``.

    Raises:
        InputError: while iterating, whatever the source raises, such as no readable picture.
    """
    return Samples(source, spec)


def _sample(picture: Picture, spec: InputContract) -> Sample:
    output_side = spec.output_size if spec.task == "super-resolution" else 0
    given, truth = model_input(square_crop(picture.rgb), spec.input_size, output_side)
    return Sample(picture.name, given, truth, picture.sha256)
