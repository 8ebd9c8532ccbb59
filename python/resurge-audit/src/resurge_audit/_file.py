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
from safetensors import safe_open
from safetensors.numpy import save

Array = NDArray[Any]

FORMAT_VERSION = 1
KEY = "resurge_audit"


@dataclass
class Recording:
    """What an audit file holds: the description, and the tensors by name."""

    description: dict[str, Any]
    tensors: dict[str, Array] = field(default_factory=dict)


def compact(values: Array) -> Array:
    """Whole numbers of one byte as such a byte; everything else as it is."""
    small = values.size > 0 and bool(np.all((values >= 0) & (values <= 255) & (values == np.floor(values))))
    return values.astype(np.uint8) if small else values


def write(path: str | os.PathLike[str], recording: Recording) -> Path:
    """Writes an audit file; an existing one is replaced at once or not at all.

    Gradients of float32 may stand in a file of float64: they were computed in it, and are right to it.

    Raises ValueError for a tensor with a NaN or an infinity, and for floats of more than one type.
    """
    target = Path(path)
    tensors = {name: np.ascontiguousarray(value) for name, value in recording.tensors.items()}
    for name, value in tensors.items():
        if value.dtype.kind == "f" and not bool(np.all(np.isfinite(value))):
            raise ValueError(f"{name}: holds a NaN or an infinity")
    floats = {name: value.dtype.name for name, value in tensors.items() if value.dtype.kind == "f"}
    kinds = {kind for name, kind in floats.items() if not name.startswith("gradients.")}
    if kinds == {"float32"} or not kinds:
        kinds |= set(floats.values())
    if len(kinds) != 1 or not kinds <= {"float32", "float64"}:
        raise ValueError(f"the floats of a file must all be float32 or all be float64, found {sorted(kinds)}")
    data = save(tensors, {KEY: json.dumps(recording.description, allow_nan=False)})
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

    Raises ValueError for a file that is not one.
    """
    with safe_open(os.fspath(path), framework="numpy") as file:
        metadata = file.metadata() or {}
        if KEY not in metadata:
            raise ValueError(f"{path}: no {KEY!r} in the metadata; is it an audit file?")
        description = json.loads(metadata[KEY])
        if description.get("version") != FORMAT_VERSION:
            raise ValueError(f"{path}: format version {description.get('version')}, expected {FORMAT_VERSION}")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return Recording(description, tensors)
