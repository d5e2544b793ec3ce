"""What a trained action-unit network is compared with, shipped beside its weights.

One file holds the decisions without the graph on the network's own features, and the linear
classifier on landmarks, so that whoever has the weights can measure what the graph adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.files import write_file
from facedge.models import weights
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.contract import ActionUnits

from .au_linear import LinearOnLandmarks
from .au_twins import TITLES, Compared, log_odds

ENDING = "-baselines"
LINEAR = "linear on landmarks"
_LINEAR = "linear."
_FIELDS = ("mean", "deviation", "weights")


class Twin(nn.Module):
    """An action-unit network that decides otherwise on the same features."""

    def __init__(self, network: AuGcn | AuGcnEdge, decision: nn.Module) -> None:
        super().__init__()
        self.network, self.decision = network, decision

    def forward(self, image: Tensor) -> ActionUnits:
        """Float RGB [N, 3, 176, 176] in [0, 1] -> ActionUnits with logits [N, 12]."""
        seen = self.network.describe(image)
        logits = log_odds(self.decision(seen))
        return ActionUnits(logits, torch.sigmoid(logits), seen.landmarks)


@dataclass(frozen=True, eq=False)
class Baselines:
    """What to measure beside a network.

    Attributes:
        linear: classifier on the given landmarks.
        twins: heading -> the network's features, decided without the graph.
    """

    linear: LinearOnLandmarks
    twins: dict[str, Twin]


def write_baselines(
    path: Path, network: AuGcn | AuGcnEdge, twins: nn.ModuleDict, linear: LinearOnLandmarks
) -> None:
    """Write the baselines of a network as it is stored; matrices of the twins in FP16.

    Args:
        path: file to write; an existing one is replaced.
        network: as ``weights.load`` gives it back: its hash tells whom the baselines belong to.
        twins: of ``Compared``.
        linear: fitted on the same faces.
    """
    tensors = {k: v.half() if v.dim() > 1 else v for k, v in twins.state_dict().items()}
    for name in _FIELDS:
        tensors[_LINEAR + name] = torch.from_numpy(getattr(linear, name)).float()
    content = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_file(path, to_bytes(content, {"network_sha256": weights.hash_state(network)}))


def shipped_baselines(name: str, module: nn.Module, sha256: object) -> Baselines | None:
    """Baselines shipped for a network, or None where these weights have none.

    Args:
        name: row of the registry.
        module: the network with its weights.
        sha256: ``hash_state`` of them.

    Raises:
        InputError: the package's own file is damaged.
    """
    path = weights.packaged(name + ENDING)
    if path is None or not isinstance(module, (AuGcn, AuGcnEdge)):
        return None
    tensors, metadata = weights.read(path)
    if metadata.get("network_sha256") != sha256:
        return None
    compared = Compared(module)
    own = {k: v for k, v in tensors.items() if not k.startswith(_LINEAR)}
    try:
        compared.twins.load_state_dict(own)
        fields = (tensors[_LINEAR + field].double().numpy() for field in _FIELDS)
        linear = LinearOnLandmarks(*fields)
    except (RuntimeError, KeyError) as error:
        raise InputError(f"{path} does not hold the baselines of {name}; install anew") from error
    twins = {TITLES[key]: Twin(module, twin).eval() for key, twin in compared.twins.items()}
    return Baselines(linear, twins)
