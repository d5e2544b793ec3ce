"""The build report: one complete, escaped, self-contained page that tells what the data says.

All figures here are test data made up to exercise the page; the pictures are scikit-image's.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data as pictures

from facedge.errors import InputError
from facedge.export.report import ActionUnitRow, PictureRow, ReportData, StepRow, png_uri, render
from facedge.export.report_plots import nice_ticks
from facedge.export.report_sections import differences
from facedge.export.report_text import gate_groups, headline, psnr_table, standfirst
from facedge.metrics import psnr_y
from facedge.resize import reduce_bicubic, square_crop
from facedge.runtime.manifest import (
    SCHEMA,
    Artifact,
    Calibration,
    Gate,
    Manifest,
    PassRow,
    TensorSpec,
    Weights,
)

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Conv:
    """Stand-in with the fields of ConvReadiness."""

    node: str
    channels: tuple[int, int]
    macs: int
    int8: bool
    reason: str


def face() -> Rgb:
    """A 128-pixel face out of scikit-image's astronaut."""
    return reduce_bicubic(square_crop(pictures.astronaut()[10:230, 110:330]), 128)


def sr_manifest(**changes: object) -> Manifest:
    """A plausible manifest of an INT8 super-resolution bundle."""
    manifest = Manifest(
        schema=SCHEMA,
        digest="0" * 64,
        name="fsr-student-int8",
        model="fsr-student",
        task="super-resolution",
        precision="int8",
        steps=3,
        scale=8,
        stateful=False,
        inputs=(
            TensorSpec(
                name="images", dtype="uint8", shape=(-1, 16, 16, 3), meaning="RGB pictures, NHWC"
            ),
        ),
        outputs=(
            TensorSpec(
                name="restored",
                dtype="uint8",
                shape=(-1, 128, 128, 3),
                meaning="restored RGB pictures, NHWC",
            ),
        ),
        artifacts=(
            Artifact(
                backend="onnxruntime",
                path="onnx/portable.onnx",
                dialect="portable",
                latency_ms=2.71,
            ),
            Artifact(
                backend="openvino", path="onnx/portable.onnx", dialect="portable", latency_ms=1.42
            ),
            Artifact(
                backend="tensorrt-rtx",
                path="engines/tensorrt-rtx-1.7.1-ampere+.plan",
                dialect="tensorrt",
                version="1.7.1",
                device="ampere+",
                max_batch=8,
            ),
        ),
        golden=(),
        gates=(
            *(
                Gate(
                    name="trace-agreement",
                    subject=f"batch {b} step_{k}",
                    measured=118.2 + b - k,
                    limit=80.0,
                    unit="dB",
                    sense="at least",
                )
                for b in (1, 3, 8)
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="rewrite-agreement",
                    subject=f"step_{k}",
                    measured=104.0 + k,
                    limit=80.0,
                    unit="dB",
                    sense="at least",
                )
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="int8-psnr-loss",
                    subject=f"portable restored_{k}",
                    measured=0.03 * k,
                    limit=0.2,
                    unit="dB",
                    sense="at most",
                )
                for k in (1, 2, 3)
            ),
            *(
                Gate(
                    name="int8-psnr-loss",
                    subject=f"tensorrt restored_{k}",
                    measured=0.05 * k,
                    limit=0.2,
                    unit="dB",
                    sense="at most",
                )
                for k in (1, 2, 3)
            ),
            Gate(
                name="batch-agreement",
                subject="portable restored_3",
                measured=200.0,
                limit=50.0,
                unit="dB",
                sense="at least",
            ),
            Gate(
                name="backend-agreement",
                subject="openvino restored_3",
                measured=47.3,
                limit=40.0,
                unit="dB",
                sense="at least",
            ),
        ),
        quality={
            "psnr_y bicubic": 25.31,
            "psnr_y fp32 restored_1": 26.51,
            "psnr_y fp32 restored_2": 26.70,
            "psnr_y fp32 restored_3": 26.83,
            "psnr_y int8 portable restored_1": 26.48,
            "psnr_y int8 portable restored_2": 26.64,
            "psnr_y int8 portable restored_3": 26.74,
            "psnr_y int8 tensorrt restored_1": 26.46,
            "psnr_y int8 tensorrt restored_2": 26.60,
            "psnr_y int8 tensorrt restored_3": 26.68,
            "latency_ms plain export onnxruntime": 6.87,
        },
        rewrites=(
            PassRow(
                name="dead-code",
                nodes_before=412,
                nodes_after=388,
                parameters_before=1_204_000,
                parameters_after=1_150_000,
                macs_before=1_830_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="split-concat-conv",
                nodes_before=388,
                nodes_after=402,
                parameters_before=1_150_000,
                parameters_after=1_150_000,
                macs_before=1_610_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="fold-batch-norm",
                nodes_before=402,
                nodes_after=402,
                parameters_before=1_150_000,
                parameters_after=1_150_000,
                macs_before=1_610_000_000,
                macs_after=1_610_000_000,
            ),
            PassRow(
                name="deconv-to-subpixel",
                nodes_before=402,
                nodes_after=305,
                parameters_before=1_150_000,
                parameters_after=812_000,
                macs_before=1_610_000_000,
                macs_after=1_240_000_000,
            ),
            PassRow(
                name="uint8-nhwc-io",
                nodes_before=305,
                nodes_after=311,
                parameters_before=812_000,
                parameters_after=812_000,
                macs_before=1_240_000_000,
                macs_after=1_240_000_000,
            ),
        ),
        weights=Weights(sha256="ab" * 32, source="trained", licence="research use"),
        calibration=Calibration(
            source="folder faces", images=358, images_sha256="cd" * 32, method="mse"
        ),
        preferred="openvino",
        tools={"facedge": "0.1.0", "torch": "2.13.0", "onnx": "1.23.0"},
        files={},
        licence="Apache-2.0",
        machine="Test CPU, x86_64, 2 CPUs",
    )
    return msgspec.structs.replace(manifest, **changes)


