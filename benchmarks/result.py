"""The result of a benchmark: plain data with a versioned JSON form (docs/benchmarks.md).

Times are milliseconds unless a name says otherwise. A field is None, and a note says why, where
something could not be measured; no value is ever estimated.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from facedge.errors import InputError
from facedge.records import NOT_JSON

from .judged import Judged
from .machine import Environment, Record
from .target import Target

SCHEMA = 1
KIND = "facedge-benchmark"
FILE = "bench.json"


class Latency(Record, frozen=True):
    """One call after another at one batch size, interleaved with the other subjects.

    Attributes:
        batch: faces per call.
        queries: measured calls.
        seconds: their sum.
        p50 ... max: percentiles of all calls, linear between neighbours.
        jitter: mean absolute difference of consecutive calls.
        missed_30, missed_60: calls longer than a frame at 30 and 60 frames per second.
        faces_per_second: batch * queries / seconds.
        rounds: median of every round in order; two results are compared by these.
        distribution: (percentile, ms) pairs, for plots.
    """

    batch: int
    queries: int
    seconds: float
    p50: float
    p90: float
    p99: float
    max: float
    jitter: float
    missed_30: int
    missed_60: int
    faces_per_second: float
    rounds: tuple[float, ...]
    distribution: tuple[tuple[float, float], ...] = ()


class Streams(Record, frozen=True):
    """Several threads, each with a Session of its own, at batch 1.

    Attributes:
        streams: threads.
        threads_each: CPU threads of one inference.
        queries: calls of all threads.
        seconds: wall time.
        faces_per_second: median over the rounds.
        p50, p99: of one call while the others run.
    """

    streams: int
    threads_each: int
    queries: int
    seconds: float
    faces_per_second: float
    p50: float
    p99: float


class Memory(Record, frozen=True):
    """Memory of a process of its own that opens the bundle and plays it, in MiB.

    Attributes:
        opened: growth of the resident set by opening the session.
        played: growth until after the calls, opening included.
        peak: highest resident set of the process, Python and libraries included.
    """

    opened: float
    played: float
    peak: float


class Energy(Record, frozen=True):
    """Energy at batch 1, the subject running alone and without pause.

    Attributes:
        meter: what was read, such as ``VDD_IN``.
        idle_watts: mean power just before, nothing running.
        watts: mean power during the run.
        joules_per_face: all energy of the run, per face.
        joules_per_face_above_idle: what is more than idle, per face.
        faces: played.
        seconds: duration.
        samples: readings of the meter.
    """

    meter: str
    idle_watts: float
    watts: float
    joules_per_face: float
    joules_per_face_above_idle: float
    faces: int
    seconds: float
    samples: int


class GpuStages(Record, frozen=True):
    """Medians at batch 1 of the parts of a call on a GPU, each waited for; and of whole calls.

    Attributes:
        to_device, compute, to_host: copy in, network, copy out.
        graph: a whole call as one CUDA graph; None when it cannot be recorded.
        enqueued: a whole call without the graph.
    """

    to_device: float
    compute: float
    to_host: float
    enqueued: float
    graph: float | None = None


class SubjectResult(Record, frozen=True):
    """One bundle on one backend, or a peer: a way to run the model without facedge.

    Attributes:
        name: bundle and backend, unique in a result.
        bundle: the bundle's name; ``model``, ``precision`` and ``steps`` as its manifest has them.
        digest: SHA-256 of its manifest; ``artifact_sha256`` of the file that was played.
        weights_sha256: of the weights.
        backend, backend_version: what played it.
        artifact: the file, relative to the bundle.
        threads: CPU threads of one inference.
        input: one face, such as ``uint8 16x16x3``.
        quality: measured when the bundle was built, such as PSNR of the last step in dB.
        latency: at batch 1.
        batches: throughput over batch sizes.
        notes: what could not be measured, and why.
        peer: it is no bundle: ``bundle``, ``digest`` and ``artifact`` are empty, ``backend`` is
            the engine that computes.
        judged: quality measured in this run, on the same pictures for every subject of a model.
    """

    name: str
    bundle: str
    model: str
    precision: str
    steps: int
    digest: str
    weights_sha256: str
    backend: str
    backend_version: str
    artifact: str
    artifact_sha256: str
    threads: int
    input: str
    quality: dict[str, float]
    latency: Latency | None = None
    batches: tuple[Latency, ...] = ()
    streams: tuple[Streams, ...] = ()
    memory: Memory | None = None
    energy: Energy | None = None
    gpu: GpuStages | None = None
    notes: tuple[str, ...] = ()
    peer: bool = False
    judged: Judged | None = None


class Failure(Record, frozen=True):
    """Something that did not run: which subject, in which part, and why."""

    subject: str
    part: str
    reason: str


class Speedup(Record, frozen=True):
    """How many times faster a subject is than the first one, rounds paired, 95 % interval."""

    subject: str
    than: str
    times: float
    low: float
    high: float


class StepPoint(Record, frozen=True):
    """One bundle of a series that differs in recurrent steps only."""

    steps: int
    subject: str
    p50: float
    quality: float | None


class StepSeries(Record, frozen=True):
    """Latency against quality over the recurrent steps.

    Attributes:
        deviation: largest distance from the straight line through the points, as a share of it;
            None with fewer than three.
    """

    model: str
    precision: str
    backend: str
    quality_name: str
    points: tuple[StepPoint, ...]
    deviation: float | None = None


class Method(Record, frozen=True):
    """How it was measured.

    Attributes:
        quick: fewer queries than a figure to be quoted needs.
        queries, seconds: least measured calls and time of each subject's latency.
        warm_up: calls before.
        per_round: consecutive calls of one subject in a round.
        batches, streams: what was asked for.
        seed: of the order of rounds and of the noise.
    """

    quick: bool
    queries: int
    seconds: float
    warm_up: int
    per_round: int
    threads: int
    batches: tuple[int, ...]
    streams: tuple[int, ...]
    seed: int = 0


class Result(Record, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        created: date and time, ISO 8601, UTC.
        duration: seconds the run took.
        targets: figures that were promised, held against this run.
    """

    kind: str = KIND
    schema: int = SCHEMA
    created: str
    duration: float
    method: Method
    environment: Environment
    subjects: tuple[SubjectResult, ...]
    speedups: tuple[Speedup, ...] = ()
    steps: tuple[StepSeries, ...] = ()
    failures: tuple[Failure, ...] = ()
    targets: tuple[Target, ...] = ()


class _Head(msgspec.Struct):
    kind: str = ""
    schema: int = 0


def encode(result: Result) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def read_result(path: Path) -> Result:
    """The result in a file.

    Raises:
        InputError: it is missing, no benchmark result, or of another schema.
    """
    file = path / FILE if path.is_dir() else path
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.kind != KIND:
            raise InputError(f"{file} is no benchmark result; expected one of facedge bench")
        if head.schema != SCHEMA:
            raise InputError(
                f"{file} has schema {head.schema} and this facedge reads schema {SCHEMA}; "
                f"measure again, or install the version that wrote it"
            )
        return msgspec.json.decode(data, type=Result)
    except NOT_JSON as error:
        raise InputError(f"{file} is no benchmark result: {error}") from error
