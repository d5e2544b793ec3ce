"""The main job: weights in, a verified bundle out. The same command as ``facedge build``.

python export/build_engine.py                    # fsr-student, INT8, embedded pictures
python export/build_engine.py --model au-gcn-edge --precision fp16 --calib my_faces --out bundles
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts this folder first on the path, where `calibration` or `trace` would be found
    # under their bare names; what is imported below is the installed package.
    here = Path(__file__).resolve().parent
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != here]
    try:
        import facedge  # noqa: F401
    except ImportError:
        sys.exit(
            "facedge: the package is not installed; run: make setup, "
            "then .venv/bin/python export/build_engine.py"
        )

    import typer

    from facedge.cli.build import build
    from facedge.cli.main import run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command()(build)
    run_command(app)