def sr_data(count: int = 4, manifest: Manifest | None = None) -> ReportData:
    """Report data of a super-resolution bundle with ``count`` faces."""
    rng = np.random.default_rng(1)
    rows, steps = [], []
    for index in range(count):
        truth = np.roll(face(), 3 * index, axis=1)
        small = reduce_bicubic(truth, 16)
        soft = cv2.GaussianBlur(truth, (0, 0), 2.2)
        noisy = np.clip(soft + rng.normal(0, 1.2, soft.shape), 0, 255).astype(np.uint8)
        rough = np.clip(soft + rng.normal(0, 2.0, soft.shape), 0, 255).astype(np.uint8)
        variants = {
            "bicubic": reduce_bicubic(small, 128),
            "fp32": soft,
            "int8 portable": noisy,
            "int8 tensorrt": rough,
        }
        quality = {name: psnr_y(picture, truth) for name, picture in variants.items()}
        rows.append(PictureRow(f"face-{index}.png", small, variants, truth, quality))
        refined = [cv2.GaussianBlur(truth, (0, 0), s) for s in (3.4, 2.6, 2.2)]
        steps.append(StepRow(f"face-{index}.png", refined, [psnr_y(p, truth) for p in refined]))
    convs = [
        Conv(
            f"core/step_{s}/block_{i}/conv_{j}",
            (64, 64),
            37_748_736,
            i + j > 0,
            "" if i + j else "first convolution reads 3 channels",
        )
        for s in (1, 2, 3)
        for i in range(3)
        for j in range(2)
    ]
    ranges = {}
    for i in range(60):
        reach = 0.5 + 3 * abs(np.sin(i / 7)) + (8 if i % 13 == 0 else 0)
        low = 0.0 if i % 2 else -reach
        ranges[f"core/tensor_{i}"] = {
            "minmax": (low * 1.6, reach * 1.6),
            "percentile-99.9": (low * 0.8, reach * 0.8),
            "percentile-99.99": (low * 1.1, reach * 1.1),
            "entropy": (low * 0.9, reach * 0.9),
            "mse": (low, reach),
        }
    return ReportData(
        manifest or sr_manifest(),
        rows,
        steps[:2],
        (),
        {"portable": convs, "tensorrt": convs[:9]},
        ranges,
        {"onnx/portable.onnx": 1_120_000},
    )


