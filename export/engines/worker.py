"""The process that ``tensorrt.build_plan`` starts: reads a folder, leaves a plan in it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import msgspec

from facedge.errors import FacedgeError
from facedge.files import write_file

from .compiler import compile_plan
from .plan import PlanOptions
from .tensorrt import MODEL, OPTIONS, PLAN, RESULT, Outcome


def main(folder: Path) -> None:
    """Build ``folder/model.onnx`` as ``folder/options.json`` says."""
    options = msgspec.json.decode(
        (folder / OPTIONS).read_bytes(), type=PlanOptions, dec_hook=_decode
    )
    try:
        if options.log is not None:
            _log_to(options.log)
        plan = compile_plan((folder / MODEL).read_bytes(), options)
        write_file(folder / PLAN, plan.data)
    except FacedgeError as error:
        failed = Outcome(error=str(error), exit_code=error.exit_code)
        write_file(folder / RESULT, msgspec.json.encode(failed))
        return
    outcome = Outcome(
        version=plan.version,
        device=plan.device,
        layers=plan.layers,
        warnings=plan.warnings,
        seconds=plan.seconds,
        peak_mib=plan.peak_mib,
    )
    write_file(folder / RESULT, msgspec.json.encode(outcome))


def _log_to(file: Path) -> None:
    write_file(file, b"")
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    out = logging.getLogger("facedge.tensorrt")
    out.addHandler(handler)
    out.setLevel(logging.DEBUG)


def _decode(kind: type, value: Any) -> Any:
    return Path(value) if kind is Path else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
