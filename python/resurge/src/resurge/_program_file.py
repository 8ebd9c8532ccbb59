"""A program while it is recorded: its nodes, its tensors, and the file that they make (docs/program-format.md)."""

from __future__ import annotations

import json
import math
import re
import struct
from typing import Any

import numpy as np

from ._errors import NonFiniteError

VERSION = 1
KEY = "resurge_program"

_KINDS = {"float32": "F32", "float64": "F64", "uint8": "U8", "int64": "I64"}


class RecordError(RuntimeError):
    """The code cannot be recorded; the message says what to do."""


def container(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> bytes:
    """The bytes of a safetensors file."""
    header: dict[str, Any] = {"__metadata__": metadata}
    parts, at = [], 0
    for name, array in tensors.items():
        data = np.ascontiguousarray(array)
        raw = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
        kind = _KINDS[data.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def small(array: np.ndarray) -> np.ndarray:
    """Spikes, masks and counts as bytes, where this loses nothing; numbers of other types as floats."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind in "iu" or array.dtype.name not in ("float32", "float64"):
        array = array.astype(np.float64)
    if array.size and array.dtype.name == "float64":
        as_bytes = array.astype(np.uint8) if array.min() >= 0 and array.max() <= 255 else None
        if as_bytes is not None and np.array_equal(as_bytes.astype(array.dtype), array):
            return as_bytes
    return array


class Program:
    """The list of nodes. Every method that adds one returns its number."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.shapes: list[tuple[int, ...]] = []
        self.carries: list[bool] = []
        self.context: list[object] = []  # the call or the lowering in which a node was made
        self.tensors: dict[str, np.ndarray] = {}
        self.sites: dict[tuple, int] = {}
        self.notes: list[str] = []
        self._indices: dict[tuple, int] = {}
        self._scalars: dict[float, int] = {}
        self.site: int | None = None
        self.now: object = None
        self.no_grad: dict[int, int | None] = {}

    def add(self, op: str, inputs: list[int], shape, /, carries: bool | None = None, **attributes) -> int:
        node: dict[str, Any] = {"op": op}
        if inputs:
            node["in"] = list(inputs)
        if self.site is not None:
            node["at"] = self.site
        if attributes:
            node["with"] = attributes
        self.nodes.append(node)
        self.shapes.append(tuple(int(n) for n in shape))
        if carries is None:
            carries = any(self.carries[i] for i in inputs)
        self.carries.append(carries)
        self.context.append(self.now)
        return len(self.nodes) - 1

    def place(self, frames: tuple) -> int:
        return self.sites.setdefault(frames, len(self.sites))

    def at(self, site: int | None) -> str:
        """A site in words, as a report has it."""
        frames = next((f for f, n in self.sites.items() if n == site), ())
        names = [(re.split(r"[/\\]", file)[-1], line) for file, line, *_ in frames]
        return " under ".join(f"{name}:{line}" for name, line in names) or "an unknown line"

    def value(self, node: int, array: np.ndarray) -> None:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            what = self.nodes[node].get("with", {}).get("function", self.nodes[node]["op"])
            found = array[~np.isfinite(array)].flat[0]
            where = self.at(self.nodes[node].get("at"))
            raise NonFiniteError(f"the value of {what} at {where} is {found}; record a run whose numbers are finite")
        self.tensors[f"value.{node}"] = small(array)

    def scalar(self, x: float) -> int:
        x = float(x)
        if not math.isfinite(x):
            raise NonFiniteError(f"a constant of the program is {x}; record a run whose numbers are all finite")
        if x not in self._scalars:
            site, self.site = self.site, None
            self._scalars[x] = self.add("constant", [], (), carries=False, scalar=x)
            self.site = site
        return self._scalars[x]

    def constant(self, array: np.ndarray, **attributes) -> int:
        if array.size == 1 and array.ndim == 0 and not attributes:
            return self.scalar(array.item())
        node = self.add("constant", [], array.shape, carries=False, **attributes)
        self.value(node, array)
        return node

    def index(self, positions: np.ndarray) -> int:
        positions = np.array(positions, dtype=np.int64, order="C")
        key = (positions.shape, positions.tobytes())
        if key not in self._indices:
            self._indices[key] = len(self._indices)
            self.tensors[f"index.{self._indices[key]}"] = positions
        return self._indices[key]

    # Operations

    def pair(self, op: str, a: int, b: int) -> int:
        return self.add(op, [a, b], np.broadcast_shapes(self.shapes[a], self.shapes[b]))

    def each(self, op: str, x: int, **attributes) -> int:
        return self.add(op, [x], self.shapes[x], **attributes)

    def scale(self, x: int, factor: float) -> int:
        return x if factor == 1 else self.each("scale", x, factor=float(factor))

    def shift(self, x: int, by: float) -> int:
        return x if by == 0 else self.each("shift", x, by=float(by))

    def where(self, mask: int, a: int, b: int) -> int:
        shape = np.broadcast_shapes(self.shapes[mask], self.shapes[a], self.shapes[b])
        return self.add("where", [mask, a, b], shape, carries=self.carries[a] or self.carries[b])

    def decide(self, kind: str, inputs: list[int], value: np.ndarray) -> int:
        node = self.add("decide", inputs, value.shape, carries=False, kind=kind)
        self.value(node, value)
        return node

    def strided(self, x: int, shape, offset: int, strides) -> int:
        shape, strides = [int(n) for n in shape], [int(n) for n in strides]
        if offset == 0 and tuple(shape) == self.shapes[x] and strides == contiguous(shape):
            return x
        return self.add("strided", [x], shape, shape=shape, offset=int(offset), strides=strides)

    def reshape(self, x: int, shape) -> int:
        return self.strided(x, shape, 0, contiguous(shape))

    def permute(self, x: int, axes) -> int:
        own, shape = contiguous(self.shapes[x]), self.shapes[x]
        return self.strided(x, [shape[a] for a in axes], 0, [own[a] for a in axes])

    def expand(self, x: int, shape) -> int:
        own = self.shapes[x]
        pad = len(shape) - len(own)
        strides = [0] * pad + [0 if n == 1 else s for n, s in zip(own, contiguous(own), strict=True)]
        return self.strided(x, shape, 0, strides)

    def take(self, x: int, positions: np.ndarray) -> int:
        return self.add("take", [x], positions.shape, index=self.index(positions))

    def put(self, base: int, value: int, positions: np.ndarray) -> int:
        return self.add("put", [base, value], self.shapes[base], index=self.index(positions))

    def write(self, base: int, value: int, offset: int, strides) -> int:
        attributes = dict(offset=int(offset), strides=[int(s) for s in strides])
        return self.add("write", [base, value], self.shapes[base], **attributes)

    def sum(self, x: int, axes, keep: bool = False) -> int:
        shape = self.shapes[x]
        axes = sorted({a % len(shape) for a in axes}) if shape else []
        if not axes:
            return x
        rest = [n for a, n in enumerate(shape) if a not in axes]
        out = self.add("sum", [x], rest, axes=axes)
        return self.reshape(out, [1 if a in axes else n for a, n in enumerate(shape)]) if keep else out

    def concat(self, inputs: list[int], axis: int) -> int:
        shape = list(self.shapes[inputs[0]])
        shape[axis] = sum(self.shapes[i][axis] for i in inputs)
        return self.add("concat", inputs, shape, axis=int(axis))

    def matmul(self, a: int, b: int) -> int:
        return self.add("matmul", [a, b], (*self.shapes[a][:-1], self.shapes[b][-1]))

    def prune(self, loss: int, always: list[int]) -> None:
        """Leaves out what nothing depends on, and puts every node behind what it takes."""
        order: list[int] = []
        state: dict[int, bool] = {}
        for root in [*always, loss]:
            stack = [(root, False)]
            while stack:
                node, done = stack.pop()
                if done:
                    order.append(node)
                    state[node] = True
                elif node not in state:
                    state[node] = False
                    stack.append((node, True))
                    attributes = self.nodes[node].get("with", {})
                    before = self.nodes[node].get("in", [])
                    defined = attributes.get("definition") if self.nodes[node]["op"] == "opaque" else None
                    stack += [(n, False) for n in (*before, *([] if defined is None else [defined]))]
        # In the order of execution, but for definitions, which come late.
        place = {old: new for new, old in enumerate(self.sorted(order))}
        renamed = {}
        for name, array in self.tensors.items():
            kind, number, *rest = name.split(".")
            if kind == "index":
                renamed[name] = array
            elif int(number) in place:
                renamed[".".join([kind, str(place[int(number)]), *rest])] = array
        nodes: list[dict[str, Any]] = [{}] * len(place)
        for old, new in place.items():
            node = dict(self.nodes[old])
            if "in" in node:
                node["in"] = [place[i] for i in node["in"]]
            if "definition" in node.get("with", {}):
                node["with"] = {**node["with"], "definition": place[node["with"]["definition"]]}
            nodes[new] = node
        used = {n["with"]["index"] for n in nodes if n["op"] in ("take", "put")}
        self.tensors = {n: a for n, a in renamed.items() if not n.startswith("index.") or int(n[6:]) in used}
        scalars = {i for i, n in enumerate(nodes) if n["op"] == "constant" and "scalar" in n.get("with", {})}
        self.tensors = {n: a for n, a in self.tensors.items() if not (n.startswith("value.") and int(n[6:]) in scalars)}
        self.nodes, self.loss = nodes, place[loss]

    def sorted(self, order: list[int]) -> list[int]:
        """Topologically, the smallest number first wherever there is a choice."""
        import heapq

        waits = {n: 0 for n in order}
        after: dict[int, list[int]] = {n: [] for n in order}
        for n in order:
            attributes, before = self.nodes[n].get("with", {}), list(self.nodes[n].get("in", []))
            if self.nodes[n]["op"] == "opaque" and attributes.get("definition") is not None:
                before.append(attributes["definition"])
            for b in before:
                after[b].append(n)
                waits[n] += 1
        ready = [n for n in order if not waits[n]]
        heapq.heapify(ready)
        out = []
        while ready:
            n = heapq.heappop(ready)
            out.append(n)
            for m in after[n]:
                waits[m] -= 1
                if not waits[m]:
                    heapq.heappush(ready, m)
        return out

    def bytes(self, framework: tuple[str, str], loss: int) -> bytes:
        sites = [
            [dict(file=f, line=n, function=name, source=text) for f, n, name, text in frames] for frames in self.sites
        ]
        description = dict(
            version=VERSION,
            framework=dict(name=framework[0], version=framework[1]),
            loss=loss,
            sites=sites,
            notes=self.notes,
            nodes=self.nodes,
        )
        return container({KEY: json.dumps(description, separators=(",", ":"))}, self.tensors)


def contiguous(shape) -> list[int]:
    strides, step = [], 1
    for n in reversed(list(shape)):
        strides.append(step)
        step *= max(int(n), 1)
    return strides[::-1]
