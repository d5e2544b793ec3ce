"""INT8-aware fine-tuning of the S1 student: ``python -m facedge.training.int8_aware --help``.

The network is trained through its INT8 graph, whose activation ranges stay those it began with.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import onnx
import torch
import typer
from torch import Tensor, nn

from facedge.calibration.embedded import EMBEDDED_COUNT
from facedge.calibration.graph import activation_tensors, weights_hash
from facedge.calibration.ranges import Ranges
from facedge.calibration.ranges import read as read_ranges
from facedge.calibration.statistics import DEFAULT_METHOD
from facedge.errors import InputError
from facedge.export.calibrate import collect_ranges
from facedge.export.dialects import int8_form
from facedge.export.passes import PASSES, rewrite
from facedge.export.prepare import IO_PASS
from facedge.export.trace import trace
from facedge.models import registry
from facedge.models.contract import ModelSpec
from facedge.models.fsr_student import FsrStudent
from facedge.progress import Stages
from facedge.runtime.manifest import Dialect

from . import options, parallel
from .command import command
from .data import Batches, Faces, read_faces
from .degradation import DeNet, load_degradation
from .fake_quant import QuantisedGraph
from .fit import stepping
from .loop import Trainer
from .losses import DISTANCES, l1, over_steps
from .networks import shipped, take_weights
from .objective import Batch, Term
from .quality import evaluate
from .run import LAST, Log, train
from .schedule import Schedule
from .sheet import write_sheet
from .student import model_name
from .super_resolution import STEP_WEIGHTS, EdgeRecurrence
from .validation import Validation

RANGES = "ranges.json"
"""In the output folder: the ranges for the fine-tuned weights, to build their bundle with."""
BEGUN = "ranges-begun.json"
"""In the output folder: the same ranges, for the weights that the run began with."""


class Pictures(NamedTuple):
    """Every step's picture, float RGB [N, 3, H, H]: all of ``SuperResolved`` that is measured."""

    steps: tuple[Tensor, ...]


class FakeQuantised(nn.Module):
    """A network as its INT8 graph plays it: float [N, 3, h, h] in [0, 1] -> :class:`Pictures`."""

    def __init__(self, network: nn.Module, graph: QuantisedGraph) -> None:
        super().__init__()
        self.network, self.graph = network, graph

    def forward(self, image: Tensor) -> Pictures:
        return Pictures(self.graph(self.network, image))


class Floats(NamedTuple):
    """A network's rewritten float graph.

    Attributes:
        inner: ``image`` -> ``step_1`` … ``step_T``, float NCHW.
        whole: the same with uint8 NHWC pictures in and out, which calibration and build know.
    """

    inner: onnx.ModelProto
    whole: onnx.ModelProto


def rewritten(spec: ModelSpec, network: nn.Module) -> Floats:
    """Trace and rewrite a network as a build does."""
    inner = rewrite(trace(spec, network), [p.name for p in PASSES if p.name != IO_PASS]).model
    return Floats(inner, rewrite(inner, [IO_PASS]).model)


def int8_graph(
    spec: ModelSpec,
    network: nn.Module,
    floats: Floats,
    ranges: Ranges,
    method: str = DEFAULT_METHOD,
    dialect: Dialect = "portable",
) -> QuantisedGraph:
    """The INT8 graph that ranges give, to be played with live weights.

    Raises:
        InputError: ranges of other weights, or without a tensor of the graph or the method.
    """
    tensors = activation_tensors(floats.whole)
    ranges.check_weights(weights_hash(floats.whole))
    ranges.check_covers(tensors)
    ranges.of(tensors[0], method)
    made = int8_form(floats.inner, dialect, spec, ranges, method, half=False)
    return QuantisedGraph(floats.inner, made, network, dialect)


def begun_with(out: Path, given: Path | None) -> Ranges | None:
    """Ranges of a run: those it began with, or those given to a new one; None: to be measured.

    Raises:
        InputError: other ranges are given to a run that has begun.
    """
    ranges = read_ranges(given) if given else None
    if not (out / BEGUN).exists():
        return ranges
    begun = read_ranges(out / BEGUN)
    if ranges is not None and ranges != begun:
        raise InputError(f"{out} was begun with other ranges than {given}; choose another --out")
    return begun


def bound(ranges: Ranges, spec: ModelSpec, network: nn.Module) -> Ranges:
    """The same ranges for a fine-tuned network's weights in FP16, as ``ship`` stores them.

    A build refuses ranges of other weights; these weights were tuned to these ranges.
    """
    stored = spec.build()
    stored.load_state_dict({k: v.cpu().half().float() for k, v in network.state_dict().items()})
    graph = rewritten(spec, stored.eval()).whole
    return msgspec.structs.replace(ranges, weights_sha256=weights_hash(graph))


def begin(spec: ModelSpec, weights: Path | None) -> FsrStudent:
    """The network to start from: of a safetensors file or checkpoint, or with shipped weights.

    Raises:
        InputError: no shipped weights, a file of another network, or weights that are not finite.
    """
    network = spec.build().eval() if weights else shipped(spec.name)
    assert isinstance(network, FsrStudent)
    if weights:
        take_weights(network, weights)
    for name, value in network.named_parameters():
        if not value.isfinite().all():
            raise InputError(f"{name} in {weights} holds NaN or infinity; start from other weights")
    return network


