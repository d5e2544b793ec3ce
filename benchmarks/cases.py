"""Which models a comparison measures, and in how many forms."""

from __future__ import annotations

from dataclasses import dataclass, replace

from facedge.errors import InputError
from facedge.models import registry

from .peers.registry import BASELINE, EAGER, PEERS

FP32, INT8 = "fp32", "int8"
ALL_PEERS = tuple(peer.name for peer in PEERS)
PLAIN_OPENVINO = "plain export, openvino"


@dataclass(frozen=True)
class Case:
    """One model of a comparison.

    Attributes:
        model: name in the registry.
        precisions: bundles to measure, on every backend.
        fewer_steps: further INT8 bundles that stop after as many recurrent steps.
        peers: names of the peers to measure beside it.
        per_round: consecutive calls in a round; fewer of what takes long.
        weight: share of the measuring time.
        throughput: measure batch sizes too.
    """

    model: str
    precisions: tuple[str, ...] = (FP32, "fp16", INT8)
    fewer_steps: tuple[int, ...] = ()
    peers: tuple[str, ...] = ALL_PEERS
    per_round: int = 16
    weight: float = 2.0
    throughput: bool = False


_KNOWN = {
    "fsr-student": Case("fsr-student", fewer_steps=(1, 2), weight=4.0, throughput=True),
    # As large as the paper's: a call takes long, and untrained weights have no quality to lose.
    "au-gcn": Case("au-gcn", (FP32,), (), (EAGER, BASELINE, PLAIN_OPENVINO), 4, 2.5),
    # Compiling it once more would take longer than all its measurements.
    "au-gcn-edge": Case(
        "au-gcn-edge", peers=tuple(p.name for p in PEERS if "torch.compile" not in p.name)
    ),
}

DEFAULT = tuple(_KNOWN)
"""Models of ``make bench``."""


def case_of(model: str, peers: tuple[str, ...] = ()) -> Case:
    """How a model is compared; every model of the registry can be.

    Args:
        model: its name.
        peers: measure these peers only; what everything is compared with is always among them.

    Raises:
        InputError: there is no such model or peer.
    """
    registry.get(model)
    case = _KNOWN.get(model, Case(model))
    if not peers:
        return case
    unknown = [name for name in peers if name not in ALL_PEERS]
    if unknown:
        raise InputError(f"there is no peer {unknown[0]!r}; choose of: {'; '.join(ALL_PEERS)}")
    chosen = (EAGER, BASELINE, *peers)
    return replace(case, peers=tuple(name for name in ALL_PEERS if name in chosen))
