"""Small networks of every super-resolution kind, for tests of seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from facedge.models.fsr_priors import FsrPriors
from facedge.models.fsr_priors_edge import FsrPriorsEdge
from facedge.models.fsr_student import FsrStudent
from facedge.models.fsr_teacher import FsrTeacher
from facedge.models.seeding import seed

# Narrow and shallow: every kind of layer once or twice.
SMALL: dict[str, Callable[[], nn.Module]] = {
    "fsr-teacher": lambda: FsrTeacher(width=32, deep=32, deep_blocks=2),
    "fsr-student": lambda: FsrStudent(width=32, deep=32, deep_blocks=1),
    "fsr-student-x4": lambda: FsrStudent(scale=4, width=32, deep=32, deep_blocks=1),
    "fsr-priors": lambda: FsrPriors(width=8, groups=2, fusion_blocks=1),
    "fsr-priors-edge": lambda: FsrPriorsEdge(width=32, deep=32, deep_blocks=1, head=32),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small layers are slower on many threads, above all beside other tests."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=list(SMALL))
def network(request: pytest.FixtureRequest) -> nn.Module:
    """A small seeded network of the kind that the registry calls ``request.param``."""
    found = SMALL[request.param]().eval().requires_grad_(False)
    seed(found, 11)
    return found
