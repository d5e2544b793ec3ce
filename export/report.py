"""The build report: one page that opens from disk, made from plain data.

Everything is inside the file: pictures as base64 PNG, plots as inline SVG, style and the few
lines of script as text. Pictures are dropped from the end when the page would grow too large.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.runtime.manifest import Manifest

from . import report_numbers, report_plan, report_plots, report_text
from .plan_file import PrecisionPlan
from .report_sections import ConvRow, Difference, au_bars, coverages, differences, rewrite_rows

Rgb = NDArray[np.uint8]

LARGEST_BYTES = 2_900_000
REFERENCE = "fp32"


@dataclass(frozen=True)
class PictureRow:
    """One face in every precision.

    Attributes:
        name: the picture's name.
        input: what the model saw, uint8 RGB [h, w, 3].
        variants: name, such as ``bicubic``, ``fp32`` or ``int8 portable``, -> uint8 RGB
            [H, W, 3], in the order of display.
        truth: the original, uint8 RGB [H, W, 3], or None.
        psnr: variant -> luma PSNR in dB against the original; empty without one.
    """

    name: str
    input: Rgb
    variants: Mapping[str, Rgb]
    truth: Rgb | None = None
    psnr: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRow:
    """One face after every recurrent step: uint8 RGB [H, W, 3] each, and its PSNR in dB."""

    name: str
    steps: Sequence[Rgb]
    psnr: Sequence[float] = ()


@dataclass(frozen=True)
class ActionUnitRow:
    """One face read by an action-unit model.

    Attributes:
        name: the picture's name.
        picture: model input, uint8 RGB [h, w, 3].
        landmarks: float [49, 2], x and y in pixels of the picture.
        probabilities: precision, such as ``fp32`` or ``int8 portable``, -> float [12].
    """

    name: str
    picture: Rgb
    landmarks: NDArray[np.floating]
    probabilities: Mapping[str, NDArray[np.floating]]


@dataclass(frozen=True)
class ReportData:
    """Everything the report shows; empty parts leave their section out.

    Attributes:
        manifest: the bundle's manifest; ``files`` may still be empty.
        pictures: faces in every precision, super-resolution only.
        steps: faces after every step, super-resolution only.
        action_units: faces with landmarks and probabilities, action units only.
        readiness: dialect -> its convolutions, in graph order.
        ranges: activation tensor in graph order -> method -> (lowest, highest).
        sizes: file of the bundle -> bytes.
        plan: the precision plan, or None.
    """

    manifest: Manifest
    pictures: Sequence[PictureRow] = ()
    steps: Sequence[StepRow] = ()
    action_units: Sequence[ActionUnitRow] = ()
    readiness: Mapping[str, Sequence[ConvRow]] = field(default_factory=dict)
    ranges: report_plots.RangeTable = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    plan: PrecisionPlan | None = None


def render(data: ReportData) -> str:
    """The report as one HTML document of less than 3 MB.

    Raises:
        InputError: a picture is not uint8 RGB.
    """
    while True:
        page = _render(data)
        most = max(len(data.pictures), len(data.steps), len(data.action_units))
        size = len(page.encode())
        if size <= LARGEST_BYTES or most <= 1:
            return page
        keep = max(1, min(most - 1, most * LARGEST_BYTES // size))
        data = replace(
            data,
            pictures=data.pictures[:keep],
            steps=data.steps[:keep],
            action_units=data.action_units[:keep],
        )


def png_uri(rgb: Rgb) -> Markup:
    """A picture, uint8 RGB [h, w, 3], as a ``data:`` address of a PNG.

    Raises:
        InputError: not a uint8 RGB picture.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise InputError(
            f"the report shows uint8 RGB pictures [h, w, 3]; found {rgb.dtype} {list(rgb.shape)}"
        )
    done, encoded = cv2.imencode(
        ".png", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    assert done
    return Markup("data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode())


def _render(data: ReportData) -> str:
    manifest = data.manifest
    table = report_text.psnr_table(manifest.quality)
    stepped = {name: row for name, row in table.items() if any(step > 0 for step in row)}
    method = manifest.calibration.method if manifest.calibration else ""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        png=png_uri,
        count=report_numbers.count,
        number=report_numbers.number,
        bytes=report_numbers.byte_size,
        signed=report_numbers.signed,
    )
    return environment.get_template("report.html.j2").render(
        m=manifest,
        text=report_text,
        plots=report_plots,
        data=data,
        method=method,
        psnr=stepped,
        bicubic=table.get("bicubic", {}).get(0),
        hero=_hero(data),
        differences=_differences(data.pictures),
        coverages=coverages(data.readiness),
        rewrites=rewrite_rows(manifest.rewrites),
        plan=None if data.plan is None else report_plan.section(data.plan),
        faces=[(row, au_bars(row.probabilities)) for row in data.action_units],
        released=manifest.weights.source != "seeded",
    )


def _hero(data: ReportData) -> tuple[PictureRow, str] | None:
    """The picture to compare at the top: the first, bicubic against what the fastest plays."""
    if not data.pictures or "bicubic" not in data.pictures[0].variants:
        return None
    own = [name for name in data.pictures[0].variants if name != "bicubic"]
    same = [name for name in own if name.startswith(data.manifest.precision)]
    played = report_text.own_variant(data.manifest)
    chosen = [played] if played in own else (same or own)[:1]
    return (data.pictures[0], chosen[0]) if chosen else None


def _differences(pictures: Sequence[PictureRow]) -> Difference | None:
    quantised = [
        {n: p for n, p in row.variants.items() if n not in (REFERENCE, "bicubic")}
        for row in pictures
    ]
    if not any(quantised) or any(REFERENCE not in row.variants for row in pictures):
        return None
    return differences([row.variants[REFERENCE] for row in pictures], quantised)
