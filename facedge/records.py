"""Files of one record: JSON that says what it is, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from .errors import InputError

T = TypeVar("T")

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding any bytes as JSON can raise."""


def decode_file(path: Path, kind_of: type[T], what: str, kind: str, schema: int, make: str) -> T:
    """A JSON file of one kind and schema, strictly.

    Args:
        kind_of: record in it.
        what: what the file holds, for the sentence.
        kind: the file's own ``kind``; likewise ``schema``.
        make: how to make such a file, completing the sentence.

    Raises:
        InputError: one sentence with what was found.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {what} file {path}: {error.strerror or error}") from error
    try:
        head = msgspec.json.decode(data)
    except NOT_JSON as error:
        raise InputError(f"{path} is not a {what} file: {error}; {make}") from error
    if not isinstance(head, dict) or head.get("kind") != kind:
        raise InputError(f"{path} is not a {what} file; {make}")
    if head.get("schema") != schema:
        raise InputError(
            f"{path} has {what} schema {head.get('schema')}, expected {schema}; {make}"
        )
    try:
        return msgspec.convert(head, kind_of)
    except msgspec.ValidationError as error:
        raise InputError(f"{what} file {path} is damaged: {error}; {make}") from error
