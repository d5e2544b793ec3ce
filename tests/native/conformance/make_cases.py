"""Write conformance cases with the Python runtime, for the ``conformance`` program.

    python tests/native/conformance/make_cases.py CASES --bundle bundles/fsr-student-int8

Cropped faces: what ``Session`` on the same back end makes of them, hidden states kept per track by
hand. Camera frames: what libfacedge makes of them on this machine (test_conformance.py compares it
with the Python runtime), so they need the native build; ``--no-frames`` leaves them out. The folder
holds its bundles and can be copied to another machine. case.hpp describes the files.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2] / "helpers")]

from cases import Case  # noqa: E402
from face_cases import batch_case, state_case  # noqa: E402
from frame_cases import frame_cases  # noqa: E402
from tiny_bundle import au_model, make_bundle, sr_model  # noqa: E402

from facedge.runtime.bundle import Bundle, load  # noqa: E402

BATCHES = (1, 2, 3, 5, 8)


def make_cases(out: Path, backend: str, real: Sequence[Path] = (), frames: bool = True) -> int:
    """Write all cases into ``out``, which must not exist.

    Returns:
        How many.
    """
    bundles = make_bundles(out / "bundles", real)
    cases: list[Case] = []
    for name, bundle in bundles.items():
        if bundle.manifest.stateful:
            cases += [state_case(bundle, backend, missed) for missed in (1, 2)]
            cases.append(state_case(bundle, backend, 2, reset=True))
        else:
            batches = BATCHES if name.startswith("tiny") else BATCHES[:3]
            cases += [batch_case(bundle, backend, batch) for batch in batches]
    if frames:
        cases += frame_cases(bundles, backend)
    for case in cases:
        case.write(out)
    return len(cases)


def make_bundles(folder: Path, real: Sequence[Path]) -> dict[str, Bundle]:
    """The three tiny bundles and copies of real ones, by name."""
    folder.mkdir(parents=True)
    made = {"tiny-sr": sr_model(), "tiny-au": au_model(), "tiny-state": sr_model(stateful=True)}
    for name, model in made.items():
        make_bundle(folder / name, model, name=name)
    for path in real:
        shutil.copytree(path, folder / path.name)
    return {name: load(folder / name) for name in (*made, *(path.name for path in real))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--bundle", type=Path, action="append", default=[], help="a real bundle")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--no-frames", action="store_true", help="no camera frames")
    given = parser.parse_args()
    count = make_cases(given.out, given.backend, given.bundle, not given.no_frames)
    print(f"{count} cases in {given.out}")


if __name__ == "__main__":
    main()
