"""Weights of the models: found, checked, hashed, saved.

The file format is safetensors with float32 or float16 tensors. Its metadata may name the
``model`` the weights belong to and their ``licence``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.files import write_file

from .contract import ModelSpec
from .seeding import seed, seed_of

__all__ = ["LoadedModel", "hash_state", "load", "packaged", "read", "save", "seed"]

SEEDED_LICENCE = "seeded weights: Apache-2.0"
_FOLDER = Path(__file__).parent / "weights"
_SHOWN = 3


@dataclass(frozen=True)
class LoadedModel:
    """A network with its weights.

    Attributes:
        module: the network, float32, in evaluation mode, without gradients.
        sha256: ``hash_state`` of it.
        source: ``trained`` (shipped with the package), ``seeded``, or the file's name.
        licence: terms of the weights.
        metadata: what the file says about itself.
    """

    module: nn.Module
    sha256: str
    source: str
    licence: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def packaged(name: str) -> Path | None:
    """Weights file shipped for a model, or None where there is none."""
    path = _FOLDER / f"{name}.safetensors"
    return path if path.is_file() else None


def load(spec: ModelSpec, path: Path | None = None) -> LoadedModel:
    """Build a model and give it weights.

    Args:
        spec: row of the registry.
        path: safetensors file; None takes the shipped weights, or seeded ones.

    Raises:
        InputError: the file is missing, no safetensors file or truncated, belongs to another
            model, lacks tensors or has others, or a tensor has a wrong shape or holds NaN or
            infinity.
    """
    # Building draws from torch's global generator, which belongs to the caller.
    with torch.random.fork_rng(devices=[]):
        module = spec.build()
    source, file = (path.name, path) if path is not None else ("trained", packaged(spec.name))
    metadata: dict[str, str] = {}
    if file is None:
        seed(module, seed_of(spec.name))
        source, licence = "seeded", SEEDED_LICENCE
    else:
        tensors, metadata = read(file)
        _check(spec, module.state_dict(), tensors, metadata, file)
        module.load_state_dict(tensors)
        licence = metadata.get("licence", f"not stated in {file.name}")
    module.eval().requires_grad_(False)
    return LoadedModel(module, hash_state(module), source, licence, metadata)


def save(
    module: nn.Module,
    path: Path,
    metadata: Mapping[str, str],
    dtype: torch.dtype | None = None,
    *,
    vectors: bool = True,
) -> None:
    """Write a module's weights as a safetensors file that appears complete or not at all.

    Args:
        module: the network.
        path: file to write; an existing one is replaced.
        metadata: strings stored in the file; ``model`` and ``licence`` are read back by ``load``.
        dtype: what floating-point tensors are stored in; None keeps each as it is.
        vectors: False keeps those of one dimension as they are: biases and statistics, which take
            little room and may lose much.

    Raises:
        InputError: a weight is NaN or infinite in that type, or the disk refuses.
    """
    tensors = {}
    for name, tensor in module.state_dict().items():
        stored = tensor.detach().cpu().contiguous()
        if dtype is not None and stored.is_floating_point() and (vectors or stored.dim() > 1):
            stored = stored.to(dtype)
        if not stored.isfinite().all():
            raise InputError(
                f"{name} holds NaN or infinity as {str(stored.dtype).removeprefix('torch.')}; "
                f"{path} was not written"
            )
        tensors[name] = stored
    write_file(path, to_bytes(tensors, dict(metadata)))


def hash_state(module: nn.Module) -> str:
    """Hex SHA-256 over names, types, shapes and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        array = tensor.detach().cpu().contiguous().numpy()
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file, unchecked.

    Raises:
        InputError: the file is missing, no safetensors file or truncated.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file; give a safetensors file of weights")
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is not a safetensors file, or a truncated one ({error}); save weights with "
            "facedge.models.weights.save"
        ) from error


def _check(
    spec: ModelSpec,
    expected: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    path: Path,
) -> None:
    owner = metadata.get("model", spec.name)
    if owner != spec.name:
        raise InputError(f"{path} holds weights of {owner}; expected weights of {spec.name}")
    if missing := [name for name in expected if name not in found]:
        raise InputError(
            f"{path} lacks {_some(missing)}; {spec.name} has {len(expected)} tensors, the file "
            f"{len(found)}"
        )
    if unexpected := [name for name in found if name not in expected]:
        raise InputError(f"{path} holds {_some(unexpected)}, which {spec.name} does not have")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"{name} in {path} has the shape {list(tensor.shape)}; {spec.name} expects "
                f"{list(expected[name].shape)}"
            )
        if tensor.is_floating_point() != expected[name].is_floating_point():
            raise InputError(
                f"{name} in {path} is {str(tensor.dtype).removeprefix('torch.')}; {spec.name} "
                f"expects {str(expected[name].dtype).removeprefix('torch.')}"
            )
        if not tensor.isfinite().all():
            raise InputError(
                f"{name} in {path} holds NaN or infinity; the training that wrote it failed"
            )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