def au_data() -> ReportData:
    """Report data of an action-unit bundle."""
    manifest = sr_manifest(
        name="au-gcn-edge-int8",
        model="au-gcn-edge",
        task="action-units",
        steps=1,
        scale=1,
        inputs=(
            TensorSpec(
                name="images", dtype="uint8", shape=(-1, 176, 176, 3), meaning="RGB pictures, NHWC"
            ),
        ),
        outputs=(
            TensorSpec(name="probabilities", dtype="float32", shape=(-1, 12), meaning="AU 1 2 4"),
            TensorSpec(name="landmarks", dtype="float32", shape=(-1, 49, 2), meaning="49 points"),
        ),
        gates=(
            Gate(
                name="au-decision-agreement",
                subject="portable",
                measured=99.7,
                limit=99.0,
                unit="%",
                sense="at least",
            ),
        ),
        quality={"max difference int8 portable landmarks px": 0.41},
        weights=Weights(sha256="ab" * 32, source="seeded", licence="Apache-2.0"),
    )
    rng = np.random.default_rng(2)
    angle = np.linspace(0, 2 * np.pi, 49, endpoint=False)
    points = 88 + 45 * np.stack([np.cos(angle), np.sin(angle)], 1)
    p = rng.uniform(0, 1, 12)
    picture = reduce_bicubic(face(), 176)
    rows = [
        ActionUnitRow(
            "a.png", picture, points, {"fp32": p, "int8 portable": np.clip(p + 0.03, 0, 1)}
        )
    ]
    return replace(sr_data(0), manifest=manifest, pictures=(), steps=(), action_units=rows)


class Page(HTMLParser):
    """Collects what a reader or a screen reader gets, and every address the page refers to."""

    VOID = ("meta", "img", "input", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [
            str(values[k]) for k in ("src", "href", "action", "srcset", "data") if k in values
        ]
        self.ids += [str(values["id"])] if "id" in values else []
        if tag == "img":
            self.images.append(values)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.mark.parametrize("make", [sr_data, au_data])
def test_the_page_is_well_formed_and_asks_nothing_of_the_network(make) -> None:  # type: ignore[no-untyped-def]
    html = render(make())
    page = Page(html)
    assert page.open == []
    assert page.images, "a report without pictures"
    for address in page.addresses:
        assert address.startswith(("data:image/png;base64,", "#")), address[:60]
    for address in page.addresses:
        assert not address.startswith("#") or address[1:] in page.ids
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert all(image.get("alt") for image in page.images)


def test_pictures_in_the_page_are_bit_exact() -> None:
    data = sr_data(1)
    page = Page(render(data))
    by_alt = {str(image["alt"]): str(image["src"]) for image in page.images}
    encoded = by_alt["face-0.png, int8 portable"].partition(",")[2]
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[:, :, ::-1], data.pictures[0].variants["int8 portable"])


def test_names_are_escaped_everywhere() -> None:
    evil = '<script>alert("x")</script>'
    data = sr_data(1)
    data = replace(
        data,
        pictures=[replace(data.pictures[0], name=evil)],
        readiness={evil: [Conv(evil, (3, 8), 1000, False, evil)]},
        ranges={evil: {"mse": (-1.0, 1.0), evil: (-2.0, 2.0)}},
        manifest=sr_manifest(
            name=evil,
            weights=Weights(sha256="00", source=evil, licence=evil),
            quality={"psnr_y bicubic": 25.0, f"psnr_y {evil} restored_3": 26.0, evil: 1.0},
        ),
    )
    html = render(data)
    assert "<script" not in html
    assert Page(html).open == []
    assert evil in Page(html).text


def test_the_headline_states_what_a_newcomer_wants_to_know() -> None:
    m = sr_manifest()
    assert headline(m) == (
        "fsr-student in INT8 turns a 16\N{MULTIPLICATION SIGN}16 pixel face into "
        "128\N{MULTIPLICATION SIGN}128 in 1.42\N{NO-BREAK SPACE}ms on OpenVINO."
    )
    # 26.74 - 25.31 and 6.87 / 1.42, by hand.
    assert "1.43 dB closer to the originals" in standfirst(m)
    assert "4.8 times faster than the plain export" in standfirst(m)
    assert f"All {len(m.gates)} quality gates hold" in standfirst(m)


