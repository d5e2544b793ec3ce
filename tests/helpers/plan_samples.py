"""A small precision plan with every field filled."""

from __future__ import annotations

from facedge.export.judge import Loss
from facedge.export.plan_file import Budget, Candidate, Check, Latency, Move, PrecisionPlan
from facedge.export.sensitivity_file import Part, Row


def loss(db: float) -> Loss:
    return Loss(added=10 * db, loss_db=db, truth_loss_db=db / 2, au_agreement=99.5,
                au_difference=0.001)  # fmt: skip


def candidate(name: str, faster: float, db: float) -> Candidate:
    latency = Latency(
        milliseconds=5 / faster, times_faster=faster, low=faster - 0.01, high=faster + 0.01
    )
    return Candidate(name=name, floats=1, unrounded=2, loss=loss(db), latency=latency)


def plan(**changes: object) -> PrecisionPlan:
    fields: dict[str, object] = {
        "model": "fsr-student",
        "steps": 3,
        "weights_sha256": "ab" * 32,
        "ranges_sha256": "cd" * 32,
        "method": "mse",
        "backend": "onnxruntime",
        "machine": "a processor",
        "threads": 1,
        "source": "folder faces: 8 pictures",
        "pictures": 8,
        "budget": Budget(max_psnr_loss=0.1, min_au_agreement=99.0),
        "assignment": {"first": "int8", "second": "fp16", "<b>third": "fp32"},
        "methods": {"x": "entropy"},
        "unrounded": ("y", "z"),
        "predicted": 0.01,
        "chosen": "candidate 1",
        "candidates": (candidate("all INT8", 1.0, 0.02), candidate("candidate 1", 1.1, 0.01)),
        "moves": (Move(name="second", saves=0.01, milliseconds=-0.2),),
        "check": Check(source="other", pictures=4, all_int8=loss(0.03), plan=loss(0.01)),
        "rows": (
            Row(node="first", op="Conv", share=0.5, reads="x", gives="y"),
            Row(node="second", op="Conv", share=0.3, reads="y", gives="z"),
            Row(node="<b>third", op="Gemm", share=0.2, reads="z"),
        ),
        "parts": (
            Part(kind="weights", name="first", loss=loss(0.001)),
            Part(kind="weights", name="second", loss=loss(0.002)),
            Part(kind="weights", name="<b>third", loss=loss(0.003)),
            Part(kind="activation", name="x", loss=loss(0.004), tensors=("x",)),
            Part(kind="activation", name="y", loss=loss(0.002), tensors=("y",)),
            Part(kind="activation", name="z", loss=loss(0.001), tensors=("z", "moved")),
        ),
    }
    return PrecisionPlan(**{**fields, **changes})  # type: ignore[arg-type]
