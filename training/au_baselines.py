"""What a trained action-unit network is compared with, shipped beside its weights.

One file holds the decisions without the graph on the network's own features, and the linear
classifier on landmarks, so that whoever has the weights can measure what the graph adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import nn

from facedge.errors import InputError
from facedge.files import write_file
from facedge.models import weights
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge

from .au_linear import LinearOnLandmarks
from .au_twins import Compared

_LINEAR = "linear."
_FIELDS = ("mean", "deviation", "weights")


@dataclass(frozen=True, eq=False)
class Baselines:
    """What to measure beside a network.

    Attributes:
        linear: classifier on the given landmarks.
        compared: the network, and decisions without the graph on its features.
    """

    linear: LinearOnLandmarks
    compared: Compared


def baselines_file(weights_file: Path) -> Path:
    """Where the baselines of a file of weights lie: NAME-baselines.safetensors beside it."""
    return weights_file.with_name(f"{weights_file.stem}-baselines.safetensors")


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


def baselines_of(module: nn.Module, weights_file: Path | None) -> Baselines | None:
    """Baselines that lie beside a network's weights, or None where none of these weights do.

    Args:
        module: the network with its weights.
        weights_file: where they come from.

    Raises:
        InputError: the baselines' file is damaged.
    """
    path = baselines_file(weights_file) if weights_file else None
    if path is None or not path.is_file() or not isinstance(module, (AuGcn, AuGcnEdge)):
        return None
    tensors, metadata = weights.read(path)
    if metadata.get("network_sha256") != weights.hash_state(module):
        return None
    compared = Compared(module)
    own = {k: v for k, v in tensors.items() if not k.startswith(_LINEAR)}
    try:
        compared.twins.load_state_dict(own)
        fields = (tensors[_LINEAR + field].double().numpy() for field in _FIELDS)
        linear = LinearOnLandmarks(*fields)
    except (RuntimeError, KeyError) as error:
        raise InputError(
            f"{path} does not hold the baselines of this network; write them anew with "
            "facedge.training.au_compare, or remove the file"
        ) from error
    return Baselines(linear, compared.eval())