def test_a_loss_is_called_a_loss() -> None:
    m = sr_manifest(
        quality={
            "psnr_y bicubic": 25.0,
            "psnr_y int8 portable restored_3": 24.5,
            "latency_ms plain export": 0.71,
        }
    )
    assert "0.50 dB farther from the originals" in standfirst(m)
    assert "2.0 times slower" in standfirst(m)


def test_unmeasured_figures_are_left_out() -> None:
    bare = sr_manifest(artifacts=(), gates=(), quality={}, rewrites=(), calibration=None)
    page = Page(render(ReportData(bare)))
    assert page.ids == ["provenance"]
    assert "None" not in page.text
    assert not re.search(r"\b(nan|inf)\b", page.text)
    assert " ms " not in page.text


def test_a_failing_gate_comes_first_and_is_announced() -> None:
    good = Gate(
        name="int8-psnr-loss",
        subject="portable restored_1",
        measured=0.05,
        limit=0.2,
        unit="dB",
        sense="at most",
    )
    bad = msgspec.structs.replace(good, subject="portable restored_3", measured=0.45)
    group = gate_groups([good, bad])[0]
    assert [bar.gate.subject for bar in group.bars] == [
        "portable restored_3",
        "portable restored_1",
    ]
    assert group.bars[0].distance == "0.25 dB short"
    assert group.bars[1].distance == "0.15 dB to spare"
    # 0.15 of the largest distance 0.25.
    assert group.bars[1].share == pytest.approx(60.0)
    text = Page(render(ReportData(sr_manifest(gates=(good, bad))))).text
    assert "1 of 2 quality gates fail" in text
    assert "Do not ship" in text


def test_seeded_weights_are_announced() -> None:
    assert "seeded, not trained" in Page(render(au_data())).text
    assert "seeded, not trained" not in Page(render(sr_data(1))).text


def test_psnr_keys_of_the_manifest_are_read_by_variant_and_step() -> None:
    table = psnr_table(
        {"psnr_y bicubic": 25.0, "psnr_y int8 portable restored_2": 26.0, "latency_ms x": 1.0}
    )
    assert table == {"bicubic": {0: 25.0}, "int8 portable": {2: 26.0}}


def test_differences_use_the_largest_gain_that_does_not_clip() -> None:
    base = np.full((8, 8, 3), 100, np.uint8)
    off = base + np.uint8(7)
    shown = differences([base], [{"int8": off}])
    # 7 grey levels: 32 x 7 = 224 fits into 255, 64 x 7 does not.
    assert shown.gain == 32
    assert (shown.pictures[0]["int8"] == 224).all()
    assert shown.mean[0]["int8"] == 7.0


def test_int8_coverage_is_weighted_by_work() -> None:
    convs = [Conv("a", (3, 64), 100, False, "reads 3 channels"), Conv("b", (64, 64), 300, True, "")]
    page = Page(render(replace(sr_data(1), readiness={"portable": convs})))
    assert "portable: 75.0 % of the multiply-accumulates, 1 of 2 convolutions" in page.text
    assert "reads 3 channels" in page.text


def test_action_units_are_named_and_the_likely_ones_stand_out() -> None:
    data = au_data()
    html = render(data)
    row = data.action_units[0].probabilities["fp32"]
    assert "inner brow raiser" in html
    assert html.count('<tr class="on">') == int((np.maximum(row, row + 0.03) > 0.5).sum())
    assert html.count("<circle cx=") == 2 * 49


def test_many_pictures_do_not_make_the_page_larger_than_three_megabytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    row = PictureRow("noise", noise[:32, :32], {"fp32": noise}, noise)
    html = render(ReportData(sr_manifest(), [row] * 12))
    # One row is 2 x 256 x 256 x 3 bytes, 4/3 of that in base64: 0.52 MB; five fit.
    assert len(html.encode()) < 3_000_000
    assert html.count('class="strip"') == 5


def test_a_float_picture_is_refused() -> None:
    with pytest.raises(InputError, match="uint8 RGB"):
        png_uri(np.zeros((4, 4, 3), np.float32))  # type: ignore[arg-type]


def test_ticks_are_round_and_inside() -> None:
    assert nice_ticks(25.1, 27.2, 5) == [25.5, 26.0, 26.5, 27.0]
