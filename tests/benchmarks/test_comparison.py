"""Whole comparisons of a network of two convolutions: what fails is named, the rest is kept."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import tiny_peer
from rich.console import Console
from tiny_bundle import make_bundle, pictures

from facedge.benchmarks import contenders
from facedge.benchmarks.budget import Budget
from facedge.benchmarks.cases import Case
from facedge.benchmarks.charts import charts
from facedge.benchmarks.comparison import compare
from facedge.benchmarks.contenders import NO_TIME, Setup
from facedge.benchmarks.judged import Pictures
from facedge.benchmarks.markdown import TABLE, markdown
from facedge.benchmarks.peers import registry as peers
from facedge.benchmarks.peers.contract import Peer
from facedge.benchmarks.peers.plain import plain_export
from facedge.benchmarks.report import render, write_results
from facedge.benchmarks.result import read_result
from facedge.benchmarks.tables import print_result
from facedge.errors import BackendError, InputError
from facedge.models import registry, weights
from facedge.progress import Stages
from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import MANIFEST, Weights

MODEL = "fsr-student"
EAGER, PLAIN = peers.EAGER, peers.BASELINE
SHOWN = Pictures(pictures(3, seed=5), None, pictures(4, seed=6))
QUIET = Stages(quiet=True)


def absent(work):
    raise BackendError("no such engine; install it")


def wrong(work):
    return lambda images: (np.random.default_rng(0).random((len(images), 3, 8, 8), np.float32),)


def dying(work):
    good, left = peers.get(EAGER).open(work), [40]

    def run(images):
        left[0] -= 1
        if not left[0]:
            raise RuntimeError("device lost")
        return good(images)

    return run


EXTRA = tuple(
    Peer(name, "torch", "fp32", opening)
    for name, opening in (("absent", absent), ("wrong", wrong), ("dying", dying))
)


EXPORTS: dict[str, bytes] = {}


def once(spec, network):
    """The plain export, whose weights are the same in every test, made once."""
    if spec.name not in EXPORTS:
        EXPORTS[spec.name] = plain_export(spec, network)
    return EXPORTS[spec.name]


@pytest.fixture
def setup(monkeypatch, tmp_path):
    """The tiny network under a name with promises; its FP32 bundle is there, INT8 is not."""
    spec = tiny_peer.spec(MODEL)
    monkeypatch.setitem(registry.SPECS, MODEL, spec)
    monkeypatch.setattr(weights, "packaged", lambda name: None)
    monkeypatch.setattr(contenders, "pictures", lambda spec, folder, macs: SHOWN)
    monkeypatch.setattr(contenders, "plain_export", once)
    monkeypatch.setattr(peers, "PEERS", (*peers.PEERS, *EXTRA))
    bundle = make_bundle(tmp_path / f"{MODEL}-fp32")
    manifest = msgspec.structs.replace(
        load(bundle).manifest,
        model=MODEL,
        name=f"{MODEL}-fp32",
        weights=Weights(sha256=weights.load(spec).sha256, source="seeded", licence="Apache-2.0"),
    )
    (bundle / MANIFEST).write_bytes(encode_manifest(manifest))
    return Setup(tmp_path, None, 1, ("onnxruntime",))


def run(setup, *names: str, minutes: float = 60, **changes):
    case = Case(MODEL, ("fp32",), peers=(EAGER, PLAIN, *names), per_round=4, throughput=True)
    case = replace(case, **changes)
    return compare([case], setup, Budget(60 * minutes), QUIET, queries=64)


def test_bundles_and_peers_are_measured_judged_and_compared(setup):
    found = run(setup)
    names = [s.name for s in found.subjects]
    assert names == [f"{MODEL} · {EAGER}", f"{MODEL} · {PLAIN}", f"{MODEL}-fp32 · onnxruntime"]
    eager, plain, ours = found.subjects
    assert (eager.peer, plain.peer, ours.peer) == (True, True, False)
    assert eager.judged.agreement == 100
    assert plain.judged.difference < 1 / 255 + 1e-6
    assert all(s.latency.queries == 64 for s in found.subjects)
    assert plain.backend_version
    assert len(plain.artifact_sha256) == 64
    assert [row.batch for row in ours.batches] == [1, 2, 4, 8, 16, 32]
    assert {s.than for s in found.speedups} == {f"{MODEL} · {PLAIN}"}
    assert found.method.quick


def test_what_fails_is_named_and_the_rest_is_kept(setup):
    found = run(setup, "absent", "wrong", "dying")
    told = {f.subject: (f.part, f.reason) for f in found.failures}
    assert told[f"{MODEL} · absent"] == ("opening", "no such engine; install it")
    part, reason = told[f"{MODEL} · wrong"]
    assert part == "opening"
    assert reason.startswith("computes something else: its outputs agree with torch to ")
    assert told[f"{MODEL} · dying"] == ("latency", "RuntimeError: device lost")
    timed = [s.name for s in found.subjects if s.latency]
    assert f"{MODEL}-fp32 · onnxruntime" in timed
    assert f"{MODEL} · dying" not in timed


def test_a_bundle_that_cannot_be_built_is_named(setup, monkeypatch):
    def refuse(options, stages):
        raise InputError("the disk is full")

    monkeypatch.setattr("facedge.export.build.build", refuse)
    found = run(setup, precisions=("fp32", "int8"))
    assert [(f.subject, f.part, f.reason) for f in found.failures] == [
        (f"{MODEL}-int8", "building", "the disk is full")
    ]
    assert len(found.subjects) == 3


def test_a_bundle_of_other_weights_is_not_compared(setup):
    make_bundle(setup.bundles / f"{MODEL}-int8", precision="int8")
    found = run(setup, precisions=("fp32", "int8"))
    (failure,) = found.failures
    assert "was built from other weights" in failure.reason


def test_a_backend_that_is_missing_is_named(setup):
    found = run(replace(setup, wanted=("onnxruntime", "tensorrt")))
    assert [f.subject for f in found.failures] == [f"{MODEL}-fp32 · tensorrt"]
    assert len(found.subjects) == 3


def test_promises_without_their_contenders_are_not_measured(setup):
    found = {t.text: t for t in run(setup).targets}
    assert found["INT8 faster than its own FP32, ONNX Runtime alone"].verdict == "not measured"
    assert len(found) >= 7


def test_when_the_time_is_up_nothing_more_is_opened_but_what_is_open_is_measured(setup):
    found = run(setup, "dying", minutes=1e-9, precisions=("fp32", "int8"))
    told = {f.subject: f.reason for f in found.failures}
    assert told == {f"{MODEL} · dying": NO_TIME, f"{MODEL}-int8": NO_TIME}
    assert all(s.latency.queries == 8 * 4 for s in found.subjects)
    notes = [n for n in found.environment.notes if "time budget" in n]
    assert notes[0] == (
        f"{MODEL}: latency at batch 1 was ended by the time budget after 32 of 64 calls"
    )


def test_a_model_that_torch_does_not_run_ends_the_run(setup, monkeypatch):
    broken = Peer(EAGER, "torch", "fp32", absent)
    monkeypatch.setattr(peers, "PEERS", (broken, *peers.PEERS[1:]))
    with pytest.raises(BackendError, match="torch does not run fsr-student"):
        run(setup)


def test_the_result_reads_the_same_everywhere(setup, tmp_path):
    found = run(setup, "absent")
    out = tmp_path / "out"
    names = write_results(found, out)
    assert {"bench.json", "report.html", TABLE, f"comparison-{MODEL}.svg"} <= set(names)
    assert read_result(out) == found
    assert (out / TABLE).read_text() == markdown(found)
    console = Console(file=io.StringIO(), width=200)
    print_result(found, console)
    page = render(found, charts(found))
    for text in (console.file.getvalue(), markdown(found), page):
        for part in ("no such engine; install it", PLAIN, f"{MODEL}-fp32", "at least 6 x"):
            assert part in text, part
    assert "in grey" not in page
    assert "memory, energy" not in page.lower()


def test_markdown_is_tables_of_equal_width(setup):
    lines = markdown(run(setup)).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    for line, after in pairwise(tables):
        if set(after) <= set("|-"):
            assert line.count("|") == after.count("|")
    assert len(tables) >= 3 + 2 + 3