class Int8Pairs:
    """The pairs of :class:`EdgeRecurrence`, restored by the INT8 graph.

    Args:
        network: the student; its edge operators are replaced by ones without gradient.
        graph: its INT8 graph.
        faces, schedule, seed, degradation, degraded: as there; all steps run from the start.
        keep: weight of the L1 distance to the pictures that the network made at first, in FP32.
    """

    def __init__(
        self,
        network: FsrStudent,
        graph: QuantisedGraph,
        faces: Batches,
        schedule: Schedule,
        seed: int = 0,
        *,
        degradation: DeNet | None = None,
        degraded: float = 0.5,
        keep: float = 0.0,
    ) -> None:
        self.pairs = EdgeRecurrence(
            network, faces, schedule, seed, degradation=degradation, degraded=degraded
        )
        self.model: nn.Module = self.pairs.model
        self.network, self.graph, self.schedule, self.keep = network, graph, schedule, keep
        self.first = copy.deepcopy(network).requires_grad_(False)

    def batch(self, iteration: int) -> Batch:
        return self.pairs.batch(iteration)

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        truth, small = batch
        pictures = self.graph(self.network, small)
        distance = DISTANCES[self.schedule.loss(progress)]
        terms = [Term("pairs", over_steps(pictures, truth, STEP_WEIGHTS, distance))]
        if self.keep:
            first = self.first.to(small.device)(small).steps
            apart = [w * l1(p, f) for w, p, f in zip(STEP_WEIGHTS, pictures, first, strict=True)]
            terms.append(Term("keep", self.keep * torch.stack(apart).sum()))
        return terms


class Int8Validation(Validation):
    """PSNR of the averaged network in FP32 and as INT8, and a sheet of the INT8 pictures."""

    def __init__(
        self, trainer: Trainer, faces: Faces, scale: int, out: Path, graph: QuantisedGraph
    ) -> None:
        super().__init__(trainer, faces, scale, out)
        self.graph = graph

    def __call__(self) -> dict[str, float]:
        int8 = FakeQuantised(self.network, self.graph)
        plain = evaluate(self.network, self.faces, self.scale, ssim=False)
        rounded = evaluate(int8, self.faces, self.scale, ssim=False)
        write_sheet(int8, self.faces, self.scale, self.out / "sheet.png")
        return {
            "psnr/bicubic": plain.bicubic.psnr_y,
            "psnr/float32": plain.steps[-1].psnr_y,
            "psnr/int8": rounded.steps[-1].psnr_y,
        }


def main(
    data: options.Data,
    out: options.Out,
    val: options.Val = None,
    scale: Annotated[int, typer.Option(help="8 (16 -> 128) or 4 (32 -> 128).")] = 8,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    init: Annotated[
        Path | None, typer.Option(help="Weights or checkpoint to start from; shipped ones else.")
    ] = None,
    ranges: Annotated[
        Path | None, typer.Option(help="Ranges file of these weights; measured here otherwise.")
    ] = None,
    calib: Annotated[
        Path | None, typer.Option(help="Pictures to measure ranges on; embedded faces otherwise.")
    ] = None,
    images: Annotated[int, typer.Option(help="How many of them.")] = EMBEDDED_COUNT,
    method: Annotated[str, typer.Option(help="Which of the measured ranges.")] = DEFAULT_METHOD,
    dialect: Annotated[Dialect, typer.Option(help="Whose INT8 arithmetic.")] = "portable",
    degradation: options.Degradation = None,
    degraded: options.Degraded = 0.5,
    keep: Annotated[float, typer.Option(help="Weight of the distance to FP32's pictures.")] = 1.0,
    batch: options.Batch = 16,
    rate: options.Rate = 5e-6,
    warmup: options.Warmup = 0.05,
    warp: options.Warp = 0.7,
    seed: options.Seed = 0,
    workers: options.Workers = 2,
    device: options.DeviceName = "auto",
    save_every: options.SaveEvery = 200,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Fine-tune the S1 student through its INT8 graph, with fixed activation ranges.

    Run again with the same --out to go on.
    """
    spec = registry.get(model_name(scale))
    limit = options.budget(iterations, hours)
    torch.set_num_threads(1)
    # bfloat16 has fewer digits than the grids that are to be learned.
    where = parallel.choose(device, "float32")
    stages = Stages(quiet=not where.first)
    network = begin(spec, init)
    learned = load_degradation(degradation, scale) if degradation else None
    faces, held_out = read_faces(data), read_faces(val) if val else None
    batches = Batches(faces.pixels, batch, seed, warp=warp)
    with stages.stage("Tracing and rewriting"):
        floats = rewritten(spec, network)
    measured = begun_with(out, ranges)
    if measured is None:
        measured = collect_ranges(floats.whole, spec, calib, images, workers, stages)
    graph = int8_graph(spec, network, floats, measured, method, dialect)
    schedule = Schedule(peak=rate, warmup=warmup, grow=0, settle=0)
    objective = Int8Pairs(
        network, graph, batches, schedule, seed, degradation=learned, degraded=degraded, keep=keep
    )
    steps = stepping(batch, workers)
    trainer = Trainer(objective, spec.name, limit, schedule, steps, device=where, seed=seed)
    check = Int8Validation(trainer, held_out, scale, out, graph) if held_out else None
    if where.first:
        out.mkdir(parents=True, exist_ok=True)
        measured.write(out / BEGUN)
        if check and not (out / LAST).exists():
            Log(out, tensorboard).values(0, check())
    pace = options.pace(save_every, check_every)
    train(trainer, out, check, pace=pace, per_epoch=batches.per_epoch, tensorboard=tensorboard)
    if where.first:
        bound(measured, spec, trainer.averaged_model.get_submodule("network")).write(out / RANGES)


if __name__ == "__main__":
    command(main)
