"""What each primitive of JAX is in terms of the operations of a program (docs/program-format.md).

A rule takes the lowering, the parameters of the equation and its inputs and results as cells, and returns the node of
the result, or one node a result. Rules that only move numbers, and products, are in `_program_jax_moves`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ._program_file import Program, RecordError
from ._program_jax_plan import Unit, is_complex, is_float
from ._program_jax_run import Array, Cell, Runner

Params = dict[str, Any]
Rule = Callable[["Lowering", Params, list[Cell], list[Cell]], Any]
RULES: dict[str, Rule] = {}
# Rules whose results need no value of their own: the numbers are those of an input.
MOVES: set[str] = set()

_SUPPORTED = ("float32", "float64")


def rule(*names: str, moves: bool = False) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
            if moves:
                MOVES.add(name)
        return function

    return register


class Lowering:
    """What a rule works with.

    `inside` is set while the forward pass of a function with a rule of its own is looked at; `ties` says which slope
    the larger of two has where both are the same: that of the first, of the second, or a half of each, as in JAX.
    """

    def __init__(self, runner: Runner, inside: bool = False, ties: str = "half") -> None:
        self.runner, self.p, self.inside, self.ties = runner, runner.p, inside, ties
        self.name = ""
        self.decisions: list[int] = []
        # The values that a forward pass has, where one is looked at.
        self.results: list[Array] = []
        # Decisions between whose sides the values do not jump, and whether an input was exactly at one.
        self.continuous: set[int] = set()
        self.tied = False

    def trusted(self, unit: Unit, ins: list[Cell], outs: list[Cell]) -> tuple[int, ...]:
        """The nodes of a primitive that has no rule."""
        raise NotImplementedError

    def node(self, cell: Cell) -> int:
        return self.runner.node(cell)

    def operand(self, cell: Cell) -> int:
        """A node that broadcasts to the value: one number where all are the same."""
        if cell.node is None and cell.array.size > 1:
            first = cell.array.reshape(-1)[0]
            if (cell.array == first).all():
                return self.p.scalar(first)
        return self.node(cell)

    def decide(self, kind: str, ins: list[Cell], value: Array, continuous: bool = False) -> int:
        node = self.p.decide(kind, [self.operand(c) for c in ins], value)
        self.decisions.append(node)
        if continuous:
            self.continuous.add(node)
        return node

    def each(self, op: str, x: int, **attributes: float) -> int:
        return self.p.each(op, x, **attributes)

    def over(self, x: int) -> int:
        return self.p.pair("div", self.p.scalar(1.0), x)


def lower(lo: Lowering, unit: Unit, ins: list[Cell], outs: list[Cell]) -> None:
    """Finds the nodes of the results of an equation, if any of its inputs has one."""
    if all(c.node is None for c in ins):
        return
    p, name = lo.p, unit.name
    lo.runner.at(unit.site)
    lo.name = name
    first = len(p.nodes)
    carries = any(c.node is not None and p.carries[c.node] for c in ins)
    floats = [is_float(v.aval.dtype) for v in unit.eqn.outvars]
    for var, flag in zip(unit.eqn.outvars, floats, strict=True):
        dtype = var.aval.dtype
        if carries and flag and dtype.name not in _SUPPORTED:
            raise RecordError(f"{dtype.name} has a gradient; convert it to float32, or to float64")
        if carries and is_complex(dtype):
            raise RecordError("complex numbers have a gradient; write it with real and imaginary parts apart")
    nodes = RULES[name](lo, unit.eqn.params, ins, outs) if name in RULES and (any(floats) or name in MOVES) else None
    if nodes is None or nodes is NotImplemented:
        nodes = unknown(lo, unit, ins, outs, carries)
    nodes = nodes if isinstance(nodes, tuple) else (nodes,)
    for cell, node, flag in zip(outs, nodes, floats, strict=True):
        if node is None:
            continue
        shape = cell.array.shape
        if p.shapes[node] != shape:
            node = p.expand(node, shape)
        new = node >= first and f"value.{node}" not in p.tensors and p.nodes[node]["op"] != "constant"
        if new and flag and name not in MOVES:
            p.value(node, cell.array)
        cell.node = node
        if not lo.inside and not lo.runner.forward_only and flag and name not in MOVES:
            lo.runner.cells.setdefault(node, cell)


def unknown(lo: Lowering, unit: Unit, ins: list[Cell], outs: list[Cell], carries: bool) -> Any:
    """A primitive without a rule: held where no gradient flows through it, and else taken at its word."""
    if not carries or not any(is_float(v.aval.dtype) for v in unit.eqn.outvars):
        return tuple(lo.p.decide(lo.name, [], c.array) for c in outs)
    return lo.trusted(unit, ins, outs)


# Elementwise


@rule("add", "sub", "mul", "div", "add_any")
def _pair(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    name = {"add_any": "add"}.get(lo.name, lo.name)
    return lo.p.pair(name, *(lo.operand(c) for c in ins))


@rule("neg")
def _neg(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.p.scale(lo.node(ins[0]), -1.0)


@rule("exp", "log", "sqrt", "sin", "cos", "tanh", "atan", "erf")
def _each(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.each(lo.name, lo.node(ins[0]))


def _halves(p: Program, x: int, op: str) -> int:
    """(exp(x) op exp(-x)) / 2."""
    return p.scale(p.pair(op, p.each("exp", x), p.each("exp", p.scale(x, -1.0))), 0.5)


def _root(p: Program, x: int, a: float, b: float) -> int:
    """sqrt(a x^2 + b)."""
    return p.each("sqrt", p.shift(p.scale(p.each("power", x, exponent=2.0), a), b))


COMPOSED: dict[str, Callable[[Program, int], int]] = {
    "logistic": lambda p, x: p.each("sigmoid", x),
    "log1p": lambda p, x: p.each("log", p.shift(x, 1.0)),
    "expm1": lambda p, x: p.shift(p.each("exp", x), -1.0),
    "exp2": lambda p, x: p.each("exp", p.scale(x, math.log(2.0))),
    "square": lambda p, x: p.each("power", x, exponent=2.0),
    "rsqrt": lambda p, x: p.pair("div", p.scalar(1.0), p.each("sqrt", x)),
    "erfc": lambda p, x: p.shift(p.scale(p.each("erf", x), -1.0), 1.0),
    "tan": lambda p, x: p.pair("div", p.each("sin", x), p.each("cos", x)),
    "sinh": lambda p, x: _halves(p, x, "sub"),
    "cosh": lambda p, x: _halves(p, x, "add"),
    "asin": lambda p, x: p.each("atan", p.pair("div", x, _root(p, x, -1.0, 1.0))),
    "acos": lambda p, x: p.shift(p.scale(p.each("atan", p.pair("div", x, _root(p, x, -1.0, 1.0))), -1.0), math.pi / 2),
    "asinh": lambda p, x: p.each("log", p.pair("add", x, _root(p, x, 1.0, 1.0))),
    "acosh": lambda p, x: p.each("log", p.pair("add", x, _root(p, x, 1.0, -1.0))),
    "atanh": lambda p, x: p.scale(p.each("log", p.pair("div", p.shift(x, 1.0), p.shift(p.scale(x, -1.0), 1.0))), 0.5),
}


@rule(*COMPOSED)
def _composed(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return COMPOSED[lo.name](lo.p, lo.node(ins[0]))


@rule("integer_pow")
def _integer_pow(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.each("power", lo.node(ins[0]), exponent=float(params["y"]))


@rule("cbrt")
def _cbrt(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    return lo.each("power", lo.node(ins[0]), exponent=1 / 3) if (ins[0].array > 0).all() else NotImplemented


@rule("pow")
def _pow(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    base, exponent = ins
    if exponent.node is None and exponent.array.size and (exponent.array == exponent.array.flat[0]).all():
        return lo.each("power", lo.node(base), exponent=float(exponent.array.flat[0]))
    if (base.array <= 0).any():
        return NotImplemented
    return lo.each("exp", lo.p.pair("mul", lo.operand(exponent), lo.each("log", lo.operand(base))))


@rule("atan2")
def _atan2(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    y, x = ins
    if (x.array == 0).any():
        return NotImplemented
    turns = np.round((outs[0].array - np.arctan(y.array / x.array)) / np.pi)
    near = lo.each("atan", lo.p.pair("div", lo.operand(y), lo.operand(x)))
    if not turns.any():
        return near
    return lo.p.pair("add", near, lo.p.scale(lo.decide("quadrant", [y, x], turns), math.pi))


@rule("rem")
def _rem(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    x, y = ins
    whole = lo.decide("trunc", [x, y], np.trunc(x.array / y.array))
    return lo.p.pair("sub", lo.operand(x), lo.p.pair("mul", whole, lo.operand(y)))


@rule("convert_element_type", "reduce_precision")
def _convert(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    x, out = ins[0], outs[0]
    if not is_float(x.array.dtype) or (x.array.dtype == out.array.dtype and lo.name != "reduce_precision"):
        return lo.node(x)
    return lo.each("cast", lo.node(x))


@rule("copy", "copy_p", "optimization_barrier", "reshard", "sharding_constraint", "pvary", moves=True)
def _copy(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> tuple[int | None, ...]:
    return tuple(c.node for c in ins)


@rule("stop_gradient")
def _stop(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    node = lo.node(ins[0])
    if not lo.p.carries[node]:
        return node
    return lo.p.add("stop", [node], lo.p.shapes[node], carries=False, kind="stop_gradient")


# Piecewise


@rule("max", "min")
def _max(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    a, b = ins
    p, kind = lo.p, "gt" if lo.name == "max" else "lt"
    for one, other in ((a, b), (b, a)):
        if one.node is None and (one.array == (-np.inf if kind == "gt" else np.inf)).all():
            return lo.node(other)
    if lo.ties == "first":
        a, b = b, a
    larger = a.array > b.array if kind == "gt" else a.array < b.array
    chosen = p.where(lo.decide(kind, [a, b], larger, True), lo.operand(a), lo.operand(b))
    same = a.array == b.array
    lo.tied |= bool(same.any())
    if not same.any() or lo.ties != "half":
        return chosen
    # Where both are the same, JAX gives each a half.
    half = p.scale(p.pair("add", lo.operand(a), lo.operand(b)), 0.5)
    return p.where(lo.decide("eq", [a, b], same, True), half, chosen)


@rule("abs")
def _abs(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    x, array = lo.node(ins[0]), ins[0].array
    at_zero = bool((array == 0).any())
    lo.tied |= at_zero
    if at_zero and float(jax.grad(jax.lax.abs)(0.0)) == 0:
        return lo.p.pair("mul", lo.decide("sign", ins, np.sign(array), True), x)
    positive = lo.decide("ge", [ins[0], Cell(np.zeros((), array.dtype))], array >= 0, True)
    return lo.p.where(positive, x, lo.p.scale(x, -1.0))


@rule("clamp")
def _clamp(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    low, x, high = ins
    above = lo.decide("gt", [x, low], x.array > low.array, True)
    held = Cell(np.maximum(x.array, low.array))
    held.node = lo.p.where(above, lo.operand(x), lo.operand(low))
    below = lo.decide("lt", [held, high], held.array < high.array, True)
    lo.tied |= bool((x.array == low.array).any() or (x.array == high.array).any())
    return lo.p.where(below, held.node, lo.operand(high))


@rule("select_n")
def _select(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> Any:
    which, *cases = ins
    if len(cases) == 1:
        return lo.node(cases[0])
    taken = which.array.astype(np.int64)
    first = int(taken.flat[0]) if taken.size else 0
    kind = None if which.node is None else lo.p.nodes[which.node].get("with", {}).get("kind")
    # What asks for numbers that are not finite takes one side everywhere.
    if kind not in ("gt", "ge", "lt", "le") and (taken == first).all():
        return lo.node(cases[first])

    def case(number: int) -> int:
        one = cases[number]
        if one.node is None and not np.isfinite(one.array).all():
            # It may not be finite where it is not taken.
            return lo.p.constant(np.where(taken == number, one.array, np.zeros((), one.array.dtype)))
        return lo.operand(one)

    node = case(0)
    for number in range(1, len(cases)):
        if which.array.dtype == np.bool_:
            mask = lo.node(which)
        elif which.node is None:
            mask = lo.p.constant(taken == number)
        else:
            mask = lo.p.decide("eq", [lo.node(which), lo.p.scalar(number)], taken == number)
        node = lo.p.where(mask, case(number), node)
    return node


COMPARISONS = ("gt", "ge", "lt", "le", "eq", "ne")


@rule(*COMPARISONS, moves=True)
def _compare(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.decide(lo.name, ins, outs[0].array)


@rule("floor", "ceil", "round", "sign", "nextafter")
def _held(lo: Lowering, params: Params, ins: list[Cell], outs: list[Cell]) -> int:
    return lo.decide(lo.name, ins, outs[0].array)
