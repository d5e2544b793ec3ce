"""The models by name: what each one is, takes and gives."""

from __future__ import annotations

from torch import nn

from facedge.errors import InputError

from .contract import ModelSpec

_S1, _S2, _S3 = "2405.04778", "2210.06002", "2107.04389"


# A network's module is imported when it is built: listing the models needs none of them.
def _teacher() -> nn.Module:
    from .fsr_teacher import FsrTeacher

    return FsrTeacher()


def _student() -> nn.Module:
    from .fsr_student import FsrStudent

    return FsrStudent()


def _student_x4() -> nn.Module:
    from .fsr_student import FsrStudent

    return FsrStudent(scale=4)


def _priors() -> nn.Module:
    from .fsr_priors import FsrPriors

    return FsrPriors()


def _priors_edge() -> nn.Module:
    from .fsr_priors_edge import FsrPriorsEdge

    return FsrPriorsEdge()


def _au_gcn() -> nn.Module:
    from .au_gcn import AuGcn

    return AuGcn()


def _au_gcn_edge() -> nn.Module:
    from .au_gcn_edge import AuGcnEdge

    return AuGcnEdge()


_ALL = (
    ModelSpec(
        name="fsr-teacher",
        system="S1",
        task="super-resolution",
        summary="Wide recurrent network with Canny and DoG edges embedded step by step (8x)",
        paper=_S1,
        build=_teacher,
        input_size=16,
        output_size=128,
        steps=3,
        state_shape=(96, 32, 32),
        float32_scopes=("edges",),
    ),
    ModelSpec(
        name="fsr-student",
        system="S1",
        task="super-resolution",
        summary="Edge student of fsr-teacher for very small faces (8x)",
        paper=_S1,
        build=_student,
        input_size=16,
        output_size=128,
        steps=3,
        state_shape=(64, 32, 32),
        mac_limit=1_500_000_000,
        float32_scopes=("edges",),
    ),
    ModelSpec(
        name="fsr-student-x4",
        system="S1",
        task="super-resolution",
        summary="Edge student for the 24 to 60 pixel faces of a camera (4x)",
        paper=_S1,
        build=_student_x4,
        input_size=32,
        output_size=128,
        steps=3,
        state_shape=(64, 32, 32),
        mac_limit=1_500_000_000,
        float32_scopes=("edges",),
    ),
    ModelSpec(
        name="fsr-priors",
        system="S2",
        task="super-resolution",
        summary="Feedback network with landmarks, then action units, as priors (8x)",
        paper=_S2,
        build=_priors,
        input_size=16,
        output_size=128,
        steps=3,
        state_shape=(48, 32, 32),
        float32_scopes=("action_units/places",),
    ),
    ModelSpec(
        name="fsr-priors-edge",
        system="S2",
        task="super-resolution",
        summary="Small network with landmark and action-unit priors (8x)",
        paper=_S2,
        build=_priors_edge,
        input_size=16,
        output_size=128,
        steps=3,
        state_shape=(64, 32, 32),
        mac_limit=2_000_000_000,
    ),
    ModelSpec(
        name="au-gcn",
        system="S3",
        task="action-units",
        summary="Joint adaptive attention and graph convolution over 12 action units",
        paper=_S3,
        build=_au_gcn,
        input_size=176,
        output_size=0,
        steps=1,
        state_shape=None,
        float32_scopes=("landmarks", "attention"),
    ),
    ModelSpec(
        name="au-gcn-edge",
        system="S3",
        task="action-units",
        summary="Small action-unit network: attention-weighted pooling and the same graph",
        paper=_S3,
        build=_au_gcn_edge,
        input_size=176,
        output_size=0,
        steps=1,
        state_shape=None,
        mac_limit=1_500_000_000,
        float32_scopes=("landmarks", "attention"),
        ranges="entropy",  # the smallest error of probabilities on held-out faces (its card)
    ),
)

SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in _ALL}
"""Every model, in the order of ``facedge models``."""


def get(name: str) -> ModelSpec:
    """The row of a model.

    Raises:
        InputError: there is no such model; the sentence lists those there are.
    """
    try:
        return SPECS[name]
    except KeyError:
        raise InputError(f"no model is called {name!r}; choose one of {', '.join(SPECS)}") from None
