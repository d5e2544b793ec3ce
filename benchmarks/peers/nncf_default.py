"""The plain export quantised by NNCF with its own defaults, in OpenVINO."""

from __future__ import annotations

import io
import logging
from contextlib import redirect_stdout

from facedge.extras import require

from .contract import Peer, Run, Work
from .openvino_plain import module, playing


def _open(work: Work) -> Run:
    core = module().Core()
    nncf = require("nncf", "peers", "quantise the plain export")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    pictures = [picture[None] for picture in work.calibration]
    # It draws bars on standard output, which belongs to the result.
    with redirect_stdout(io.StringIO()):
        model = nncf.quantize(
            core.read_model(work.exported), nncf.Dataset(pictures), subset_size=len(pictures)
        )
    return playing(core, model, work, own_precision=True)


PEER = Peer("NNCF, openvino", "nncf", "int8", _open)
