"""Results as files, tables, plots and a page."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from bench_samples import environment, latency, result, streams, subject
from rich.console import Console

from facedge.benchmarks import glossary, report
from facedge.benchmarks.charts import PALETTE, charts
from facedge.benchmarks.machine import Clock, Temperature
from facedge.benchmarks.result import (
    Energy,
    Failure,
    GpuStages,
    Memory,
    Speedup,
    StepPoint,
    StepSeries,
    encode,
    read_result,
)
from facedge.benchmarks.tables import print_result
from facedge.errors import InputError


def full():
    """A result with something in every part, and a name that needs escaping."""
    batches = tuple(latency([4.0 * n] * 8, batch=n) for n in (1, 8))
    points = tuple(
        StepPoint(steps=k, subject=f"tiny-{k}", p50=2.0 * k, quality=27.0 + k) for k in (1, 2, 3)
    )
    return result(
        subject(
            batches=batches,
            streams=(streams(1, 250.0), streams(2, 400.0)),
            memory=Memory(opened=40.0, played=41.0, peak=90.0),
            energy=Energy(
                meter="VDD_IN",
                idle_watts=4.0,
                watts=6.0,
                joules_per_face=0.024,
                joules_per_face_above_idle=0.008,
                faces=250,
                seconds=1.0,
                samples=50,
            ),
            gpu=GpuStages(to_device=0.01, compute=0.5, to_host=0.02, enqueued=0.6, graph=0.51),
            quality={"psnr_y": 28.46},
        ),
        subject("<b>other</b> · openvino", latency=latency([20.0] * 8), notes=("fed with noise",)),
        environment=environment(
            power_mode="25W (1)",
            clocks_before=(Clock(name="emc", mhz=3199.0, min_mhz=204.0, max_mhz=3199.0),),
            temperatures=(Temperature(name="tj-thermal", before=50.0, highest=61.5, after=60.0),),
            throttling=("oc3_event_cnt grew by 12",),
            rails={"VDD_IN": 6.0},
        ),
        speedups=(
            Speedup(
                subject="<b>other</b> · openvino",
                than="tiny · onnxruntime",
                times=0.2,
                low=0.19,
                high=0.21,
            ),
        ),
        steps=(
            StepSeries(
                model="tiny",
                precision="fp32",
                backend="onnxruntime",
                quality_name="psnr_y",
                points=points,
                deviation=0.04,
            ),
        ),
        failures=(Failure(subject="tiny · tensorrt", part="opening", reason="no GPU & driver"),),
    )


class Page(HTMLParser):
    """Text of a page, and whatever in it would be loaded from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.loads, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v[0] != "#"]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(found):
    return Page(report.render(found, charts(found)))


def test_the_page_has_every_figure_and_loads_nothing():
    shown = page(full())
    for part in (
        "tiny takes 4.00 ms per face",
        "0.20 (0.19 – 0.21)",
        "24.00 (8.00 above idle)",
        "28.46 dB",
        "oc3_event_cnt grew by 12",
        "no GPU & driver",
        "fed with noise",
        "power mode 25W (1)",
        "50.0 °C before, 61.5 at most, 60.0 after",
        "3199 of 204 to 3199 MHz",
        "within 4.0% of a straight line",
        "0.510",
    ):
        assert part in shown.text, part
    assert shown.loads == []
    assert "script" not in shown.tags


def test_names_are_escaped():
    shown = page(full())
    assert "<b>other</b> · openvino" in shown.text
    assert "&lt;b&gt;other" in report.render(full(), charts(full()))


def test_the_page_follows_light_and_dark():
    text = report.render(full(), charts(full()))
    assert "prefers-color-scheme:dark" in text
    assert "var(--s0)" in text
    assert not [colour for colour in PALETTE if colour in text]


def test_every_plot_is_valid_svg_of_its_own():
    drawn = charts(full())
    assert [c.name for c in drawn] == ["latency", "rounds", "batches", "streams", "steps"]
    for chart in drawn:
        tree = ElementTree.fromstring(chart.fixed())
        assert tree.tag.endswith("svg")
        assert "var(--" not in chart.fixed()
        ElementTree.fromstring(chart.inline())


def test_plots_do_not_share_the_names_of_their_parts():
    names = [set(re.findall(r'\bid="(p[0-9a-f]{6,})"', c.inline())) for c in charts(full())]
    assert all(names)
    assert len(set.union(*names)) == sum(map(len, names))


def test_only_what_was_measured_is_drawn():
    assert [c.name for c in charts(result(subject()))] == ["latency", "rounds"]


def test_a_result_without_any_figure_still_makes_a_page():
    empty = result(subject(latency=None), failures=(Failure(subject="a", part="b", reason="c"),))
    assert charts(empty) == []
    assert "Nothing could be measured" in page(empty).text


def test_files_appear_together_and_are_not_replaced_unasked(tmp_path):
    out = tmp_path / "out"
    names = report.write_results(full(), out)
    assert sorted(p.name for p in out.iterdir()) == sorted(names)
    assert read_result(out) == full()
    with pytest.raises(InputError, match=r"exists already.*--overwrite"):
        report.write_results(full(), out)
    with pytest.raises(InputError, match="exists already"):
        report.refuse_results(out, overwrite=False)
    report.write_results(full(), out, overwrite=True)


def test_the_terminal_shows_everything():
    console = Console(file=io.StringIO(), width=200)
    print_result(full(), console)
    shown = console.file.getvalue()
    for part in ("4.00", "0.20 (0.19 – 0.21)", "did not run", "throttled", "40 / 90", "0.510"):
        assert part in shown, part
    assert "<b>other</b>" in shown


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{", "is no benchmark result"),
        (b'{"a": 1}', "is no benchmark result; expected one of facedge bench"),
        (b"\xff\xfe", "is no benchmark result"),
        (b'{"kind": "facedge-benchmark", "schema": 9}', "has schema 9 and this facedge reads 1"),
        (b'{"kind": "facedge-benchmark", "schema": 1}', "is no benchmark result"),
    ],
)
def test_files_that_are_no_results_are_refused(tmp_path, data, sentence):
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(InputError, match=sentence.replace("reads 1", "reads schema 1")):
        read_result(tmp_path / "x.json")


def test_a_missing_result_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read_result(tmp_path / "none.json")


def test_the_json_has_kind_and_schema_first():
    data = msgspec.json.decode(encode(full()))
    assert list(data)[:2] == ["kind", "schema"]
    assert (data["kind"], data["schema"]) == ("facedge-benchmark", 1)


@pytest.mark.parametrize("name", ["p99", "missed_30", "H2D", "faces_per_second", "to_device"])
def test_figures_are_explained_by_their_names_and_others(name):
    assert len(glossary.explain(name).text) > 40


def test_an_unknown_figure_gets_a_hint():
    with pytest.raises(InputError, match=r"did you mean .*jitter"):
        glossary.explain("jiter")
    with pytest.raises(InputError, match="there are p50"):
        glossary.explain("qqqqq")


def test_every_alias_leads_somewhere():
    names = {term.name for term in glossary.TERMS}
    assert set(glossary.ALIASES.values()) <= names
    assert not set(glossary.ALIASES) & names
