"""Runs a plan equation by equation: values forward, nodes of the program beside them, cotangents backward.

The cotangents are those of JAX's own rule of each equation, so that every operation is seen alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from ._program_file import Program, RecordError, contiguous
from ._program_jax_plan import CUSTOM, Control, Frames, Plan, Segment, Unit, is_float, words

Array = NDArray[Any]

_FRAMES = 4
# Equations of one run. A program of more has a header of more than its bound.
_MOST = 60_000
# A stretch of more equations than these is run one by one, which takes less than compiling it.
_COMPILED = 120


def compiled(function: Callable[..., Any]) -> Any:
    """Compiled in little time: each is run a few times only."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


class Cell:
    """A value of the run: its numbers, its node if it depends on a parameter, its cotangent."""

    __slots__ = ("_array", "cotangent", "flat", "node", "owned", "value")

    def __init__(self, value: Any, node: int | None = None) -> None:
        self.value, self.node = value, node
        self._array: Array | None = None
        self.cotangent: Array | None = None
        self.owned = False
        self.flat: int | None = None

    @property
    def array(self) -> Array:
        if self._array is None:
            self._array = np.asarray(self.value)
        return self._array

    def add(self, part: Any) -> None:
        part = np.asarray(part)
        self.owned = self.cotangent is not None
        self.cotangent = part if self.cotangent is None else self.cotangent + part

    def add_at(self, t: int, part: Array) -> None:
        """Adds to one step of a sequence."""
        if self.cotangent is None:
            self.cotangent = np.zeros(self.array.shape, self.array.dtype)
        elif not self.owned:
            self.cotangent = self.cotangent.copy()
        self.owned = True
        self.cotangent[t] += part


def bound(unit: Unit, ins: list[Any]) -> list[Any]:
    """What JAX computes for an equation."""
    primitive, params = unit.eqn.primitive, unit.eqn.primitive.get_bind_params(unit.eqn.params)
    subfuns: Any = ()
    if isinstance(params, tuple):
        subfuns, params = params
    outs = primitive.bind(*subfuns, *ins, **params)
    return list(outs) if primitive.multiple_results else [outs]


def pulled(unit: Unit, ins: list[Any], flows: list[bool]) -> tuple[list[Any], Callable[[list[Any]], list[Any]]]:
    """The results of an equation, and its vector-Jacobian product by the inputs through which a gradient flows."""
    at = [i for i, flow in enumerate(flows) if flow]
    to = [o for o, var in enumerate(unit.eqn.outvars) if is_float(var.aval.dtype)]
    others: list[Any] = []

    def of(*given: Any) -> list[Any]:
        full = list(ins)
        for i, x in zip(at, given, strict=True):
            full[i] = x
        outs = bound(unit, full)
        others[:] = outs
        return [outs[o] for o in to]

    def kept(*given: Any) -> tuple[list[Any], list[Any]]:
        chosen = of(*given)
        return chosen, [o for n, o in enumerate(others) if n not in to]

    floats, pull, rest = jax.vjp(kept, *[ins[i] for i in at], has_aux=True)
    rest = list(rest)
    outs = [floats[to.index(o)] if o in to else rest.pop(0) for o in range(len(unit.outs))]

    def back(cotangents: list[Any]) -> list[Any]:
        found = iter(pull([cotangents[o] for o in to]))
        return [next(found) if flow else None for flow in flows]

    return outs, back


