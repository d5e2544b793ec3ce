"""What every figure means, in plain words; printed by ``facedge bench explain``."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from facedge.errors import InputError


@dataclass(frozen=True)
class Term:
    """One figure.

    Attributes:
        name: as it is asked for and shown.
        unit: of the figure; empty for none.
        better: which way is better; empty where neither is.
        text: what it means and how it is measured.
    """

    name: str
    unit: str
    better: str
    text: str


TERMS = (
    Term(
        "p50",
        "ms",
        "lower",
        "The median: half of all calls were faster. The figure to compare, because a few slow "
        "calls do not move it. A call is one batch of pictures in, results out, copies included.",
    ),
    Term(
        "p90",
        "ms",
        "lower",
        "Nine of ten calls were at least this fast. Percentiles lie linearly between the two "
        "neighbouring measurements.",
    ),
    Term(
        "p99",
        "ms",
        "lower",
        "99 of 100 calls were at least this fast. At 30 frames per second something slower "
        "happens about every three seconds. Needs many calls: of 1,024, ten are slower.",
    ),
    Term(
        "max",
        "ms",
        "lower",
        "The slowest call. It is a single event, often the operating system's, and grows the "
        "longer one measures; do not compare it between runs of different length.",
    ),
    Term(
        "jitter",
        "ms",
        "lower",
        "By how much one call differs from the next, on average. Two engines with the same p50 "
        "can feel different: a steady one and one that alternates between fast and slow.",
    ),
    Term(
        "deadline",
        "calls",
        "lower",
        "How many calls took longer than a frame lasts: 33.3 ms at 30 frames per second, 16.7 ms "
        "at 60. Counts the network alone; camera, detector and display need time of their own.",
    ),
    Term(
        "throughput",
        "faces/s",
        "higher",
        "Faces per second of back-to-back calls: faces in a batch times calls, divided by the "
        "time they took together.",
    ),
    Term(
        "batch",
        "faces",
        "",
        "Faces in one call. A larger batch uses the processor better and makes each face wait for "
        "the others: read the faces per second together with the p50 of the whole call.",
    ),
    Term(
        "streams",
        "threads",
        "",
        "Several sessions at once, each in a thread of its own with its share of the CPU threads, "
        "one face per call: what several cameras get. p50 and p99 are of one call while the "
        "others run.",
    ),
    Term(
        "speedup",
        "times",
        "higher",
        "How many times faster than the first subject. Both run in turns, a few calls each; the "
        "figure is the median of the ratios of neighbouring turns, so that what slows the machine "
        "for a while slows both.",
    ),
    Term(
        "interval",
        "",
        "narrower",
        "The 95 % interval beside a ratio, by bootstrap: the rounds are drawn again 2,000 times "
        "with replacement, and 95 % of the ratios fall inside. If it contains 1, this run does "
        "not show a difference. It knows this run's noise, not what changes from day to day.",
    ),
    Term(
        "rounds",
        "",
        "",
        "A round is 16 calls of every subject, in an order shuffled anew. The plot over rounds "
        "shows whether the speed drifted while it was measured.",
    ),
    Term(
        "memory",
        "MiB",
        "lower",
        "Main memory of a process that does nothing else. Opened: what importing the backend and "
        "opening the bundle added. Played: after some calls. Peak: the most it ever held, Python "
        "included. Memory of a separate GPU is not counted.",
    ),
    Term(
        "energy",
        "mJ/face",
        "lower",
        "Energy of the run divided by the faces played, back to back: the area under the power "
        "readings (trapezoid rule). Above idle: without what the machine takes doing nothing. "
        "Which supply was read stands beside it; they differ between boards.",
    ),
    Term(
        "to-device",
        "ms",
        "lower",
        "Copying the pictures from main memory to the GPU, waited for.",
    ),
    Term("compute", "ms", "lower", "The network on the GPU without the copies, waited for."),
    Term("to-host", "ms", "lower", "Copying the results from the GPU to main memory, waited for."),
    Term(
        "graph",
        "ms",
        "lower",
        "A whole call replayed as one recorded CUDA graph; enqueued is the same call without, so "
        "the difference is what launching costs.",
    ),
    Term(
        "steps",
        "",
        "",
        "Recurrent steps in the graph, chosen with facedge build --steps: each adds time and, "
        "less and less, quality. Give bundles of several step counts to see the curve.",
    ),
    Term(
        "quality",
        "dB or %",
        "higher",
        "Measured when the bundle was built, not by the benchmark: PSNR of the luma in dB for "
        "super-resolution, agreement of the action units' decisions with full precision for the "
        "others.",
    ),
    Term(
        "throttling",
        "",
        "none",
        "Signs that the machine slowed itself down: a cooling device in use, over-current events, "
        "thermal events of the processor, a clock below where it is held. Such a result says "
        "what the machine does when hot, not what the engine can do.",
    ),
    Term(
        "power-mode",
        "",
        "",
        "nvpmodel's budget on a Jetson, such as 15W or MAXN_SUPER: it caps clocks and switches "
        "cores off. Figures of different modes are figures of different machines.",
    ),
    Term(
        "load",
        "",
        "below half the CPUs",
        "How many processes wanted to run in the minute before the benchmark. When others work "
        "too, ratios of interleaved rounds hold up better than milliseconds.",
    ),
    Term(
        "quick",
        "",
        "",
        "Measured with --quick: fewer than 1,024 calls. Good for a look, not for quoting.",
    ),
)


def explain(name: str) -> Term:
    """The term called ``name``; also ``to_device`` for ``to-device``, and ``missed_30``.

    Raises:
        InputError: there is none; the sentence names close ones.
    """
    wanted = name.lower().replace("_", "-").strip()
    wanted = ALIASES.get(wanted, wanted)
    known = {term.name: term for term in TERMS}
    if wanted in known:
        return known[wanted]
    close = get_close_matches(wanted, [*known, *ALIASES], 3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"
    raise InputError(f"no metric is called {name!r}; {hint}")


ALIASES = {
    "median": "p50",
    "latency": "p50",
    "percentile": "p99",
    "missed-30": "deadline",
    "missed-60": "deadline",
    "deadline-misses": "deadline",
    "faces-per-second": "throughput",
    "fps": "throughput",
    "rss": "memory",
    "joules-per-face": "energy",
    "power": "energy",
    "enqueued": "graph",
    "h2d": "to-device",
    "d2h": "to-host",
    "times-faster": "speedup",
    "nvpmodel": "power-mode",
    "psnr": "quality",
    "temperature": "throttling",
}
"""Other words for the same."""
