"""ONNX Runtime's own ``quantize_static`` on the plain export, with the same pictures.

Two forms: everything at its default, and activations in uint8, which its documentation
recommends on x86-64. Both after ``quant_pre_process``, as it asks for.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import onnx

from facedge.runtime.backends.onnxruntime import create_session

from .contract import Floats, Peer, Run, Work
from .onnxruntime_plain import playing


def quantised(model: bytes, calibration: Floats, **options: Any) -> bytes:
    """INT8 Q/DQ form of an ONNX model by ONNX Runtime's own tool.

    Args:
        model: ONNX with one float input.
        calibration: pictures [N, 3, h, w], shown one at a time.
        options: what to set of ``quantize_static`` beyond its defaults.
    """
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._left: Iterator[Floats] = iter(calibration)
            self._name = name

        def get_next(self) -> dict[str, Floats] | None:
            picture = next(self._left, None)
            return None if picture is None else {self._name: picture[None]}

    name = onnx.load_from_string(model).graph.input[0].name
    logging.getLogger().addFilter(_is_serious)
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain, ready, done = (Path(folder) / f"{n}.onnx" for n in ("plain", "ready", "int8"))
            plain.write_bytes(model)
            # Its symbolic shape inference does not know every operator of these networks.
            quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
            quantize_static(str(ready), str(done), Reader(name), **options)
            return done.read_bytes()
    finally:
        logging.getLogger().removeFilter(_is_serious)


def _is_serious(record: logging.LogRecord) -> bool:
    """Its hints go to the root logger, where a table is being printed."""
    return record.levelno >= logging.ERROR


def _open(work: Work, activations: str | None) -> Run:
    from onnxruntime.quantization import QuantType

    options = {} if activations is None else {"activation_type": QuantType[activations]}
    model = quantised(work.exported, work.calibration, **options)
    return playing(create_session(model, work.threads))


DEFAULT = Peer(
    "quantize_static, onnxruntime", "onnxruntime", "int8", partial(_open, activations=None)
)
UINT8 = Peer(
    "quantize_static uint8, onnxruntime",
    "onnxruntime",
    "int8",
    partial(_open, activations="QUInt8"),
)
