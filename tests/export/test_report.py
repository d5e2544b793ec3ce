"""The build report: one complete, escaped, self-contained page that tells what the data says.

All figures here are test data made up to exercise the page; the pictures are scikit-image's.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import msgspec
import numpy as np
import pytest
from report_samples import Conv, au_data, sr_data, sr_manifest

from facedge.errors import InputError
from facedge.export.report import PictureRow, ReportData, png_uri, render
from facedge.export.report_plots import nice_ticks
from facedge.export.report_sections import differences
from facedge.export.report_text import (
    gate_groups,
    headline,
    latency_bars,
    own_psnr,
    psnr_table,
    standfirst,
)
from facedge.runtime.manifest import Gate, Weights


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
    html = render(make(2))
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
        readiness={evil: [Conv(evil, 3, 8, 1000, False, evil)]},
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


def test_a_backend_is_timed_in_one_bar_though_the_manifest_tells_twice() -> None:
    m = sr_manifest()
    m = sr_manifest(quality={**m.quality, "latency_ms openvino": 1.42})
    bars = latency_bars(m)
    assert [(bar.label, bar.ours) for bar in bars] == [
        ("OpenVINO", True),
        ("ONNX Runtime", True),
        ("plain export onnxruntime", False),
    ]
    assert bars[0].share == pytest.approx(100 * 1.42 / 6.87)


def test_rewrites_that_changed_nothing_are_named_in_one_line() -> None:
    text = Page(render(sr_data(1))).text
    assert "No change of size on this graph: fold-batch-norm." in text
    assert text.count("split-concat-conv") == 1


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
    convs = [Conv("a", 3, 64, 100, False, "reads 3 channels"), Conv("b", 64, 64, 300, True, "")]
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


def test_the_page_speaks_of_what_the_fastest_back_end_plays() -> None:
    data = sr_data(1)
    artifacts = tuple(
        msgspec.structs.replace(a, path="onnx/openvino.onnx", dialect="openvino")
        if a.backend == "openvino"
        else a
        for a in data.manifest.artifacts
    )
    quality = data.manifest.quality | {"psnr_y int8 openvino restored_3": 26.6}
    manifest = msgspec.structs.replace(
        data.manifest, artifacts=artifacts, quality=quality, preferred="openvino"
    )
    assert own_psnr(manifest) == 26.6
    row = data.pictures[0]
    variants = {**row.variants, "int8 openvino": row.variants["int8 portable"]}
    pictures = (replace(row, variants=variants), *data.pictures[1:])
    page = render(replace(data, manifest=manifest, pictures=pictures))
    assert "Compare bicubic and int8 openvino" in page
