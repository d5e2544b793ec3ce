"""A wider and deeper network that begins as the function of a smaller, trained one.

After Net2Net (Chen et al., arXiv 1511.05641), with new channels that listen to everything and
that the old ones do not hear yet, instead of duplicated ones: their outgoing weights are zero, so
that the pictures are the small network's at first, and have a gradient from the first iteration.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facedge.errors import InputError
from facedge.models.fsr_student import FsrStudent


def grow(small: FsrStudent, large: FsrStudent) -> None:
    """Put a trained network into a larger one of the same form, in place.

    Args:
        small: the trained network.
        large: a freshly initialised one, no smaller in any width or depth, of the same scale.

    Raises:
        InputError: the large network is smaller somewhere or of another scale.
    """
    if small.scale != large.scale:
        raise InputError(
            f"the network to grow from is for scale {small.scale}; expected {large.scale}"
        )
    old, new = small.state_dict(), large.state_dict()
    if lost := [name for name in old if name not in new]:
        raise InputError(f"the larger network has no {lost[0]}; a network can only grow")
    for name, target in new.items():
        if name not in old:
            if ".second." in name:  # a block of its own: the identity until it has learnt
                target.zero_()
            continue
        source = old[name]
        if any(a > b for a, b in zip(source.shape, target.shape, strict=True)):
            raise InputError(
                f"{name} shrinks from {list(source.shape)} to {list(target.shape)}; "
                "a network can only grow"
            )
        segments = _fused(small, large) if name == "fuse.weight" else None
        target.copy_(_embedded(source, target, segments))
    large.load_state_dict(new)


def _fused(small: FsrStudent, large: FsrStudent) -> Tensor:
    """Where the inputs of the small fusion lie among the large one's: features, state, priors."""
    width, wide = small.width, large.width
    return torch.cat(
        [
            torch.arange(width),
            wide + torch.arange(width),
            2 * wide + torch.arange(small.prior_channels),
        ]
    )


def _embedded(source: Tensor, target: Tensor, inputs: Tensor | None) -> Tensor:
    out = target.clone()
    rows = source.shape[0]
    if source.dim() == 1:
        out[:rows] = source
        return out
    columns = torch.arange(source.shape[1]) if inputs is None else inputs
    out[:rows] = 0
    out[:rows, columns] = source
    return out
