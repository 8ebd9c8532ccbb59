"""The primitives of JAX that move numbers, add them up, or multiply matrices, as operations of a program."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from ._program_file import Program, contiguous
from ._program_jax_plan import is_float
from ._program_jax_rules import Lowering, Params, rule
from ._program_jax_run import Array, Cell


def _places(cell: Cell) -> Array:
    size = int(cell.array.size)
    return np.arange(size, dtype=np.int32).reshape(cell.array.shape)


def _apply(name: str, params: Params, *values: Any) -> Array:
    """A primitive on other numbers."""
    primitive = getattr(jax.lax, name + "_p")
    out = primitive.bind(*values, **params)
    return np.asarray(out[0] if primitive.multiple_results else out)


def _taken(lo: Lowering, x: Cell, at: Array, filling: int | None = None) -> int:
    """The numbers at these positions; the filling where one is negative."""
    if (at >= 0).all():
        return lo.p.take(lo.node(x), at)
    if filling is None:
        raise ValueError("it reads outside of its operand, where JAX gives NaN; keep the indices inside")
    if not x.array.size:
        return lo.p.expand(filling, at.shape)
    mask = lo.p.constant((at >= 0).astype(np.uint8))
    return lo.p.where(mask, lo.p.take(lo.node(x), np.maximum(at, 0)), filling)


@rule("reshape", "squeeze", "expand_dims", moves=True)
def _reshape(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.p.reshape(lo.node(ins[0]), outs[0].array.shape)


@rule("transpose", moves=True)
def _transpose(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.p.permute(lo.node(ins[0]), params["permutation"])


@rule("broadcast_in_dim", moves=True)
def _broadcast(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    shape, x = outs[0].array.shape, ins[0].array.shape
    strides = [0] * len(shape)
    for axis, extent, stride in zip(params["broadcast_dimensions"], x, contiguous(x), strict=True):
        strides[axis] = 0 if extent == 1 else stride
    return lo.p.strided(lo.node(ins[0]), shape, 0, strides)


@rule("slice", moves=True)
def _slice(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    own, steps = contiguous(ins[0].array.shape), params["strides"] or (1,) * ins[0].array.ndim
    offset = sum(a * s for a, s in zip(params["start_indices"], own, strict=True))
    return lo.p.strided(lo.node(ins[0]), outs[0].array.shape, offset if outs[0].array.size else 0,
                        [a * s for a, s in zip(steps, own, strict=True)])  # fmt: skip


@rule("split", moves=True)
def _split(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> tuple[int, ...]:
    own, start, nodes = contiguous(ins[0].array.shape), 0, []
    for size, out in zip(params["sizes"], outs, strict=True):
        nodes.append(lo.p.strided(lo.node(ins[0]), out.array.shape, start * own[params["axis"]], own))
        start += size
    return tuple(nodes)


@rule("rev", "dynamic_slice", moves=True)
def _moved(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    at = _apply(lo.name, params, _places(ins[0]), *(c.array for c in ins[1:]))
    return _taken(lo, ins[0], at)


@rule("gather", moves=True)
def _gather(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    fill = params["fill_value"]
    at = _apply("gather", {**params, "fill_value": -1}, _places(ins[0]), ins[1].array)
    return _taken(lo, ins[0], at, None if fill is None or not np.isfinite(fill) else lo.p.scalar(fill))


@rule("dynamic_update_slice", moves=True)
def _update(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    base, value = ins[0], ins[1]
    shape, own = base.array.shape, contiguous(base.array.shape)
    begin = [int(np.clip(int(i.array), 0, n - m)) for i, n, m in zip(ins[2:], shape, value.array.shape, strict=True)]
    return lo.p.write(lo.node(base), lo.node(value), sum(a * s for a, s in zip(begin, own, strict=True)), own)


@rule("concatenate", moves=True)
def _concatenate(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.p.concat([lo.node(c) for c in ins if c.array.size or not outs[0].array.size], params["dimension"])


@rule("stack", moves=True)
def _stack(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    shape = list(outs[0].array.shape)
    shape[params["axis"]] = 1
    return lo.p.concat([lo.p.reshape(lo.node(c), shape) for c in ins], params["axis"])


@rule("unstack", moves=True)
def _unstack(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> tuple[int, ...]:
    own, axis = contiguous(ins[0].array.shape), params["axis"]
    strides = [s for a, s in enumerate(own) if a != axis]
    return tuple(lo.p.strided(lo.node(ins[0]), c.array.shape, i * own[axis], strides) for i, c in enumerate(outs))


@rule("tile", moves=True)
def _tile(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return _taken(lo, ins[0], np.tile(_places(ins[0]), params["reps"]))


def _padded(p: Program, x: int, value: int, config: Any) -> int:
    shape = p.shapes[x]
    inner = [max(n + (n - 1) * i, 0) for n, (_, _, i) in zip(shape, config, strict=True)]
    whole = [low + n + high for n, (low, high, _) in zip(inner, config, strict=True)]
    if all(low >= 0 and high >= 0 for low, high, _ in config):
        own = contiguous(whole)
        offset = sum(low * s for (low, _, _), s in zip(config, own, strict=True))
        strides = [s * (i + 1) for (_, _, i), s in zip(config, own, strict=True)]
        return p.write(p.expand(value, whole), x, offset, strides) if math.prod(shape) else p.expand(value, whole)
    raise NotImplementedError


@rule("pad", moves=True)
def _pad(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    x, value = ins
    config = params["padding_config"]
    if all(low >= 0 and high >= 0 for low, high, _ in config):
        return _padded(lo.p, lo.node(x), lo.node(value), config)
    at = _apply("pad", params, _places(x), np.int32(-1))
    return _taken(lo, x, at, lo.node(value))


@rule("sort", moves=True)
def _sort(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> tuple[int, ...]:
    arrays = jax.lax.sort(
        [*(jax.numpy.asarray(c.array) for c in ins), jax.numpy.asarray(_places(ins[0]))],
        dimension=params["dimension"], is_stable=params["is_stable"], num_keys=params["num_keys"],
    )  # fmt: skip
    at = np.asarray(arrays[-1])
    return tuple(lo.p.take(lo.node(c), at) for c in ins)


@rule("top_k", moves=True)
def _top_k(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> tuple[int, int]:
    axis = params.get("axis", -1)
    at = np.take_along_axis(_places(ins[0]), outs[1].array.astype(np.int64), axis)
    return lo.p.take(lo.node(ins[0]), at), lo.p.decide("top_k", [], outs[1].array)


def _targets(params: Params, base: Cell, index: Cell, updates: Cell) -> Array:
    """Where each number that a scatter writes goes; -1 where it is dropped."""
    d, dropped = params["dimension_numbers"], params["mode"]
    numbers = jax.lax.GatherDimensionNumbers(
        offset_dims=d.update_window_dims,
        collapsed_slice_dims=d.inserted_window_dims,
        start_index_map=d.scatter_dims_to_operand_dims,
        operand_batching_dims=d.operand_batching_dims,
        start_indices_batching_dims=d.scatter_indices_batching_dims,
    )
    sizes, windows = [], iter(d.update_window_dims)
    for axis in range(base.array.ndim):
        held = axis in d.inserted_window_dims or axis in d.operand_batching_dims
        sizes.append(1 if held else updates.array.shape[next(windows)])
    mode = jax.lax.GatherScatterMode.FILL_OR_DROP
    if dropped in (jax.lax.GatherScatterMode.CLIP, jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS):
        mode = dropped
    at = jax.lax.gather(_places(base), index.array, numbers, tuple(sizes), mode=mode, fill_value=-1)
    return np.asarray(at)


@rule("scatter", "scatter_add", "scatter-add", "scatter_mul", "scatter-mul", moves=True)
def _scatter(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    base, index, updates = ins
    p, at = lo.p, _targets(params, base, index, updates).reshape(-1)
    number = np.arange(at.size)[at >= 0]
    if not number.size:
        return lo.node(base)
    flat = p.reshape(lo.node(updates), (at.size,))
    order = number[np.argsort(at[number], kind="stable")]
    to, first, times = np.unique(at[order], return_index=True, return_counts=True)
    if lo.name == "scatter":
        # Where several go to one place, the one that JAX let win.
        at_end = order[first + times - 1]
        return p.put(lo.node(base), p.take(flat, at_end), to)
    if lo.name in ("scatter_mul", "scatter-mul"):
        if times.max() > 1:
            return NotImplemented
        kept = p.take(lo.node(base), to)
        return p.put(lo.node(base), p.pair("mul", kept, p.take(flat, order)), to)
    rows = first[:, None] + np.minimum(np.arange(times.max()), times[:, None] - 1)
    each = p.take(flat, order[rows])
    if times.min() != times.max():
        held = p.constant((np.arange(times.max()) < times[:, None]).astype(np.uint8))
        each = p.where(held, each, p.scalar(0.0))
    zeros = p.expand(p.scalar(0.0), base.array.shape)
    return p.pair("add", lo.node(base), p.put(zeros, p.sum(each, [1]), to))


# Sums


@rule("reduce_sum")
def _sum(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.p.sum(lo.node(ins[0]), params["axes"])


@rule("reduce_max", "reduce_min")
def _reduce_max(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    x, axes = ins[0], tuple(params["axes"])
    ties = (x.array == np.expand_dims(outs[0].array, axes)).astype(np.float64)
    lo.tied |= bool((ties.sum(axes) > 1).any())
    # Where several are the largest, JAX gives each the same part.
    share = lo.decide("arg" + lo.name[-3:], [x], ties / ties.sum(axes, keepdims=True), True)
    return lo.p.sum(lo.p.pair("mul", share, lo.node(x)), axes)


@rule("reduce_prod")
def _prod(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    p, shape, axes = lo.p, ins[0].array.shape, params["axes"]
    rest = [a for a in range(len(shape)) if a not in axes]
    count, kept = math.prod(shape[a] for a in axes), tuple(shape[a] for a in rest)
    if not 0 < count <= 256:
        return NotImplemented
    rows = p.reshape(p.permute(lo.node(ins[0]), [*axes, *rest]), (count, *kept))
    size = math.prod(kept)
    parts = [p.strided(rows, kept, i * size, contiguous(kept)) for i in range(count)]
    while len(parts) > 1:
        paired = [p.pair("mul", a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = paired + parts[len(paired) * 2 :]
    return parts[0]


@rule("cumsum")
def _cumsum(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    p, n, axis = lo.p, lo.node(ins[0]), params["axis"]
    shape = p.shapes[n]
    order = [a for a in range(len(shape)) if a != axis] + [axis]
    last = p.permute(n, order)
    flat = p.reshape(last, (math.prod(shape) // max(shape[axis], 1), shape[axis]))
    ones = np.triu(np.ones((shape[axis], shape[axis]), dtype=np.uint8))
    sums = p.matmul(flat, p.constant(ones.T if params["reverse"] else ones))
    return p.permute(p.reshape(sums, p.shapes[last]), np.argsort(order))


@rule("cumprod")
def _cumprod(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    p, n, axis = lo.p, lo.node(ins[0]), params["axis"]
    shape, own = p.shapes[n], contiguous(p.shapes[n])
    step, length = [*shape[:axis], 1, *shape[axis + 1 :]], shape[axis]
    if not 0 < length <= 256:
        return NotImplemented
    order = range(length - 1, -1, -1) if params["reverse"] else range(length)
    parts: dict[int, int] = {}
    product = None
    for i in order:
        one = p.strided(n, step, i * own[axis], own)
        product = parts[i] = one if product is None else p.pair("mul", product, one)
    return p.concat([parts[i] for i in range(length)], axis)


@rule("cumlogsumexp")
def _cumlogsumexp(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    largest = lo.p.scalar(ins[0].array.max(initial=0))
    held = Cell(np.exp(ins[0].array - ins[0].array.max(initial=0)))
    held.node = lo.each("exp", lo.p.pair("sub", lo.node(ins[0]), largest))
    return lo.p.pair("add", lo.each("log", _cumsum(lo, params, [held], outs)), largest)


def _windows(lo: Lowering, params: Params, x: Cell) -> Array:
    """The position of every number of every window, in a last axis; -1 for the padding."""
    shape = x.array.shape
    dilated = [(n - 1) * d + 1 for n, d in zip(shape, params["base_dilation"], strict=True)]
    at = np.full([low + n + high for n, (low, high) in zip(dilated, params["padding"], strict=True)], -1)
    inner = [slice(low, low + n, d) for n, d, (low, _) in
             zip(dilated, params["base_dilation"], params["padding"], strict=True)]  # fmt: skip
    at[tuple(inner)] = _places(x)
    reach = [(w - 1) * d + 1 for w, d in zip(params["window_dimensions"], params["window_dilation"], strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(at, reach)
    steps = [slice(None, None, s) for s in params["window_strides"]]
    within = [slice(None, None, d) for d in params["window_dilation"]]
    seen = seen[(*steps, *within)]
    return np.ascontiguousarray(seen).reshape(*seen.shape[: len(shape)], -1)


@rule("reduce_window_sum")
def _window_sum(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    at = _windows(lo, params, ins[0])
    return lo.p.sum(_taken(lo, ins[0], at, lo.p.scalar(0.0)), [at.ndim - 1])


@rule("reduce_window_max", "reduce_window_min")
def _window_max(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    at, sign = _windows(lo, params, ins[0]), 1 if lo.name.endswith("max") else -1
    seen = np.where(at >= 0, sign * ins[0].array.reshape(-1)[np.maximum(at, 0)], -np.inf)
    # Where several are the largest, JAX takes the first.
    best = seen.argmax(-1)[..., None]
    return _taken(lo, ins[0], np.take_along_axis(at, best, -1)[..., 0])


# Products


@rule("dot_general")
def _dot(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    (left, right), (left_batch, right_batch) = params["dimension_numbers"]
    p, (a, b) = lo.p, (lo.node(c) for c in ins)
    if not all(is_float(c.array.dtype) or c.node is not None for c in ins):
        return NotImplemented
    x, y = p.shapes[a], p.shapes[b]
    rows = [i for i in range(len(x)) if i not in left and i not in left_batch]
    columns = [i for i in range(len(y)) if i not in right and i not in right_batch]
    inner = math.prod(x[i] for i in left)
    pairs = [x[i] for i in left_batch]
    count = math.prod(pairs)
    first = p.permute(a, [*left_batch, *rows, *left])
    second = p.permute(b, [*right_batch, *right, *columns])
    m, n = math.prod(x[i] for i in rows), math.prod(y[i] for i in columns)
    stack = [count] if pairs else []
    product = p.matmul(p.reshape(first, (*stack, m, inner)), p.reshape(second, (*stack, inner, n)))
    return p.reshape(product, (*pairs, *(x[i] for i in rows), *(y[i] for i in columns)))


@rule("conv_general_dilated")
def _conv(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    d, axes = params["dimension_numbers"], ins[0].array.ndim - 2
    if axes not in (1, 2) or params["batch_group_count"] != 1:
        return NotImplemented
    p, one = lo.p, ((0, 0, 0), (0, 0, 0))
    x, k = p.permute(lo.node(ins[0]), d.lhs_spec), p.permute(lo.node(ins[1]), d.rhs_spec)
    edges = [(low, high, step - 1) for (low, high), step in
             zip(params["padding"], params["lhs_dilation"], strict=True)]  # fmt: skip
    try:
        x = _padded(p, x, p.scalar(0.0), (*one, *edges))
        k = _padded(p, k, p.scalar(0.0), (*one, *((0, 0, step - 1) for step in params["rhs_dilation"])))
    except NotImplementedError:
        return NotImplemented
    stride = list(params["window_strides"])
    if axes == 1:
        (m, c, size), (o, i, taps) = p.shapes[x], p.shapes[k]
        x, k, stride = p.reshape(x, (m, c, 1, size)), p.reshape(k, (o, i, 1, taps)), [1, *stride]
    (m, _, h, wide), (o, _, rows, columns) = p.shapes[x], p.shapes[k]
    shape = (m, o, (h - rows) // stride[0] + 1, (wide - columns) // stride[1] + 1)
    attributes: dict[str, Any] = {"stride": stride, "padding": [0, 0], "groups": int(params["feature_group_count"])}
    y = p.add("conv2d", [x, k], shape, **attributes)
    y = p.reshape(y, (m, o, shape[3])) if axes == 1 else y
    return p.permute(y, np.argsort(d.out_spec))
