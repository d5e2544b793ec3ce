"""The INT8-aware recipe: what it writes, that it learns, ships and resumes, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from small_graphs import STUDENT

from facedge.calibration.graph import weights_hash
from facedge.calibration.ranges import read as read_ranges
from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.fsr_student import FsrStudent
from facedge.training import checkpoint, int8_aware, ship
from facedge.training.data import Batches
from facedge.training.fake_quant import QuantisedGraph
from facedge.training.int8_aware import (
    BEGUN,
    RANGES,
    Floats,
    Int8Pairs,
    begin,
    begun_with,
    int8_graph,
    main,
    rewritten,
)
from facedge.training.loop import Budget, Trainer
from facedge.training.schedule import Schedule

SPEC = replace(STUDENT, name="fsr-student", float32_scopes=("edges",))
STEADY = Schedule(peak=1e-3, floor=1.0, warmup=0.0, grow=0, settle=1)
"""Constant rate, L1."""


@dataclass(frozen=True)
class Run:
    """A run of the recipe on a narrow student, stopped after one iteration and ended after two."""

    start: Path
    floats: Floats
    faces: Path
    out: Path

    def network(self) -> FsrStudent:
        return begin(SPEC, self.start)


@pytest.fixture(scope="module")
def run(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("int8")
    start, faces, out = folder / "narrow.safetensors", folder / "faces", folder / "run"
    faces.mkdir()
    for index, picture in enumerate(pixels[:4]):
        cv2.imwrite(str(faces / f"{index}.png"), picture[:, :, ::-1])
    torch.manual_seed(0)
    network = SPEC.build().half().float().eval()
    weights.save(network, start, {"model": SPEC.name})
    floats = rewritten(SPEC, network)

    def traced_once(spec: object, other: torch.nn.Module) -> Floats:
        same = weights.hash_state(other) == weights.hash_state(network)
        return floats if same else rewritten(SPEC, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SPECS, SPEC.name, SPEC)
        patch.setattr(int8_aware, "rewritten", traced_once)
        for iterations in (1, 2):
            main(
                faces,
                out,
                val=faces,
                iterations=iterations,
                init=start,
                images=4,
                keep=0.5,
                batch=2,
                rate=1e-3,
                check_every=1,
            )
        yield Run(start, floats, faces, out)


def test_the_recipe_logs_both_precisions_and_resumes(run: Run) -> None:
    assert checkpoint.read(run.out / "last.pt", "fsr-student").iteration == 2
    lines = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 1, 2, 2]
    assert {"loss/pairs", "loss/keep"} < lines[1].keys()
    for line in (lines[0], lines[2], lines[4]):
        assert line["psnr/float32"] != line["psnr/int8"]
        assert line["psnr/float32"] == pytest.approx(line["psnr/int8"], abs=0.5)
    assert (run.out / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_a_checkpoint_holds_the_network_and_nothing_else(run: Run) -> None:
    saved = checkpoint.read(run.out / "last.pt")
    expected = {f"network.{name}" for name in SPEC.build().state_dict()}
    assert saved.weights.keys() == saved.average.keys() == expected


def test_its_ranges_are_the_first_ones_and_fit_the_shipped_weights(
    run: Run, tmp_path: Path
) -> None:
    first, last = read_ranges(run.out / BEGUN), read_ranges(run.out / RANGES)
    assert last.tensors == first.tensors
    assert first.weights_sha256 == weights_hash(run.floats.whole)
    assert last.weights_sha256 != first.weights_sha256
    shipped = tmp_path / "shipped.safetensors"
    ship.main(run.out / "last.pt", "fsr-student", run.faces, "4 crops", shipped)
    graph = rewritten(SPEC, weights.load(SPEC, shipped).module).whole
    last.check_weights(weights_hash(graph))


def test_training_through_the_int8_graph_lowers_its_loss(run: Run, pixels: np.ndarray) -> None:
    network = run.network()
    graph = int8_graph(SPEC, network, run.floats, read_ranges(run.out / BEGUN))
    objective = Int8Pairs(network, graph, Batches(pixels[:2], 2, jitter=0.0), STEADY)
    trainer = Trainer(objective, "fsr-student", Budget(iterations=12), STEADY)
    losses = [trainer.run(report_every=1).loss for _ in range(12)]
    assert np.mean(losses[-4:]) < 0.97 * losses[0]


def test_what_is_kept_is_the_first_networks_picture(run: Run, pixels: np.ndarray) -> None:
    network = run.network()
    plain = QuantisedGraph(run.floats.inner, run.floats.inner, network)
    rounded = int8_graph(SPEC, network, run.floats, read_ranges(run.out / BEGUN))
    batches = Batches(pixels[:2], 2)
    terms = {}
    for name, graph in (("plain", plain), ("rounded", rounded)):
        objective = Int8Pairs(network, graph, batches, STEADY, keep=2.0)
        first, second = objective.terms(objective.batch(0), 0.0)
        assert (first.name, second.name) == ("pairs", "keep")
        terms[name] = float(second.loss.detach())
    assert terms["plain"] < 1e-5 < terms["rounded"]


def test_ranges_of_another_model_are_refused(run: Run) -> None:
    ranges = read_ranges(run.out / BEGUN)
    other = msgspec.structs.replace(ranges, weights_sha256="0" * 64)
    with pytest.raises(InputError, match="were measured with weights 000000000000"):
        int8_graph(SPEC, run.network(), run.floats, other)
    tensors = {name: each for name, each in ranges.tensors.items() if name != "relu_3"}
    with pytest.raises(InputError, match="lack tensor relu_3 of this graph"):
        int8_graph(
            SPEC, run.network(), run.floats, msgspec.structs.replace(ranges, tensors=tensors)
        )
    with pytest.raises(InputError, match="no calibration method 'middle'"):
        int8_graph(SPEC, run.network(), run.floats, ranges, "middle")


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [("NaN", "is not a ranges file"), ("1.0", "expected finite bounds around zero")],
)
def test_ranges_that_are_no_ranges_are_refused(
    run: Run, tmp_path: Path, bound: str, sentence: str
) -> None:
    path = tmp_path / "ranges.json"
    text = (run.out / BEGUN).read_text()
    path.write_text(text.replace('"minmax": [0.0,', f'"minmax": [{bound},', 1))
    with pytest.raises(InputError, match=sentence):
        begun_with(tmp_path / "new", path)


def test_a_run_that_has_begun_keeps_its_ranges(run: Run, tmp_path: Path) -> None:
    begun = read_ranges(run.out / BEGUN)
    assert begun_with(tmp_path, None) is None
    assert begun_with(run.out, None) == begun
    assert begun_with(run.out, run.out / BEGUN) == begun
    with pytest.raises(InputError, match="was begun with other ranges"):
        begun_with(run.out, run.out / RANGES)


def test_weights_that_are_not_finite_are_refused(
    run: Run, pixels: np.ndarray, tmp_path: Path
) -> None:
    network = run.network()
    objective = Int8Pairs(
        network,
        QuantisedGraph(run.floats.inner, run.floats.inner, network),
        Batches(pixels[:2], 2),
        STEADY,
    )
    trainer = Trainer(objective, "fsr-student", Budget(iterations=1))
    with torch.no_grad():
        network.fuse.weight[0, 0] = torch.nan
    trainer.average.update_parameters(trainer.model)
    trainer.save(tmp_path / "broken.pt")
    with pytest.raises(InputError, match=r"fuse\.weight in .* holds NaN or infinity"):
        begin(SPEC, tmp_path / "broken.pt")


def test_the_command_prints_one_sentence_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facedge.training.int8_aware", "--iterations", "1"]
    ended = subprocess.run(
        [*command, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith("--data takes a folder of face pictures")
    assert "Traceback" not in ended.stderr
