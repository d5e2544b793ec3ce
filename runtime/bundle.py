"""A bundle on disk: read it, check that nothing in it changed, hand out its bytes.

The hashes find accidents and careless edits (a flipped bit, a truncated copy, a plan from
somewhere else). They are no signature: who can rewrite ``manifest.json`` can rewrite the hashes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from facedge.errors import BundleError, InputError
from facedge.files import sha256_file
from facedge.records import NOT_JSON

from .manifest import MANIFEST, SCHEMA, Artifact, Manifest
from .tensors import contradiction

_DIGEST = re.compile(rb'"digest": "([0-9a-f]{64})"')
_ZEROS = b"0" * 64
_PLAYABLE = (".plan", ".engine", ".trt", ".onnx")
_REBUILD = "build the bundle again, or copy it again from where it was built"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest has been checked.

    Attributes:
        path: the folder.
        manifest: its parsed manifest.
    """

    path: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """Bytes of one file, checked against the manifest as they are read.

        What is played is thus what was hashed, even if the file changed after ``load``.

        Args:
            name: path relative to the bundle, with forward slashes.

        Raises:
            BundleError: the file is not listed, cannot be read, or does not have its hash.
        """
        expected = self.manifest.files.get(name)
        if expected is None:
            raise BundleError(
                f"{self.path / name} is not listed in {MANIFEST} and is refused; {_REBUILD}"
            )
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            raise BundleError(f"{self.path / name} cannot be read: {error.strerror}") from error
        _compare_hash(self.path / name, hashlib.sha256(data).hexdigest(), expected)
        return data

    def artifacts(self, backend: str) -> tuple[Artifact, ...]:
        """The artifacts that ``backend`` plays, in the manifest's order; may be empty."""
        return tuple(a for a in self.manifest.artifacts if a.backend == backend)

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of the backends the bundle has artifacts for, without repetition."""
        return tuple(dict.fromkeys(a.backend for a in self.manifest.artifacts))


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as indented JSON, its ``digest`` filled in; the same input, the same bytes.

    Raises:
        InputError: a value does not survive JSON, such as an infinite PSNR.
    """
    blank = msgspec.structs.replace(manifest, digest=_ZEROS.decode())
    text = msgspec.json.encode(blank, order="deterministic")
    try:
        same = msgspec.json.decode(text, type=Manifest) == blank
    except msgspec.ValidationError as error:
        raise InputError(
            f"the manifest cannot be written as JSON: {error}; numbers have to be finite"
        ) from error
    if not same:
        raise InputError("the manifest changes when written as JSON and read back")
    pretty = msgspec.json.format(text, indent=2) + b"\n"
    places = list(_DIGEST.finditer(pretty))
    if len(places) != 1:
        raise InputError('the manifest must contain the key "digest" exactly once')
    start, end = places[0].span(1)
    return pretty[:start] + hashlib.sha256(pretty).hexdigest().encode() + pretty[end:]