class Runner:
    """One run."""

    def __init__(self, program: Program) -> None:
        self.p = program
        # Finds the nodes of the results of each equation.
        self.lower: Callable[[Unit, list[Cell], list[Cell]], None] = lambda unit, ins, outs: None
        self.tape: list[Callable[[], None]] = []
        self.cells: dict[int, Cell] = {}
        self.pulls: dict[int, Callable[[int, Array], None]] = {}
        self.done = 0
        self.forward_only = False
        # Whether only values and cotangents are asked for: node 0 is then that of all that depends on a parameter.
        self.dry = False

    def run(self, plan: Plan, ins: list[Cell]) -> list[Cell]:
        env: dict[int, Cell] = {slot: Cell(value) for slot, value in plan.constants.items()}
        env.update(zip(plan.inputs, ins, strict=True))
        for part in plan.parts:
            if isinstance(part, Control):
                given = [env[i] for i in part.ins]
                outs = {"scan": self.scan, "cond": self.cond, "while": self.loop}[part.name](part, given)
                env.update(zip(part.outs, outs, strict=True))
            else:
                self.segment(plan, part, env)
        return [env[o] if o in env else Cell(None) for o in plan.outputs]

    # Stretches of equations

    def segment(self, plan: Plan, part: Segment, env: dict[int, Cell]) -> None:
        self.done += 0 if self.forward_only else len(part.units)
        if self.done > _MOST:
            at = words(part.units[0].site)
            raise RecordError(f"the run has more than {_MOST} operations, at {at}; record fewer steps or smaller ones")
        eager = not part.repeated and len(part.units) > _COMPILED
        ext, outs = part.ins, part.outs

        def forward(*values: Any) -> list[Any]:
            held = dict(zip(ext, values, strict=True))
            for unit in part.units:
                given = [held[i] for i in unit.ins]
                if unit.name in CUSTOM:
                    # The rule's own value is what a run with a gradient has.
                    results, _ = pulled(unit, given, [plan.carries[i] for i in unit.ins])
                else:
                    results = bound(unit, given)
                held.update(zip(unit.outs, results, strict=True))
            return [held[o] for o in outs]

        if "forward" not in part.functions:
            part.functions["forward"] = forward if eager else compiled(forward)
        values = part.functions["forward"](*(env[i].value for i in ext))
        made = [Cell(v) for v in values]
        env.update(zip(outs, made, strict=True))
        for unit in part.units:
            given, results = [env[i] for i in unit.ins], [env[o] for o in unit.outs]
            if not self.dry:
                self.lower(unit, given, results)
            elif any(c.node is not None for c in given):
                for cell in results:
                    cell.node = 0
        if not self.forward_only and any(c.node is not None for c in made):
            cells = {slot: env[slot] for slot in (*ext, *outs)}
            self.tape.append(lambda: self.back(plan, part, cells, eager))

    def back(self, plan: Plan, part: Segment, cells: dict[int, Cell], eager: bool) -> None:
        """The cotangents of all that a stretch computed, and what it hands to its inputs."""
        outs = part.outs
        flowing = [o for o in outs if plan.carries[o]]
        if not flowing:
            return

        def backward(values: dict[int, Any], given: dict[int, Any]) -> tuple[dict[int, Any], dict[str, Any]]:
            held, parts = dict(given), {}
            for number in range(len(part.units) - 1, -1, -1):
                unit = part.units[number]
                if not any(plan.carries[o] for o in unit.outs):
                    continue
                flows = [plan.carries[i] for i in unit.ins]
                _, pull = pulled(unit, [values[i] for i in unit.ins], flows)
                cotangents = [held.get(o) for o in unit.outs]
                shaped = zip(cotangents, unit.eqn.outvars, strict=True)
                filled = [np.zeros(v.aval.shape, v.aval.dtype) if c is None else c for c, v in shaped]
                for j, (i, g) in enumerate(zip(unit.ins, pull(filled), strict=True)):
                    if g is None:
                        continue
                    held[i] = held[i] + g if i in held else g
                    if unit.handed:
                        parts[f"{number} {j}"] = g
            return held, parts

        given = {}
        for o in flowing:
            cell = cells[o]
            cotangent = cell.cotangent
            shape, dtype = plan.avals[o].shape, plan.avals[o].dtype
            given[o] = np.zeros(shape, dtype) if cotangent is None else np.asarray(cotangent, dtype)
        if "backward" not in part.functions:
            part.functions["backward"] = backward if eager else compiled(backward)
        held, parts = part.functions["backward"]({s: c.value for s, c in cells.items()}, given)
        for slot, cotangent in held.items():
            if slot in given:
                cells[slot].cotangent = np.asarray(cotangent)
            else:
                cells[slot].add(cotangent)
        for name, handed in parts.items():
            number, j = map(int, name.split(" "))
            keep = self.pulls.get(id(cells[part.units[number].outs[0]]))
            if keep is not None:
                keep(j, np.asarray(handed))

    # Loops and branches

    def slice(self, source: Cell, t: int, site: Frames) -> Cell:
        """A step of a sequence."""
        # Keys of random numbers are no arrays of numpy.
        extended = jax.dtypes.issubdtype(source.value.dtype, jax.dtypes.extended)
        out = Cell(source.value[t] if extended else source.array[t])
        if source.node is not None:
            out.node = 0 if self.dry else self.step_of(source.node, t, site)
            if not self.forward_only and self.p.carries[out.node]:
                self.tape.append(lambda: self.unslice(source, t, out))
        return out

    def step_of(self, node: int, t: int, site: Frames) -> int:
        self.at(site)
        shape = self.p.shapes[node][1:]
        return self.p.strided(node, shape, t * int(np.prod(shape)), contiguous(shape))

    def unslice(self, source: Cell, t: int, out: Cell) -> None:
        if out.cotangent is not None:
            source.add_at(t, out.cotangent)

    def stack(self, steps: list[Cell], site: Frames) -> Cell:
        """A sequence of steps."""
        extended = jax.dtypes.issubdtype(steps[0].value.dtype, jax.dtypes.extended)
        out = Cell(jax.numpy.stack([c.value for c in steps]) if extended else np.stack([c.array for c in steps]))
        if any(c.node is not None for c in steps):
            out.node = 0 if self.dry else self.stacked(steps, site)
            if not self.forward_only and self.p.carries[out.node]:
                self.tape.append(lambda: self.unstack(steps, out))
        return out

    def stacked(self, steps: list[Cell], site: Frames) -> int:
        self.at(site)
        shape = (1, *steps[0].array.shape)
        return self.p.concat([self.p.reshape(self.node(c), shape) for c in steps], 0)

    def unstack(self, steps: list[Cell], out: Cell) -> None:
        if out.cotangent is None:
            return
        for t, cell in enumerate(steps):
            if cell.node is not None and self.p.carries[cell.node]:
                cell.add(out.cotangent[t])

    def scan(self, part: Control, ins: list[Cell]) -> list[Cell]:
        held, kept = part.params["num_consts"], part.params["num_carry"]
        constants, state, sequences = ins[:held], ins[held : held + kept], ins[held + kept :]
        length = int(part.params["length"])
        order = range(length - 1, -1, -1) if part.params["reverse"] else range(length)
        rows: list[list[Cell]] = [[] for _ in part.outs[kept:]]
        for t in order:
            steps = [self.slice(s, t, part.site) for s in sequences]
            outs = self.run(part.bodies[0], [*constants, *state, *steps])
            state = outs[:kept]
            for row, cell in zip(rows, outs[kept:], strict=True):
                row.append(cell)
        if part.params["reverse"]:
            rows = [row[::-1] for row in rows]
        found: list[Cell] = []
        for row in rows:
            aval = part.bodies[0].avals[part.bodies[0].outputs[kept + len(found)]]
            found.append(self.stack(row, part.site) if row else Cell(np.zeros((0, *aval.shape), aval.dtype)))
        return [*state, *found]

    def cond(self, part: Control, ins: list[Cell]) -> list[Cell]:
        chosen = int(np.clip(int(ins[0].array), 0, len(part.bodies) - 1))
        return self.run(part.bodies[chosen], ins[1:])

    def loop(self, part: Control, ins: list[Cell]) -> list[Cell]:
        tests, held = part.params["cond_nconsts"], part.params["body_nconsts"]
        state = ins[tests + held :]
        while bool(self.run(part.bodies[0], [*ins[:tests], *state])[0].array):
            state = self.run(part.bodies[1], [*ins[tests : tests + held], *state])
        return state

    # Nodes

    def at(self, site: Frames) -> None:
        self.p.site = self.p.place(site[:_FRAMES]) if site else None

    def node(self, cell: Cell) -> int:
        """The node of a value; a constant where it depends on no parameter."""
        if cell.node is not None:
            return cell.node
        if cell.flat is None:
            cell.flat = self.p.constant(cell.array)
        return cell.flat

    def backward(self, loss: Cell) -> None:
        loss.cotangent = np.ones(loss.array.shape, loss.array.dtype)
        for entry in reversed(self.tape):
            entry()
