"""What became of the graph: the layers of a built engine, as TensorRT's inspector words them.

The engine inspector needs a device to load the engine on. The builder's own verbose message has
the same lines, so that layers are known where there is no device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECTION = re.compile(r"(Inputs|Constants|Outputs): \[")
_TYPE = re.compile(r"Datatype: (\w+)")
_NODE = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
_CONTRACTIONS = (
    "correlation",
    "convolution",
    "conv",
    "deconvolution",
    "caskconvolution",
    "caskdeconvolution",
    "gemm",
    "matrix_multiply",
    "matrixmultiply",
)


@dataclass(frozen=True)
class Layer:
    """One kernel of an engine.

    Attributes:
        name: the builder's name.
        kind: ``LayerType`` in TensorRT's words, such as ``correlation`` (a convolution).
        inputs: element types read, such as ``Int8``, ``Half``, ``Float``.
        constants: element types of weights and scales.
        outputs: element types written.
        nodes: names of the ONNX nodes fused into it.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...]

    @property
    def is_contraction(self) -> bool:
        """Whether the kernel is a convolution or a matrix product."""
        return self.kind.lower() in _CONTRACTIONS

    @property
    def is_int8(self) -> bool:
        """Whether it is a contraction of 8-bit integers, with 8-bit weights where it has any."""
        return (
            self.is_contraction
            and "Int8" in self.inputs
            and (not self.constants or "Int8" in self.constants)
        )


def parse(text: str) -> tuple[Layer, ...]:
    """Layers from the inspector's one-line form; lines of other form are left out.

    Args:
        text: lines ``Name: …, LayerType: …, Inputs: […], Constants: […], Outputs: […], …``.
    """
    layers = []
    for line in text.splitlines():
        line = line.strip()
        if not line.startswith("Name: ") or ", LayerType: " not in line:
            continue
        name, rest = line.removeprefix("Name: ").split(", LayerType: ", 1)
        sections = {title: _bracketed(rest, start) for title, start in _sections(rest)}
        types = {title: tuple(_TYPE.findall(body)) for title, body in sections.items()}
        layers.append(
            Layer(
                name,
                rest.split(",", 1)[0],
                types.get("Inputs", ()),
                types.get("Constants", ()),
                types.get("Outputs", ()),
                tuple(dict.fromkeys(_NODE.findall(rest))),
            )
        )
    return tuple(layers)


def _sections(line: str) -> list[tuple[str, int]]:
    return [(match.group(1), match.end()) for match in _SECTION.finditer(line)]


def _bracketed(line: str, start: int) -> str:
    """Text from ``start`` to the bracket that closes the one just before it."""
    depth = 1
    for position in range(start, len(line)):
        depth += {"[": 1, "]": -1}.get(line[position], 0)
        if depth == 0:
            return line[start:position]
    return line[start:]