def load(path: str | os.PathLike[str], verify: bool = True) -> Bundle:
    """Open a bundle and check it.

    Args:
        path: the bundle's folder.
        verify: hash every file now. Without it the manifest itself, the presence of every file
            and the absence of unlisted graphs and plans are still checked, and each file a
            backend plays is hashed when it is read.

    Raises:
        BundleError: something is missing, altered, added or of another schema; the sentence
            names the file.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    bundle = Bundle(folder, manifest)
    check_files(bundle, hashes=verify)
    return bundle


def check_files(bundle: Bundle, hashes: bool = True) -> None:
    """Compare the folder with the manifest's list of files.

    Args:
        bundle: the bundle.
        hashes: compare every file's SHA-256, not only its presence.

    Raises:
        BundleError: as ``load``.
    """
    manifest = bundle.manifest
    for name in (*manifest.files, *_references(manifest)):
        if not _is_inside(name):
            raise BundleError(
                f"{bundle.path / MANIFEST} lists {name!r}, which is not a path inside the bundle; "
                f"{_REBUILD}"
            )
    for name in _references(manifest):
        if name not in manifest.files:
            raise BundleError(
                f"{bundle.path / MANIFEST} uses {name} and has no hash for it; {_REBUILD}"
            )
    for name in _on_disk(bundle.path):
        if name.lower().endswith(_PLAYABLE) and name not in manifest.files:
            raise BundleError(
                f"{bundle.path / name} is not listed in {MANIFEST}: a plan is code and an unlisted "
                f"one is refused; remove it, and build plans with facedge engine"
            )
    for name, expected in manifest.files.items():
        file = bundle.path / name
        if not _is_own_file(bundle.path, name):
            raise BundleError(
                f"{file} is listed in {MANIFEST} and is missing, a link or not a file; {_REBUILD}"
            )
        if hashes:
            try:
                found = sha256_file(file)
            except OSError as error:
                raise BundleError(f"{file} cannot be read: {error.strerror}") from error
            _compare_hash(file, found, expected)


def _read_manifest(folder: Path) -> Manifest:
    file = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; expected a bundle made by facedge build")
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder} has no {MANIFEST}; expected a bundle made by facedge build"
        ) from error
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror}") from error
    return parse_manifest(data, file)


def parse_manifest(data: bytes, file: Path = Path(MANIFEST)) -> Manifest:
    """The manifest in ``data``, after its schema and its digest of itself were checked.

    Args:
        data: bytes of a ``manifest.json``.
        file: what to call it in messages.

    Raises:
        BundleError: other schema, altered, or not a manifest.
    """
    _check_schema(file, data)
    _check_digest(file, data)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except NOT_JSON as error:
        raise BundleError(f"{file} does not follow schema {SCHEMA}: {error}; {_REBUILD}") from error
    if wrong := contradiction(manifest):
        raise BundleError(f"{file} contradicts itself: {wrong}; {_REBUILD}")
    return manifest


class _SchemaOnly(msgspec.Struct):
    schema: int


def _check_schema(file: Path, data: bytes) -> None:
    """Schema first: an older program must say so of a newer bundle before anything else."""
    try:
        found = msgspec.json.decode(data, type=_SchemaOnly).schema
    except NOT_JSON as error:
        raise BundleError(f"{file} is not a manifest ({error}); {_REBUILD}") from error
    if found != SCHEMA:
        raise BundleError(
            f"{file} has schema {found} and this facedge reads schema {SCHEMA}; "
            f"build the bundle with this version or install the one that built it"
        )


def _check_digest(file: Path, data: bytes) -> None:
    places = list(_DIGEST.finditer(data))
    if len(places) != 1:
        raise BundleError(
            f"{file} has {len(places)} digests of itself, expected exactly one; {_REBUILD}"
        )
    start, end = places[0].span(1)
    found = hashlib.sha256(data[:start] + _ZEROS + data[end:]).hexdigest()
    _compare_hash(file, found, data[start:end].decode())


def _compare_hash(file: Path, found: str, expected: str) -> None:
    if found != expected:
        raise BundleError(
            f"{file} was altered or truncated: its SHA-256 is {found[:12]}…, "
            f"expected {expected[:12]}…; {_REBUILD}"
        )


def _references(manifest: Manifest) -> Iterator[str]:
    for artifact in manifest.artifacts:
        yield artifact.path
    for golden in manifest.golden:
        yield from golden.inputs.values()
        yield from golden.outputs.values()


def _is_inside(name: str) -> bool:
    pure = PurePosixPath(name)
    return bool(name) and not pure.is_absolute() and ".." not in pure.parts and "\\" not in name


def _is_own_file(folder: Path, name: str) -> bool:
    """Whether a file lies there, reached without a link: a link leads out of what was copied."""
    parts = PurePosixPath(name).parts
    try:
        if any(folder.joinpath(*parts[: i + 1]).is_symlink() for i in range(len(parts))):
            return False
        return (folder / name).is_file()
    except OSError:  # such as a name too long for the file system
        return False


def _on_disk(folder: Path) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield (Path(root) / name).relative_to(folder).as_posix()
