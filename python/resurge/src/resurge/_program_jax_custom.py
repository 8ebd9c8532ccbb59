"""Functions with a rule of their own: custom_jvp, custom_vjp and custom_gradient.

One whose forward pass has no jump is held against that pass. One that is a function of each number is a surrogate, with
the slopes that its own rule used. Any other is taken at its word, unless a definition is given.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.extend.core
import numpy as np

from ._program_file import RecordError
from ._program_jax_names import Customs
from ._program_jax_plan import CUSTOM, Plan, Planner, Segment, Unit, is_float, words
from ._program_jax_rules import Lowering, lower
from ._program_jax_run import Array, Cell, bound, compiled, pulled

# Points on the range of an input at which a forward pass is looked at, and halvings of the widest step between them.
_POINTS, _HALVINGS = 64, 48
# A step that stays this large, in the range of the values, is a jump.
_JUMP = 1e-3
# A stop that changes a derivative by no more roundings of its norm leaves nothing out.
_HARMLESS = 1024


class Recording(Lowering):
    """The lowering of a whole run, which knows the functions with a rule of their own."""

    def __init__(self, runner: Any, customs: Customs, inside: bool = False, ties: str = "half") -> None:
        super().__init__(runner, inside, ties)
        self.customs = customs

    def step(self, unit: Unit, ins: list[Cell], outs: list[Cell]) -> None:
        """Finds the nodes of an equation's results."""
        try:
            if unit.name in CUSTOM:
                self.custom(unit, ins, outs)
            else:
                lower(self, unit, ins, outs)
        except (ValueError, RecordError) as error:
            if self.inside:
                raise
            raise RecordError(f"`{unit.name}` at {words(unit.site)}: {error}") from error

    def carrying(self, ins: list[Cell]) -> list[tuple[int, int]]:
        """The inputs through which a gradient flows, with their nodes."""
        return [(j, c.node) for j, c in enumerate(ins) if c.node is not None and self.p.carries[c.node]]

    def opaque(self, unit: Unit, ins: list[Cell], outs: list[Cell], each: list[dict[str, Any]]) -> list[int]:
        """Nodes that are known by what the call handed on, each with attributes of its own."""
        p, known, number = self.p, self.carrying(ins), self.customs.calls
        self.customs.calls += 1
        nodes = []
        for cell, var, attributes in zip(outs, unit.eqn.outvars, each, strict=True):
            if not is_float(var.aval.dtype):
                nodes.append(p.decide(unit.name, [], cell.array))
                continue
            node = p.add("opaque", [n for _, n in known], cell.array.shape, **attributes, call=number)
            p.value(node, cell.array)
            nodes.append(node)
        if not self.inside and not self.runner.forward_only:
            handed: dict[int, Array] = {}
            self.customs.handed.append((nodes, [j for j, _ in known], handed))
            self.runner.pulls[id(outs[0])] = handed.__setitem__
            unit.handed = True
        return nodes

    def trusted(self, unit: Unit, ins: list[Cell], outs: list[Cell]) -> tuple[int, ...]:
        return tuple(self.opaque(unit, ins, outs, [{"function": f"jax {unit.name}"}] * len(outs)))

    def custom(self, unit: Unit, ins: list[Cell], outs: list[Cell]) -> None:
        """Finds the nodes of the results of a function with a rule of its own."""
        p, known, customs = self.p, self.carrying(ins), self.customs
        self.runner.at(unit.site)
        if not known:
            for cell in outs:
                if any(c.node is not None for c in ins):
                    cell.node = p.decide(unit.name, [], cell.array)
            return
        for j, _ in known:
            dtype = ins[j].array.dtype.name
            if dtype not in ("float32", "float64"):
                raise RecordError(f"{dtype} has a gradient; convert it to float32, or to float64")
        site, name, reference = p.site, customs.name(unit), customs.given(unit, customs.definitions)
        declared = customs.given(unit, customs.declared)
        body, looked = self.body(unit, ins, reference)
        floats = [is_float(v.aval.dtype) for v in unit.eqn.outvars]
        slopes, problems = None, list[str]()
        if floats == [True]:
            slopes, problems = self.slopes(unit, ins, outs[0])
        certain = reference is not None or self.sure(unit, ins, body, looked, slopes is not None)
        if certain and reference is None and looked.tied:
            body, looked = self.untied(unit, ins, outs, body, looked)
        p.site = site
        if slopes is not None and not certain:
            meant: dict[str, Any] = {} if declared is None else {"declared": str(declared)}
            self.surrogate(ins, outs[0], {"function": name} | meant, slopes, looked)
        else:
            if certain or not is_step(outs[0].array, [ins[j].array for j, _ in known]):
                problems = []
            each: list[dict[str, Any]] = [{"function": name} for _ in outs]
            for attributes, cell, seen in zip(each, outs, body, strict=True):
                if seen is not None and p.shapes[seen] == cell.array.shape:
                    attributes |= {"definition": seen, "certain": certain}
                if problems:
                    attributes["problems"] = problems
            for cell, node in zip(outs, self.opaque(unit, ins, outs, each), strict=True):
                cell.node = node
        if not self.inside and not self.runner.forward_only:
            for cell in outs:
                if cell.node is not None:
                    self.runner.cells.setdefault(cell.node, cell)

    def plan(self, unit: Unit, reference: Any) -> Plan:
        """The plan of a function's forward pass, or of the definition that was given in its place."""
        key = (id(unit.eqn), "plan")
        if key not in self.customs.known:
            if reference is None:
                closed = unit.eqn.params["call_jaxpr"]
            else:
                skip = unit.eqn.params.get("num_consts", 0)
                closed = jax.make_jaxpr(lambda *a: reference(*a[skip:]))(*(v.aval for v in unit.eqn.invars))
            flows = [is_float(v.aval.dtype) for v in unit.eqn.invars]
            self.customs.known[key] = Planner(opened=reference is None, repeated=True).whole(closed, flows)
        plan: Plan = self.customs.known[key]
        return plan

    def body(self, unit: Unit, ins: list[Cell], reference: Any, ties: str = "half") -> tuple[list[Any], Lowering]:
        """The nodes of a forward pass."""
        runner, plan = self.runner, self.plan(unit, reference)
        looked = Recording(runner, self.customs, True, ties)
        before, only = runner.lower, runner.forward_only
        runner.lower, runner.forward_only = looked.step, True
        try:
            results = runner.run(plan, [Cell(c.value, c.node) for c in ins])
        finally:
            runner.lower, runner.forward_only = before, only
        shapes = [(c.array.shape, v.aval.shape) for c, v in zip(results, unit.eqn.outvars, strict=False)]
        if len(results) != len(unit.outs) or any(a != b for a, b in shapes):
            raise RecordError(
                f"the definition of {self.customs.name(unit)} returns arrays of shape {[a for a, _ in shapes]}, "
                f"where the function returns {[b for _, b in shapes]}"
            )
        looked.results = [c.array for c in results]
        return [c.node for c in results], looked

    def slopes(self, unit: Unit, ins: list[Cell], out: Cell) -> tuple[list[Array] | None, list[str]]:
        """The slopes of a function of each number, by its own rule; and what the rule does that no slope does."""
        at, shape, dtype = [j for j, _ in self.carrying(ins)], out.array.shape, out.array.dtype
        if any(ins[j].array.shape != shape for j in at):
            return None, []
        generator = np.random.default_rng(1)
        random = [(generator.standard_normal(shape) * f).astype(dtype) for f in (1.0, 1e3, -1e-3)]
        first, *found = self.products(unit, ins, at, [np.ones(shape, dtype), *random])
        slopes = [np.asarray(s) for s in first]
        problems, tolerance = set(), 64 * np.finfo(dtype).eps
        for r, products, what in zip(random, found, ("elementwise", *["linear in the cotangent"] * 2), strict=True):
            for slope, product in zip(slopes, products, strict=True):
                off, largest = np.abs(np.asarray(product) - slope * r), np.abs(slope).max(initial=0)
                if (off > tolerance * (largest * np.abs(r) + np.abs(slope * r))).any():
                    problems.add(f"its backward is not {what}")
        return (None, sorted(problems)) if problems else (slopes, [])

    def products(self, unit: Unit, ins: list[Cell], at: list[int], cotangents: list[Any]) -> list[list[Any]]:
        """The products of cotangents of a single result with a function's Jacobian, by its own rule."""
        key = (id(unit.eqn), "probe", *at)

        def run(values: list[Any], cotangents: list[Any]) -> list[list[Any]]:
            _, pull = pulled(unit, values, [i in at for i in range(len(values))])
            return [[g for g in pull([c]) if g is not None] for c in cotangents]

        known = self.customs.known
        known.setdefault(key, compiled(run))
        found: list[list[Any]] = known[key]([c.value for c in ins], cotangents)
        return found

    def sure(self, unit: Unit, ins: list[Cell], body: list[Any], looked: Lowering, elementwise: bool) -> bool:
        """Whether a forward pass has no jump in it, so that its derivative is the gradient."""
        p, inputs = self.p, {c.node for c in ins}
        if any(n is None or not p.carries[n] for n in body):
            return False
        seen, left, jumps, stops = set(), list(body), False, False
        while left:
            n = left.pop()
            if n in seen or n in inputs:
                continue
            seen.add(n)
            op = p.nodes[n]["op"]
            if op in ("leaf", "opaque", "surrogate"):
                return False
            stops |= op == "stop"
            jumps |= op == "decide" and n not in looked.continuous
            left += p.nodes[n].get("in", []) if op != "decide" else []
        key = (id(unit.eqn), "jumps")
        if jumps and key not in self.customs.known:
            self.customs.known[key] = not elementwise or self.jumps(unit, ins)
        return not (jumps and self.customs.known[key]) and not (stops and self.cut(unit, ins))

    def cut(self, unit: Unit, ins: list[Cell]) -> bool:
        """Whether the stops in a forward pass leave something out; those of a softmax do not."""
        plan, at = self.plan(unit, None), [j for j, _ in self.carrying(ins)]
        if not all(isinstance(part, Segment) for part in plan.parts):
            return True
        own, whole = (self.derivative(plan, ins, at, stops=stops) for stops in (True, False))

        def same(a: Array, b: Array) -> bool:
            return bool(np.linalg.norm(a - b) <= _HARMLESS * np.finfo(a.dtype).eps * np.linalg.norm(a))

        return not all(same(a, b) for a, b in zip(own, whole, strict=True))

    def derivative(self, plan: Plan, ins: list[Cell], at: list[int], ties: str = "half", stops: bool = True) -> Any:
        """The product of a random cotangent with the Jacobian of a forward pass."""

        def of(*given: Any) -> Any:
            filled = [given[at.index(j)] if j in at else c.value for j, c in enumerate(ins)]
            return evaluated(plan, filled, ties, stops)

        out, pull = jax.vjp(of, *(ins[j].value for j in at))
        return [np.asarray(g) for g in pull(_random(out))]

    def jumps(self, unit: Unit, ins: list[Cell]) -> bool:
        """Whether a function of each number jumps somewhere on the range of its inputs."""
        closed = compiled(jax.extend.core.jaxpr_as_fun(unit.eqn.params["call_jaxpr"]))
        for j, _ in self.carrying(ins):
            x = ins[j].array

            def of(values: Array, j: int = j) -> Array:
                return np.asarray(closed(*(values if i == j else c.value for i, c in enumerate(ins)))[0])

            grid = np.linspace(x.min(initial=0) - 0.1, x.max(initial=0) + 0.1, _POINTS).astype(x.dtype)
            values = np.stack([of(np.full(x.shape, g, x.dtype)) for g in grid]).astype(np.float64)
            widest = np.abs(np.diff(values, axis=0)).argmax(0)
            a, b = grid[widest], grid[widest + 1]
            left, right = of(a), of(b)
            for _ in range(_HALVINGS):
                middle = ((a + b) / 2).astype(x.dtype)
                between = of(middle)
                below = np.abs(between - left) >= np.abs(right - between)
                a, left = np.where(below, a, middle), np.where(below, left, between)
                b, right = np.where(below, middle, b), np.where(below, between, right)
            span = float(np.ptp(values)) if values.size else 0.0
            if float(np.abs(right - left).max(initial=0)) > _JUMP * span:
                return True
        return False

    def untied(
        self, unit: Unit, ins: list[Cell], outs: list[Cell], body: list[Any], looked: Lowering
    ) -> tuple[list[Any], Lowering]:
        """The forward pass with that slope at its kinks which the function's own rule has: it is free to choose."""
        plan, at = self.plan(unit, None), [j for j, _ in self.carrying(ins)]
        if len(outs) != 1 or not all(isinstance(part, Segment) for part in plan.parts):
            return body, looked
        (right,) = self.products(unit, ins, at, [_random(outs[0].array)])

        def off(ties: str) -> float:
            pairs = zip(right, self.derivative(plan, ins, at, ties), strict=True)
            return float(max(np.abs(np.asarray(a) - b).max(initial=0) for a, b in pairs))

        best = min(("half", "first", "second"), key=off)
        return (body, looked) if best == "half" else self.body(unit, ins, None, best)

    def surrogate(
        self, ins: list[Cell], out: Cell, attributes: dict[str, Any], slopes: list[Array], looked: Lowering
    ) -> None:
        """A node with the slopes that the function's own rule used."""
        p, known, step = self.p, [n for _, n in self.carrying(ins)], None
        for n in looked.decisions:
            kind, before = p.nodes[n]["with"]["kind"], p.nodes[n].get("in", [])
            if kind in ("gt", "ge") and len(before) == 2 and before[0] == known[0]:
                other = p.nodes[before[1]]
                same = np.array_equal(p.tensors[f"value.{n}"], looked.results[0])
                if same and other["op"] == "constant" and "scalar" in other.get("with", {}):
                    step = [kind, other["with"]["scalar"]]
        if step is None and not np.array_equal(looked.results[0], out.array):
            p.notes.append(f"{attributes['function']}: its rule gives another value than the function itself")
        out.node = p.add("surrogate", known, out.array.shape, **attributes, step=step)
        p.value(out.node, out.array)
        for j, slope in enumerate(slopes):
            p.tensors[f"slope.{out.node}.{j}"] = slope


