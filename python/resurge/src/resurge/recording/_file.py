"""The audit file."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resurge._errors import FileError

Array = NDArray[Any]

# What is written; version 1, where a reset may be without a timing, is read, too.
FORMAT_VERSION = 2
KEY = "resurge_audit"


@dataclass
class Recording:
    """What an audit file holds: the description, and the tensors by name."""

    description: dict[str, Any]
    tensors: dict[str, Array] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The bytes of the audit file."""
        return to_bytes(self)


def compact(values: Array) -> Array:
    """Whole numbers of one byte as such a byte; everything else as it is."""
    small = values.size > 0 and bool(np.all((values >= 0) & (values <= 255) & (values == np.floor(values))))
    return values.astype(np.uint8) if small else values


def to_bytes(recording: Recording) -> bytes:
    """The bytes of the audit file of a recording.

    Gradients of float32 may stand in a file of float64: they were computed in it, and are right to it.

    Raises FileError for a tensor with a NaN or an infinity, and for floats of more than one type.
    """
    # Contiguous, and of the byte order of the file; a scalar stays one.
    tensors = {name: np.array(value, order="C", copy=None) for name, value in recording.tensors.items()}
    for name, value in tensors.items():
        if value.dtype.kind == "f" and not bool(np.all(np.isfinite(value))):
            raise FileError(f"{name}: holds a NaN or an infinity")
    floats = {name: value.dtype.name for name, value in tensors.items() if value.dtype.kind == "f"}
    kinds = {kind for name, kind in floats.items() if not name.startswith("gradients.")}
    if kinds == {"float32"} or not kinds:
        kinds |= set(floats.values())
    if len(kinds) != 1 or not kinds <= {"float32", "float64"}:
        raise FileError(f"the floats of a file must all be float32 or all be float64, found {sorted(kinds)}")
    from safetensors.numpy import save

    return bytes(save(tensors, {KEY: json.dumps(recording.description, allow_nan=False)}))


def write(path: str | os.PathLike[str], recording: Recording) -> Path:
    """Writes an audit file; an existing one is replaced at once or not at all.

    Raises FileError as `to_bytes` does.
    """
    target = Path(path)
    data = to_bytes(recording)
    handle, temporary = tempfile.mkstemp(prefix=".resurge-", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return target


def read(path: str | os.PathLike[str]) -> Recording:
    """Reads an audit file.

    Raises FileError for a file that is not one, and OSError for one that cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    Path(path).open("rb").close()
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise FileError(f"{path}: is no whole safetensors file: {error}") from error
    if KEY not in metadata:
        raise FileError(f"{path}: no {KEY!r} in the metadata; is it an audit file?")
    description = json.loads(metadata[KEY])
    if description.get("version") not in (1, FORMAT_VERSION):
        found = description.get("version")
        raise FileError(f"{path}: format version {found}, but 1 and {FORMAT_VERSION} are read")
    return Recording(description, tensors)
