"""What each operation of aten is in terms of the operations of a program (docs/program-format.md).

A rule takes the recorder, the arguments with `Ref` in the place of every tensor, and the framework's own result, and
returns the node of the result, or one node an output. What has no rule is decomposed by torch, or stays opaque.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

RULES: dict[str, Callable[..., Any]] = {}

# Operations that only move numbers: where each comes from is found by moving their positions.
MOVES = {
    "flip",
    "repeat",
    "roll",
    "tril",
    "triu",
    "constant_pad_nd",
    "im2col",
    "pixel_shuffle",
    "gather",
    "index_select",
    "index",
    "embedding",
    "upsample_nearest2d",
    "upsample_nearest1d",
    "reflection_pad2d",
    "replication_pad2d",
    "unfold",
    "channel_shuffle",
    "rot90",
    "take",
    "_unsafe_index",
    "select_scatter",
} - {"select_scatter"}

# Their results are constant between jumps.
DECISIONS = {
    "gt",
    "ge",
    "lt",
    "le",
    "eq",
    "ne",
    "sign",
    "sgn",
    "floor",
    "round",
    "ceil",
    "trunc",
    "argmax",
    "argmin",
    "logical_not",
    "logical_and",
    "logical_or",
    "logical_xor",
    "bitwise_and",
    "bitwise_or",
    "bitwise_not",
    "bitwise_xor",
    "isnan",
    "isinf",
    "isfinite",
    "any",
    "all",
    "nonzero",
    "heaviside",
    "searchsorted",
    "bucketize",
    "bernoulli",
    "multinomial",
    "floor_divide",
    "argsort",
    "is_nonzero",
    "count_nonzero",
}


# Their results do not depend on the numbers of their arguments.
FACTORIES = {
    "full_like",
    "empty_like",
    "zeros_like",
    "ones_like",
    "rand_like",
    "randn_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_empty",
    "new_empty_strided",
    "randint_like",
    "empty_strided",
    "_assert_async",
    "sym_size",
}


class Ref:
    """A tensor among the arguments: itself, and its node, if its value depends on a leaf."""

    __slots__ = ("node", "tensor")

    def __init__(self, tensor: torch.Tensor, node: int | None) -> None:
        self.tensor, self.node = tensor, node


def numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    return tensor.cpu().contiguous().numpy().copy()


def rule(*names: str):
    def register(function):
        for name in names:
            RULES[name] = function
        return function

    return register


class Lowering:
    """What a rule works with."""

    def __init__(self, program, like: torch.Tensor | None) -> None:
        self.p = program
        self.single = like is not None and like.dtype in (torch.float32, torch.float16, torch.bfloat16)

    def number(self, x) -> float:
        """A number of Python, in the type in which the framework computes with it."""
        return float(np.float32(x)) if self.single else float(x)

    def node(self, x) -> int:
        if isinstance(x, Ref):
            if x.node is not None:
                return x.node
            array = numpy(x.tensor)
            return self.p.constant(array.astype(np.float32) if self.single and array.ndim == 0 else array)
        return self.p.scalar(self.number(x))

    def times(self, x: int, factor) -> int:
        return x if factor == 1 else self.p.scale(x, self.number(factor))


@rule("add", "sub", "rsub")
def _add(lo: Lowering, name: str, out, a, b, *, alpha=1):
    if name == "rsub":
        a, b, name = b, a, "sub"
        if alpha != 1:
            return lo.p.pair("sub", lo.node(a), lo.times(lo.node(b), alpha))
    return lo.p.pair(name, lo.node(a), lo.times(lo.node(b), alpha))


@rule("mul", "multiply")
def _mul(lo, name, out, a, b):
    return lo.p.pair("mul", lo.node(a), lo.node(b))


@rule("div", "true_divide", "divide")
def _div(lo, name, out, a, b, *, rounding_mode=None):
    if rounding_mode is not None:
        return NotImplemented
    return lo.p.pair("div", lo.node(a), lo.node(b))


@rule("neg")
def _neg(lo, name, out, x):
    return lo.p.scale(lo.node(x), -1.0)


@rule("reciprocal")
def _reciprocal(lo, name, out, x):
    return lo.p.pair("div", lo.p.scalar(1.0), lo.node(x))


@rule("addcmul", "addcdiv")
def _addc(lo, name, out, x, a, b, *, value=1):
    product = lo.p.pair("mul" if name == "addcmul" else "div", lo.node(a), lo.node(b))
    return lo.p.pair("add", lo.node(x), lo.times(product, value))


@rule("lerp")
def _lerp(lo, name, out, a, b, weight):
    x = lo.node(a)
    return lo.p.pair("add", x, lo.p.pair("mul", lo.node(weight), lo.p.pair("sub", lo.node(b), x)))


@rule("exp", "log", "sqrt", "sin", "cos", "tanh", "atan", "erf", "sigmoid")
def _each(lo, name, out, x):
    return lo.p.each(name, lo.node(x))


@rule("rsqrt")
def _rsqrt(lo, name, out, x):
    return lo.p.pair("div", lo.p.scalar(1.0), lo.p.each("sqrt", lo.node(x)))


@rule("log1p")
def _log1p(lo, name, out, x):
    return lo.p.each("log", lo.p.shift(lo.node(x), 1.0))


@rule("softplus")
def _softplus(lo, name, out, x, beta=1, threshold=20):
    p, n = lo.p, lo.node(x)
    scaled = lo.times(n, beta)
    large = p.decide("gt", [scaled, p.scalar(threshold)], numpy(x.tensor * beta > threshold))
    held = p.where(large, p.scalar(0.0), scaled)
    soft = p.scale(p.each("log", p.shift(p.each("exp", held), 1.0)), 1.0 / float(beta))
    return p.where(large, n, soft)


@rule("pow")
def _pow(lo, name, out, x, exponent):
    if isinstance(exponent, Ref) or not isinstance(x, Ref):
        base = lo.p.each("log", lo.node(x))
        return lo.p.each("exp", lo.p.pair("mul", lo.node(exponent), base))
    return lo.p.each("power", lo.node(x), exponent=float(exponent))


@rule("square")
def _square(lo, name, out, x):
    return lo.p.each("power", lo.node(x), exponent=2.0)


def _compare(lo, kind: str, x: Ref, bound) -> int:
    other = bound.tensor if isinstance(bound, Ref) else bound
    value = {"gt": torch.gt, "ge": torch.ge, "lt": torch.lt, "le": torch.le}[kind](x.tensor, other)
    return lo.p.decide(kind, [lo.node(x), lo.node(bound)], numpy(value))


@rule("relu")
def _relu(lo, name, out, x):
    return lo.p.where(_compare(lo, "gt", x, 0), lo.node(x), lo.p.scalar(0.0))


@rule("abs")
def _abs(lo, name, out, x):
    n = lo.node(x)
    # At 0 torch takes the slope 0.
    value = numpy(torch.sign(x.tensor))
    return lo.p.pair("mul", lo.p.decide("sign", [n], value), n)


@rule("leaky_relu")
def _leaky_relu(lo, name, out, x, slope=0.01):
    return lo.p.where(_compare(lo, "gt", x, 0), lo.node(x), lo.times(lo.node(x), slope))


@rule("clamp", "clip", "clamp_min", "clamp_max", "hardtanh")
def _clamp(lo, name, out, x, low=None, high=None, *, min=None, max=None):
    low, high = (low if min is None else min), (high if max is None else max)
    if name == "clamp_max":
        low, high = None, low
    if name == "hardtanh":
        low, high = (-1 if low is None else low), (1 if high is None else high)
    n, kinds = lo.node(x), ("gt", "lt") if name == "hardtanh" else ("ge", "le")
    if low is not None:
        n = lo.p.where(_compare(lo, kinds[0], x, low), n, lo.node(low))
    if high is not None:
        n = lo.p.where(_compare(lo, kinds[1], x, high), n, lo.node(high))
    return n


@rule("maximum", "minimum")
def _maximum(lo, name, out, a, b):
    p, x, y = lo.p, lo.node(a), lo.node(b)
    first = "gt" if name == "maximum" else "lt"
    strict = p.decide(first, [x, y], numpy(getattr(torch, first)(a.tensor, b.tensor)))
    same = numpy(a.tensor == b.tensor)
    if not same.any():
        return p.where(strict, x, y)
    # Where both are the same, torch gives each a half.
    equal = p.decide("eq", [x, y], same)
    return p.where(equal, p.scale(p.pair("add", x, y), 0.5), p.where(strict, x, y))


@rule("where")
def _where(lo, name, out, mask, a=None, b=None):
    return NotImplemented if a is None else lo.p.where(lo.node(mask), lo.node(a), lo.node(b))


@rule("masked_fill")
def _masked_fill(lo, name, out, x, mask, value):
    return lo.p.where(lo.node(mask), lo.node(value), lo.node(x))


@rule("threshold")
def _threshold(lo, name, out, x, threshold, value):
    return lo.p.where(_compare(lo, "gt", x, threshold), lo.node(x), lo.node(value))


@rule("mm", "bmm")
def _mm(lo, name, out, a, b):
    return lo.p.matmul(lo.node(a), lo.node(b))


@rule("addmm", "baddbmm")
def _addmm(lo, name, out, bias, a, b, *, beta=1, alpha=1):
    product = lo.times(lo.p.matmul(lo.node(a), lo.node(b)), alpha)
    return lo.p.pair("add", product, lo.times(lo.node(bias), beta))


@rule("mv", "dot", "addmv")
def _mv(lo, name, out, a, b, *rest, beta=1, alpha=1):
    p = lo.p
    if name == "addmv":
        bias, (a, b) = a, (b, *rest)
    x, y = lo.node(a), lo.node(b)
    if name == "dot":
        return p.sum(p.pair("mul", x, y), [0])
    product = p.reshape(p.matmul(x, p.reshape(y, (p.shapes[y][0], 1))), (p.shapes[x][0],))
    return product if name == "mv" else p.pair("add", lo.times(product, alpha), lo.times(lo.node(bias), beta))


@rule("convolution", "_convolution")
def _convolution(lo, name, out, x, w, bias, stride, padding, dilation, transposed, output_padding, groups, *rest):
    p, n, k = lo.p, lo.node(x), lo.node(w)
    axes = len(p.shapes[k]) - 2
    if axes not in (1, 2):
        return NotImplemented
    both = [[*v] * (axes if len(v) == 1 else 1) for v in (stride, padding, dilation, output_padding)]
    if axes == 1:
        (m, c, size), (o, i, taps) = p.shapes[n], p.shapes[k]
        n, k = p.reshape(n, (m, c, 1, size)), p.reshape(k, (o, i, 1, taps))
        both = [[default, v[0]] for default, v in zip((1, 0, 1, 0), both, strict=True)]
    (stride, padding, dilation, extra) = both
    if transposed:
        n, k, padding = _transposed(p, n, k, stride, padding, dilation, extra, groups)
        stride = [1, 1]
    o, i, rows, columns = p.shapes[k]
    if dilation != [1, 1]:
        k = _spread(p, k, (rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1, dilation, (0, 0))
    (m, _, h, wide), (_, _, rows, columns) = p.shapes[n], p.shapes[k]
    shape = (m, o, (h + 2 * padding[0] - rows) // stride[0] + 1, (wide + 2 * padding[1] - columns) // stride[1] + 1)
    y = p.add("conv2d", [n, k], shape, stride=list(stride), padding=list(padding), groups=int(groups))
    if bias is not None:
        y = p.pair("add", y, p.reshape(lo.node(bias), (o, 1, 1)))
    return p.reshape(y, (m, o, shape[3])) if axes == 1 else y


def _spread(p, x: int, rows: int, columns: int, steps, start) -> int:
    """Zeros of this size, with the numbers of the last two axes a step apart."""
    a, b, _h, _w = p.shapes[x]
    zeros = p.expand(p.scalar(0.0), (a, b, rows, columns))
    strides = [b * rows * columns, rows * columns, columns * steps[0], steps[1]]
    return p.write(zeros, x, start[0] * columns + start[1], strides)


def _transposed(p, n: int, k: int, stride, padding, dilation, extra, groups):
    """A transposed convolution is one of the spread images with the mirrored kernel."""
    (_m, c, h, w), (_, per, rows, columns) = p.shapes[n], p.shapes[k]
    reach = [dilation[0] * (rows - 1) - padding[0], dilation[1] * (columns - 1) - padding[1]]
    if min(reach) < 0:
        raise NotImplementedError("a transposed convolution with more padding than its kernel reaches")
    high = 2 * reach[0] + (h - 1) * stride[0] + 1 + extra[0]
    wide = 2 * reach[1] + (w - 1) * stride[1] + 1 + extra[1]
    spread = _spread(p, n, high, wide, stride, reach)
    at = np.arange(c * per * rows * columns).reshape(groups, c // groups, per, rows, columns)
    at = at[:, :, :, ::-1, ::-1].transpose(0, 2, 1, 3, 4).reshape(groups * per, c // groups, rows, columns)
    return spread, p.take(k, at), [0, 0]


@rule("sum")
def _sum(lo, name, out, x, dim=None, keepdim=False, *, dtype=None):
    n = lo.node(x)
    return lo.p.sum(n, dim if dim else range(len(lo.p.shapes[n])), keepdim)


@rule("mean")
def _mean(lo, name, out, x, dim=None, keepdim=False, *, dtype=None):
    n, total = lo.node(x), _sum(lo, name, out, x, dim, keepdim)
    count = math.prod(lo.p.shapes[n]) // max(math.prod(lo.p.shapes[total]), 1)
    return lo.p.pair("div", total, lo.p.scalar(count))


@rule("var", "std", "var_mean")
def _var(lo, name, out, x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    p, n = lo.p, lo.node(x)
    rank = len(p.shapes[n])
    axes = [a % rank for a in (dim if dim else range(rank))]
    correction = correction if correction is not None else (1 if unbiased in (None, True) else 0)
    count = math.prod(p.shapes[n][a] for a in axes)
    mean = p.pair("div", p.sum(n, axes, True), p.scalar(count))
    centred = p.pair("sub", n, mean)
    var = p.pair("div", p.sum(p.each("power", centred, exponent=2.0), axes, keepdim), p.scalar(count - correction))
    if name == "var_mean":
        shape = p.shapes[var]
        return var, p.reshape(mean, shape)
    return p.each("sqrt", var) if name == "std" else var


@rule("cumsum")
def _cumsum(lo, name, out, x, dim, *, dtype=None):
    p, n = lo.p, lo.node(x)
    shape = p.shapes[n]
    if not shape:
        return n
    axis = dim % len(shape)
    order = [a for a in range(len(shape)) if a != axis] + [axis]
    last = p.permute(n, order)
    flat = p.reshape(last, (math.prod(shape) // max(shape[axis], 1), shape[axis]))
    ones = p.constant(np.triu(np.ones((shape[axis], shape[axis]), dtype=np.uint8)))
    back = p.reshape(p.matmul(flat, ones), p.shapes[last])
    return p.permute(back, np.argsort(order))


@rule("_log_softmax", "_softmax", "log_softmax", "softmax")
def _softmax(lo, name, out, x, dim, *rest):
    p, n = lo.p, lo.node(x)
    rank = len(p.shapes[n])
    order = [a for a in range(rank) if a != dim % rank] + [dim % rank]
    y = p.permute(p.each("log_softmax", p.permute(n, order)), np.argsort(order))
    return y if "log" in name else p.each("exp", y)


@rule("mse_loss")
def _mse(lo, name, out, x, y, reduction=1):
    p = lo.p
    each = p.each("power", p.pair("sub", lo.node(x), lo.node(y)), exponent=2.0)
    total = each if reduction == 0 else p.sum(each, range(len(p.shapes[each])))
    return p.pair("div", total, p.scalar(math.prod(p.shapes[each]))) if reduction == 1 else total


@rule("nll_loss_forward")
def _nll(lo, name, out, x, target, weight, reduction, ignored):
    p, n = lo.p, lo.node(x)
    if weight is not None and weight.node is not None:
        return NotImplemented
    rows, classes = p.shapes[n] if len(p.shapes[n]) == 2 else (1, p.shapes[n][0])
    classes_of = numpy(target.tensor).astype(np.int64).reshape(-1)
    kept = classes_of != ignored
    at = np.where(kept, classes_of, 0)
    weights = (np.ones(classes) if weight is None else numpy(weight.tensor).astype(np.float64))[at] * kept
    each = p.take(n, np.arange(rows) * classes + at)
    if not (weights == 1).all():
        each = p.pair("mul", each, p.constant(weights))
    each = p.scale(each, -1.0)
    if reduction == 0:
        return p.reshape(each, out[0].shape), None
    total = p.sum(each, [0])
    return (p.pair("div", total, p.scalar(weights.sum())) if reduction == 1 else total), None


@rule("silu")
def _silu(lo, name, out, x):
    n = lo.node(x)
    return lo.p.pair("mul", n, lo.p.each("sigmoid", n))


@rule("log_sigmoid_forward")
def _log_sigmoid(lo, name, out, x):
    return lo.p.each("log", lo.p.each("sigmoid", lo.node(x))), None


@rule("cat")
def _cat(lo, name, out, tensors, dim=0):
    p = lo.p
    # torch still takes empty vectors beside tensors of any rank.
    nodes = [lo.node(t) for t in tensors if t.tensor.numel() or t.tensor.dim() == out.dim()]
    return p.concat(nodes, dim % out.dim())


@rule("stack")
def _stack(lo, name, out, tensors, dim=0):
    p = lo.p
    axis = dim % out.dim()
    shape = list(out.shape)
    shape[axis] = 1
    return p.concat([p.reshape(lo.node(t), shape) for t in tensors], axis)


@rule("avg_pool2d")
def _avg_pool2d(lo, name, out, x, kernel, stride=(), padding=(0, 0), ceil=False, include=True, divisor=None):
    p, n = lo.p, lo.node(x)
    kernel, stride, padding = (_two(v) for v in (kernel, stride or kernel, padding))
    if ceil or (divisor is None and not include and any(padding)):
        return NotImplemented
    shape = p.shapes[n]
    n = p.reshape(n, (1, *shape)) if len(shape) == 3 else n
    full = (1, *out.shape) if len(shape) == 3 else tuple(out.shape)
    y = p.add("sum_pool2d", [n], full, kernel=kernel, stride=stride, padding=padding)
    return p.reshape(p.pair("div", y, p.scalar(divisor or kernel[0] * kernel[1])), out.shape)


def _two(v) -> list[int]:
    v = [int(n) for n in (v if isinstance(v, (list, tuple)) else [v])]
    return v * 2 if len(v) == 1 else v


@rule("_adaptive_avg_pool2d")
def _adaptive(lo, name, out, x, size):
    shape, goal = x.tensor.shape, _two(size)
    if any(n % g for n, g in zip(shape[-2:], goal, strict=True)):
        return NotImplemented
    kernel = [n // g for n, g in zip(shape[-2:], goal, strict=True)]
    return _avg_pool2d(lo, name, out, x, kernel, kernel)


@rule("max_pool2d_with_indices")
def _max_pool(lo, name, out, x, *rest):
    n, shape = lo.node(x), x.tensor.shape
    plane = shape[-1] * shape[-2]
    at = numpy(out[1])
    planes = np.arange(math.prod(shape[:-2])).reshape(*shape[:-2], 1, 1)
    return lo.p.take(n, at + planes * plane), None


@rule("max", "min", "median", "mode", "sort", "topk", "kthvalue", "cummax")
def _picked(lo, name, out, x, *rest, dim=-1, keepdim=False, **others):
    if isinstance(out, torch.Tensor):
        if rest:
            return NotImplemented
        flat = x.tensor.reshape(-1)
        ties = numpy(flat == out)
        share = ties / ties.sum()
        weights = lo.p.decide("arg" + name, [lo.node(x)], share.reshape(tuple(x.tensor.shape)))
        product = lo.p.pair("mul", weights, lo.node(x))
        return lo.p.sum(product, range(x.tensor.dim()))
    values, at = out
    shape = x.tensor.shape
    if not shape:
        return lo.node(x), None
    if rest and isinstance(rest[0], int) and name not in ("topk", "kthvalue"):
        dim = rest[0]
    elif name in ("topk", "kthvalue") and len(rest) > 1:
        dim = rest[1]
    at = at if at.dim() == len(shape) else at.unsqueeze(dim)
    places = torch.arange(math.prod(shape)).reshape(shape)
    return lo.p.take(lo.node(x), numpy(torch.gather(places, dim % len(shape), at)).reshape(tuple(values.shape))), None


@rule("amax", "amin")
def _amax(lo, name, out, x, dim=(), keepdim=False):
    p, n = lo.p, lo.node(x)
    rank = x.tensor.dim()
    axes = [a % rank for a in dim] or list(range(rank))
    whole = out if keepdim or not rank else out.reshape([1 if a in axes else s for a, s in enumerate(x.tensor.shape)])
    ties = (x.tensor == whole).double()
    share = numpy(ties / ties.sum(axes, keepdim=True))
    return p.sum(p.pair("mul", p.decide("arg" + name, [n], share), n), axes, keepdim)


@rule("native_dropout")
def _dropout(lo, name, out, x, p, train):
    if not train or p == 0:
        return lo.node(x), None
    mask = numpy(out[1])
    return lo.p.pair("mul", lo.node(x), lo.p.pair("mul", lo.p.constant(mask), lo.p.scalar(1 / (1 - p)))), None


@rule("clone", "_to_copy", "to", "contiguous", "copy", "lift_fresh_copy", "_unsafe_view", "positive")
def _copy(lo, name, out, x, *rest, dtype=None, **others):
    if name == "copy":
        return lo.p.expand(lo.node(rest[0]), out.shape)
    n = lo.node(x)
    if out.dtype == x.tensor.dtype or not x.tensor.is_floating_point():
        return n
    return lo.p.each("cast", n) if out.is_floating_point() else lo.p.decide("integer", [n], numpy(out))


@rule("fill", "fill_scalar", "zero")
def _fill(lo, name, out, x, value=0.0):
    return lo.p.expand(lo.node(value), out.shape)


@rule("index_put", "_index_put_impl", "_unsafe_index_put")
def _index_put(lo, name, out, x, indices, values, accumulate=False, unsafe=False):
    if accumulate:
        return NotImplemented
    p, shape = lo.p, x.tensor.shape
    places = torch.arange(math.prod(shape)).reshape(shape)
    at = numpy(places[tuple(slice(None) if i is None else i.tensor for i in indices)])
    value, base = p.expand(lo.node(values), at.shape), lo.node(x)
    mask = indices[0]
    if (
        len(indices) == 1
        and mask is not None
        and mask.tensor.dtype == torch.bool
        and values.tensor.numel() == 1
        and mask.tensor.shape == shape
    ):
        return p.where(lo.node(mask), p.reshape(lo.node(values), ()), base)
    return p.put(base, value, at) if at.size else base


@rule(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_native_batch_norm_legit_functional",
    "cudnn_batch_norm",
    "_batch_norm_with_update",
    "_batch_norm_no_update",
)
def _batch_norm(lo, name, out, x, weight, bias, mean, var, *rest):
    training = rest[0] if isinstance(rest[0], bool) else "no_training" not in name and "no_update" not in name
    epsilon = rest[-1]
    p, n = lo.p, lo.node(x)
    shape = p.shapes[n]
    along = (1, shape[1], *[1] * (len(shape) - 2))
    axes = [a for a in range(len(shape)) if a != 1]
    if training:
        count = p.scalar(math.prod(shape[a] for a in axes))
        centre = p.pair("div", p.sum(n, axes, True), count)
        squares = p.each("power", p.pair("sub", n, centre), exponent=2.0)
        spread = p.pair("div", p.sum(squares, axes, True), count)
    else:
        centre, spread = p.reshape(lo.node(mean), along), p.reshape(lo.node(var), along)
    # As torch computes it: a factor and a term for each channel.
    factor = p.pair("div", p.scalar(1.0), p.each("sqrt", p.shift(spread, lo.number(epsilon))))
    if weight is not None:
        factor = p.pair("mul", factor, p.reshape(lo.node(weight), along))
    term = p.scale(p.pair("mul", centre, factor), -1.0)
    if bias is not None:
        term = p.pair("add", p.reshape(lo.node(bias), along), term)
    y = p.pair("add", p.pair("mul", n, factor), term)
    return (y, *[None] * (len(out) - 1))


@rule("native_layer_norm")
def _layer_norm(lo, name, out, x, size, weight, bias, epsilon):
    p, n = lo.p, lo.node(x)
    rank = len(p.shapes[n])
    axes = list(range(rank - len(size), rank))
    count = math.prod(size)
    centred = p.pair("sub", n, p.pair("div", p.sum(n, axes, True), p.scalar(count)))
    spread = p.pair("div", p.sum(p.each("power", centred, exponent=2.0), axes, True), p.scalar(count))
    y = p.pair("div", centred, p.each("sqrt", p.shift(spread, lo.number(epsilon))))
    y = y if weight is None else p.pair("mul", y, lo.node(weight))
    return (y if bias is None else p.pair("add", y, lo.node(bias))), None, None


@rule("native_group_norm")
def _group_norm(lo, name, out, x, weight, bias, n, channels, size, groups, epsilon):
    p, node = lo.p, lo.node(x)
    shape = p.shapes[node]
    rows = p.reshape(node, (n, groups, channels * size // groups))
    count = p.scalar(channels * size // groups)
    centred = p.pair("sub", rows, p.pair("div", p.sum(rows, [2], True), count))
    spread = p.pair("div", p.sum(p.each("power", centred, exponent=2.0), [2], True), count)
    y = p.reshape(p.pair("div", centred, p.each("sqrt", p.shift(spread, lo.number(epsilon)))), shape)
    along = (1, channels, *[1] * (len(shape) - 2))
    y = y if weight is None else p.pair("mul", y, p.reshape(lo.node(weight), along))
    return (y if bias is None else p.pair("add", y, p.reshape(lo.node(bias), along))), None, None


@rule("gelu")
def _gelu(lo, name, out, x, *, approximate="none"):
    p, n = lo.p, lo.node(x)
    if approximate == "none":
        inner = p.each("erf", p.scale(n, 1 / math.sqrt(2)))
    else:
        cube = p.scale(p.each("power", n, exponent=3.0), 0.044715)
        inner = p.each("tanh", p.scale(p.pair("add", n, cube), math.sqrt(2 / math.pi)))
    return p.pair("mul", p.scale(n, 0.5), p.shift(inner, 1.0))


@rule("elu")
def _elu(lo, name, out, x, alpha=1, scale=1, input_scale=1):
    p, n, positive = lo.p, lo.node(x), _compare(lo, "gt", x, 0)
    held = p.where(positive, p.scalar(0.0), n)
    below = p.scale(p.shift(p.each("exp", lo.times(held, input_scale)), -1.0), lo.number(alpha * scale))
    return p.where(positive, lo.times(n, scale), below)


@rule("_weight_norm_interface")
def _weight_norm(lo, name, out, v, g, dim=0):
    p, n = lo.p, lo.node(v)
    axes = [a for a in range(len(p.shapes[n])) if a != dim]
    norm = p.each("sqrt", p.sum(p.each("power", n, exponent=2.0), axes, True))
    return p.pair("mul", n, p.pair("div", lo.node(g), norm)), p.reshape(norm, out[1].shape)


def moved(lo: Lowering, func, args, kwargs, out):
    """A rule for all operations that only move numbers."""
    refs = [a for a in args if isinstance(a, Ref) and a.tensor.is_floating_point()]
    if len(refs) != 1 or refs[0].node is None:
        return NotImplemented
    x = refs[0]
    places = torch.arange(x.tensor.numel(), dtype=torch.float64).reshape(x.tensor.shape)
    pad = func._schema.name == "aten::constant_pad_nd"

    def plain(a):
        if a is x:
            return places
        if isinstance(a, Ref):
            return a.tensor
        return [plain(i) for i in a] if isinstance(a, (list, tuple)) else a

    given = [plain(a) for a in args]
    if pad:
        given[2:] = [-1.0]
    at = numpy(func(*given, **{k: plain(v) for k, v in kwargs.items()})).astype(np.int64)
    if not pad or (at >= 0).all():
        return lo.p.take(x.node, at)
    value = args[2] if len(args) > 2 else kwargs.get("value", 0.0)
    mask = lo.p.constant((at >= 0).astype(np.uint8))
    return lo.p.where(mask, lo.p.take(x.node, np.maximum(at, 0)), lo.node(value))