def _random(like: Any) -> Array:
    drawn: Array = np.random.default_rng(1).standard_normal(like.shape).astype(like.dtype)
    return drawn


def evaluated(plan: Plan, ins: list[Any], ties: str, stops: bool) -> Any:
    """The first result of a plan without loops, with one of the slopes that a kink may have; with its stops or not."""
    env = {**plan.constants, **dict(zip(plan.inputs, ins, strict=True))}
    for part in plan.parts:
        for unit in part.units if isinstance(part, Segment) else ():
            given = [env[i] for i in unit.ins]
            if ties != "half" and unit.name in ("max", "min"):
                a, b = given if ties == "second" else given[::-1]
                results = [jax.numpy.where(a > b if unit.name == "max" else a < b, a, b)]
            elif unit.name == "stop_gradient" and not stops:
                results = given
            else:
                results = bound(unit, given)
            env.update(zip(unit.outs, results, strict=True))
    return env[plan.outputs[0]]


def is_step(value: Array, inputs: list[Array]) -> bool:
    """Whether the result is a step of its own input, number by number, and not of a sequence or a row."""
    u = inputs[0]
    if u.shape != value.shape or not set(np.unique(value)[:3].tolist()) <= {0.0, 1.0}:
        return False
    below, above = u[value == 0], u[value != 0]
    return bool(below.size and above.size and below.max() <= above.min())
