"""Which Jetson this is: board, Jetson Linux (L4T), JetPack and nvpmodel's power mode.

The forms of the files are those that NVIDIA's Jetson Linux Developer Guide and users of the boards
publish. Read on recorded file trees in the tests; not yet on a board.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .sysfs import Files

JETPACK_OF_L4T = {
    "36.3": "6.0",
    "36.4.0": "6.1",
    "36.4.3": "6.2",
    "36.4.4": "6.2.1",
    "36.5.0": "6.2.2",
    "36.5.2": "6.2.3",
    "38.2": "7.0",
    "38.4": "7.1",
    "39.2.1": "7.2.1",
    "39": "7.2",
}
"""L4T release, or the part of it that decides, longest first -> JetPack."""

_RELEASE = re.compile(r"R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)")
_PACKAGE = re.compile(r"^Package: nvidia-jetpack\n(?:.+\n)*?Version: ([^\s+-]+)", re.MULTILINE)
_MODE = re.compile(r"^<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", re.MULTILINE)


@dataclass(frozen=True)
class Jetson:
    """What the board says of itself; empty where it does not.

    Attributes:
        board: the device tree's model, such as ``NVIDIA Jetson AGX Orin Developer Kit``.
        l4t: Jetson Linux release, such as ``36.4.3``.
        jetpack: JetPack version of its package, else as ``JETPACK_OF_L4T`` says.
        power_mode: nvpmodel's mode by name and number, such as ``MAXN_SUPER (2)``.
    """

    board: str
    l4t: str
    jetpack: str
    power_mode: str


def board(files: Files) -> str:
    """The device tree's model; empty on a machine without one."""
    return (
        files.text("proc/device-tree/model")
        or files.text("sys/firmware/devicetree/base/model")
        or ""
    )


def read_jetson(files: Files) -> Jetson | None:
    """The Jetson below the root; None on another machine."""
    model, release = board(files), files.text("etc/nv_tegra_release")
    if release is None and not re.search(r"jetson|orin|thor", model, re.IGNORECASE):
        return None
    if release is None:
        files.note("/etc/nv_tegra_release is missing: the L4T release is unknown")
    l4t = _l4t(files, release) if release else ""
    return Jetson(model, l4t, _jetpack(files, l4t), _power_mode(files))


def _l4t(files: Files, release: str) -> str:
    found = _RELEASE.search(release)
    if not found:
        files.note(
            f"/etc/nv_tegra_release begins with {release[:40]!r}; expected "
            f"'# R<major> (release), REVISION: <minor>'"
        )
        return ""
    return f"{found[1]}.{found[2].rstrip('.')}"


def _jetpack(files: Files, l4t: str) -> str:
    try:
        # The list of installed packages is larger than what Files reads.
        status = (files.root / "var/lib/dpkg/status").read_text("utf-8", "replace")
    except OSError:
        status = ""
    if found := _PACKAGE.search(status):
        return found[1]
    for release in sorted(JETPACK_OF_L4T, key=len, reverse=True):
        if l4t == release or l4t.startswith(release + "."):
            return JETPACK_OF_L4T[release]
    if l4t:
        files.note(
            f"L4T {l4t} belongs to no JetPack known here and nvidia-jetpack is not installed"
        )
    return ""


def _power_mode(files: Files) -> str:
    status = files.text("var/lib/nvpmodel/status", wanted=True)
    if status is None:
        return ""
    found = re.search(r"pmode:\s*(\d+)", status)
    if not found:
        files.note(f"/var/lib/nvpmodel/status is {status[:40]!r}; expected 'pmode:<number>'")
        return ""
    number = int(found[1])
    names = {int(n): name for n, name in _MODE.findall(files.text("etc/nvpmodel.conf", True) or "")}
    if number not in names:
        files.note(f"/etc/nvpmodel.conf names no power mode {number}")
        return str(number)
    return f"{names[number]} ({number})"
