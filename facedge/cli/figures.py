"""Tables of what ``facedge eval`` measured, and how it was measured in a sentence or two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facedge.training.action_unit_quality import ActionUnitQuality
    from facedge.training.au_metric import AuScore
    from facedge.training.face_quality import FaceQuality, RealQuality

NOTHING = "–"

PICTURES = (
    "Means over pictures rounded to uint8, 8 border pixels left out. Y: luma of BT.601, studio "
    "range. SSIM: 11x11 Gaussian of sigma 1.5; in RGB the mean of the channels. LR: PSNR between "
    "the network's input and the picture made small again by antialiased bicubic."
)
FACES = (
    "{reader} reads the true and the restored face in a 176x176 crop. Equal: decisions at 0.5 that "
    "agree, over faces x AUs; apart: mean absolute difference of probabilities; F1: with the true "
    "face's decisions as truth, mean over the {units} of 12 AUs that occur in 5 or more faces."
)
LANDMARKS = (
    "NME: mean distance of the 49 landmarks it finds from the given ones, over the distance of the "
    "outer eye corners."
)
HEATMAPS = "The network's own heatmaps: NME {nme:.2f} % over 68 landmarks."
UNITS = (
    "Decisions at 0.5; accuracy over pictures x AUs; score: half the mean F1 and half the accuracy "
    "(ABAW2). Entries without a label do not count."
)
BESIDE = (
    "Linear: logistic regression on the given landmarks, which AU 25 and 26 are labelled from. "
    "No edges: the same layers and features, no AU hears of another. No graph: every AU is read "
    "from all features by one linear classifier, as in JAA-Net."
)
REAL = "Real faces have no truth; LR is what can be measured on them."


def print_faces(title: str, found: FaceQuality, reader: str) -> None:
    """Two tables: pictures, then action units and landmarks."""
    console = Console(highlight=False, markup=False)
    console.print(f"{title}, {_faces(found.pictures)}", style="bold")
    pictures = Table()
    for heading in ("", "PSNR Y", "SSIM Y", "PSNR RGB", "SSIM RGB", "LR dB"):
        pictures.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, figures in found.rows:
        if q := figures.quality:
            pictures.add_row(
                name,
                _number(q.psnr_y, 2),
                _number(q.ssim_y, 4),
                _number(q.psnr_rgb, 2),
                _number(q.ssim_rgb, 4),
                _number(q.consistency_db, 2),
            )
    console.print(pictures)
    console.print(f"{found.gain:+.2f} dB over bicubic. {PICTURES}")
    faces = Table()
    for heading in ("", "equal %", "apart", "F1", "NME %"):
        faces.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, figures in found.rows:
        a = figures.agreement
        shown = (
            (_number(100 * a.equal, 1), _number(a.difference, 4), _number(a.f1, 4))
            if a
            else (NOTHING,) * 3
        )
        faces.add_row(name, *shown, _number(figures.nme_percent, 2))
    console.print(faces)
    units = found.bicubic.agreement.units if found.bicubic.agreement else 0
    sentences = [FACES.format(reader=reader, units=units)]
    if found.truth.nme_percent is not None:
        sentences.append(LANDMARKS)
    if found.heatmap_nme_percent is not None:
        sentences.append(HEATMAPS.format(nme=found.heatmap_nme_percent))
    console.print(" ".join(sentences))


def print_real(title: str, found: RealQuality, first: int = 1) -> None:
    """A table of LR consistency; ``first`` is the number of the first step."""
    console = Console(highlight=False, markup=False)
    console.print(f"{title}, {_faces(found.pictures)} of --lr", style="bold")
    table = Table()
    table.add_column("")
    table.add_column("LR dB", justify="right")
    table.add_row("bicubic", _number(found.bicubic, 2))
    for index, value in enumerate(found.steps, first):
        table.add_row(f"step {index}", _number(value, 2))
    console.print(table)
    console.print(REAL)


def print_action_units(
    title: str,
    found: ActionUnitQuality,
    units: tuple[int, ...],
    columns: Mapping[str, AuScore],
) -> None:
    """A table of F1 by action unit, and the figures over all.

    Args:
        title: name of the network and of the labels.
        found: figures of the network.
        units: the AUs, in order.
        columns: heading -> scores of the network or of what it is compared with.
    """
    console = Console(highlight=False, markup=False)
    console.print(f"{title}, {_faces(found.pictures)}", style="bold")
    table = Table()
    scores = columns.values()
    compared = len(columns) > 1
    table.add_column("F1" if compared else "")
    for heading in ("faces with it", *columns):
        table.add_column(heading, justify="right")
    for index, unit in enumerate(units):
        values = (_number(score.f1[index], 4) for score in scores)
        table.add_row(f"AU{unit}", str(found.score.positives[index]), *values)
    table.add_section()
    for name, over_all in (
        ("mean F1", [score.mean_f1 for score in scores]),
        ("accuracy", [score.accuracy for score in scores]),
        ("score", [score.score for score in scores]),
    ):
        table.add_row(name, "", *(_number(value, 4) for value in over_all))
    if found.nme_percent is not None:
        table.add_row("NME %", "", *[""] * (len(columns) - 1), _number(found.nme_percent, 2))
    console.print(table)
    sentences = [UNITS]
    if compared:
        sentences.append(BESIDE)
    if found.score.without_positives:
        absent = ", ".join(f"AU{unit}" for unit in found.score.without_positives)
        sentences.append(f"{absent}: in no label and no decision, counted as 0.")
    if found.nme_percent is not None:
        sentences.append(LANDMARKS)
    console.print(" ".join(sentences))


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count} faces"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}f}"
