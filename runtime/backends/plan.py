"""Whether a plan fits this TensorRT and this device: asked before it is deserialised.

Manifest notation: version ``10.3.0`` is that version only, ``10.3.0+`` that or any later one
(built version-compatible). Device ``sm_87`` is that compute capability only, ``sm_86,sm_89`` any
of them, ``ampere+`` compute capability 8.0 and later.
"""

from __future__ import annotations

import re

from facedge.errors import BundleError

from ..bundle import Bundle
from ..manifest import Artifact
from .nvinfer import version_numbers


class PlanMismatch(BundleError):
    """A plan is whole, and for another TensorRT version or another device."""


RTX_CAPABILITIES = ((8, 0), (8, 6), (8, 9))
"""What TensorRT for RTX's default engines cover, besides 12.0 and later (its support matrix):
Jetson Orin (8.7) and Hopper (9.0) are not among them."""


def rebuild_command(bundle: Bundle, backend: str) -> str:
    """The command that makes the bundle's plan anew on this device."""
    return f"facedge engine {bundle.path} --backend {backend}"


def version_fits(built: str, installed: str) -> bool:
    """Whether a plan of version ``built`` loads in ``installed``."""
    if built.endswith("+"):
        return version_numbers(installed) >= version_numbers(built[:-1])
    return version_numbers(installed) == version_numbers(built)


def device_fits(built: str, capability: tuple[int, int], backend: str) -> bool:
    """Whether a plan for ``built`` runs on a device of this compute capability."""
    if built == "ampere+":
        if backend == "tensorrt-rtx":
            return capability in RTX_CAPABILITIES or capability >= (12, 0)
        return capability >= (8, 0)
    return device_name(capability) in built.split(",")


def device_name(capability: tuple[int, int]) -> str:
    """(8, 7) -> ``sm_87``."""
    return f"sm_{capability[0]}{capability[1]}"


def check_plan(
    bundle: Bundle, artifact: Artifact, installed: str, capability: tuple[int, int]
) -> None:
    """Refuse a plan that was built for something else.

    Args:
        bundle: where it lies, for the message.
        artifact: the plan.
        installed: version of the installed backend.
        capability: compute capability of the device.

    Raises:
        PlanMismatch: other version or other device; the sentence ends in the command to run.
    """
    plan, backend = bundle.path / artifact.path, artifact.backend
    if not re.match(r"^\d", artifact.version) or not artifact.device:
        raise PlanMismatch(
            f"{plan} does not say which version and device it was built for; "
            f"build it with: {rebuild_command(bundle, backend)}"
        )
    if not version_fits(artifact.version, installed):
        raise PlanMismatch(
            f"{plan} was built by {backend} {artifact.version} and this machine has {installed}; "
            f"build it here with: {rebuild_command(bundle, backend)}"
        )
    if not device_fits(artifact.device, capability, backend):
        raise PlanMismatch(
            f"{plan} was built for {artifact.device} and this device is {device_name(capability)}; "
            f"build it here with: {rebuild_command(bundle, backend)}"
        )
