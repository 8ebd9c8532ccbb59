"""What a jaxpr does as a flat list of its equations, each with the line of the user's code that it is from.

Calls are inlined. Loops and branches stay, as plans of their own, and are unrolled or chosen when they run.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.extend.core
import numpy as np
from jax._src import source_info_util

from ._program_file import RecordError

# A place in the source: file, line, function and text of each frame, the innermost first.
Frames = tuple[tuple[str, int, str, str], ...]

_HERE = os.path.dirname(__file__) + os.sep
_FRAMES = 4

# Their bodies are what they do.
INLINED = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "core_closed_call",
    "call",
    "remat",
    "remat2",
    "checkpoint",
    "custom_vmap_call",
}
CUSTOM = {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
LOOPS = {"scan", "while", "cond"}
# Nothing comes out of them that a loss could depend on.
SILENT = {"debug_callback", "debug_print"}
REFUSED = {
    "shard_map": "run it on one device, without shard_map",
    "xla_pmap": "run it on one device, without pmap",
    "psum": "run it on one device",
    "all_gather": "run it on one device",
    "io_callback": "compute it before, and give it as an argument",
    "run_state": "write it without references",
}
# Where a gradient ends, though the result is of floating point.
ENDS = {"stop_gradient", "floor", "ceil", "round", "sign", "nextafter"}


def user_frames(traceback: Any) -> Frames:
    """The lines of a traceback that are neither JAX's nor of this package."""
    found = []
    for frame in source_info_util.user_frames(traceback):
        name, line = frame.file_name, int(frame.start_line)
        if not name.startswith(_HERE):
            found.append((name, line, frame.function_name, linecache.getline(name, line).strip()))
    return tuple(found)


def words(frames: Frames) -> str:
    """A place in an error's message."""
    return f"{frames[0][0]}:{frames[0][1]}" if frames else "an unknown line"


def is_float(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, np.floating))


def is_complex(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, np.complexfloating))


@dataclass(slots=True, eq=False)
class Unit:
    """An equation, with the slots of its inputs and outputs."""

    eqn: Any
    ins: list[int]
    outs: list[int]
    site: Frames
    # Whether what it hands to each input is kept.
    handed: bool = False

    @property
    def name(self) -> str:
        return str(self.eqn.primitive.name)


@dataclass(slots=True, eq=False)
class Control:
    """A loop or a branch, with plans of its bodies."""

    name: str
    params: dict[str, Any]
    ins: list[int]
    outs: list[int]
    site: Frames
    bodies: list[Plan]


@dataclass(eq=False)
class Segment:
    """Equations that follow each other, without a loop or a branch."""

    units: list[Unit]
    repeated: bool
    functions: dict[Any, Any] = field(default_factory=dict)

    @property
    def outs(self) -> list[int]:
        return [slot for unit in self.units for slot in unit.outs]

    @property
    def ins(self) -> list[int]:
        made = set(self.outs)
        found: dict[int, None] = {}
        for unit in self.units:
            found.update({slot: None for slot in unit.ins if slot not in made})
        return list(found)


@dataclass(eq=False)
class Plan:
    """A jaxpr, flat. A slot is a number of a value; `carries` says whether a gradient may flow through it."""

    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    avals: list[Any] = field(default_factory=list)
    carries: list[bool] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)
    parts: list[Segment | Control] = field(default_factory=list)


class Planner:
    """Makes a plan. `opened` inlines functions with rules of their own, too."""

    def __init__(self, opened: bool = False, repeated: bool = False) -> None:
        self.plan, self.opened, self.repeated = Plan(), opened, repeated

    def slot(self, aval: Any, carries: bool) -> int:
        self.plan.avals.append(aval)
        self.plan.carries.append(carries)
        return len(self.plan.avals) - 1

    def constant(self, value: Any, aval: Any) -> int:
        slot = self.slot(aval, False)
        self.plan.constants[slot] = value
        return slot

    def whole(self, closed: Any, carries: Sequence[bool], outer: Frames = ()) -> Plan:
        """The plan of a closed jaxpr, the gradient of whose inputs is asked for where `carries` says so."""
        self.plan.inputs = [self.slot(v.aval, c) for v, c in zip(closed.jaxpr.invars, carries, strict=True)]
        self.plan.outputs = self.inline(closed.jaxpr, closed.consts, self.plan.inputs, outer)
        return self.plan

    def inline(self, jaxpr: Any, consts: Sequence[Any], ins: Sequence[int], outer: Frames) -> list[int]:
        held = [self.constant(c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)]
        env = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*held, *ins], strict=True))

        def read(atom: Any) -> int:
            if hasattr(atom, "val"):
                return self.constant(np.asarray(atom.val, dtype=atom.aval.dtype), atom.aval)
            return int(env[atom])

        for eqn in jaxpr.eqns:
            outs = self.equation(eqn, [read(a) for a in eqn.invars], outer)
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(a) for a in jaxpr.outvars]

    def equation(self, eqn: Any, ins: list[int], outer: Frames) -> list[int]:
        name = eqn.primitive.name
        site = user_frames(eqn.source_info.traceback)
        if outer:
            site = (*site, *outer)
        if name in REFUSED:
            raise RecordError(f"`{name}` at {words(site)} cannot be recorded: {REFUSED[name]}")
        if name in SILENT:
            return [self.slot(v.aval, False) for v in eqn.outvars]
        if name in INLINED or (self.opened and name in CUSTOM):
            return self.call(eqn, ins, site)
        if name in LOOPS:
            return self.control(eqn, ins, site)
        flows = name not in ENDS and any(self.plan.carries[i] for i in ins)
        outs = [self.slot(v.aval, flows and is_float(v.aval.dtype)) for v in eqn.outvars]
        if not self.plan.parts or not isinstance(self.plan.parts[-1], Segment):
            self.plan.parts.append(Segment([], self.repeated))
        part = self.plan.parts[-1]
        assert isinstance(part, Segment)
        part.units.append(Unit(eqn, ins, outs, site))
        return outs

    def call(self, eqn: Any, ins: list[int], site: Frames) -> list[int]:
        """Inlines a call. JAX traces a function once, so that the lines around it may be those of another call."""
        inner = next(eqn.params[k] for k in ("call_jaxpr", "jaxpr", "fun_jaxpr") if k in eqn.params)
        jaxpr, consts = getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())
        first = len(self.plan.parts[-1].units) if self.plan.parts and isinstance(self.plan.parts[-1], Segment) else 0
        begin = len(self.plan.parts) - (1 if first else 0)
        outs = self.inline(jaxpr, consts, ins, ())
        about = str(getattr(getattr(jaxpr, "debug_info", None), "func_src_info", "") or "")
        for number, part in enumerate(self.plan.parts[begin:]):
            units = part.units[first if number == 0 else 0 :] if isinstance(part, Segment) else [part]
            for unit in units:
                unit.site = (*own_frames(unit.site, about), *site)
        return outs

    def body(self, closed: Any, carries: Sequence[bool], site: Frames) -> Plan:
        closed = closed if hasattr(closed, "jaxpr") else jax.extend.core.ClosedJaxpr(closed, ())
        return Planner(self.opened, True).whole(closed, carries)

    def control(self, eqn: Any, ins: list[int], site: Frames) -> list[int]:
        params, name = eqn.params, eqn.primitive.name
        flows = [self.plan.carries[i] for i in ins]
        if name == "cond":
            bodies = [Planner(self.opened, self.repeated).whole(b, flows[1:]) for b in params["branches"]]
            out = [any(c) for c in zip(*([b.carries[o] for o in b.outputs] for b in bodies), strict=True)]
        elif name == "scan":
            held, kept = params["num_consts"], params["num_carry"]
            while True:
                bodies = [self.body(params["jaxpr"], flows, site)]
                out = [bodies[0].carries[o] for o in bodies[0].outputs]
                grown = [a or b for a, b in zip(flows[held : held + kept], out, strict=False)]
                if grown == flows[held : held + kept]:
                    break
                flows[held : held + kept] = grown
        else:
            tests, held = params["cond_nconsts"], params["body_nconsts"]
            state = flows[tests + held :]
            while True:
                body = self.body(params["body_jaxpr"], [*flows[tests : tests + held], *state], site)
                grown = [a or body.carries[o] for a, o in zip(state, body.outputs, strict=True)]
                if grown == state:
                    break
                state = grown
            bodies, out = [self.body(params["cond_jaxpr"], [*flows[:tests], *state], site), body], state
        outs = [self.slot(v.aval, c) for v, c in zip(eqn.outvars, out, strict=True)]
        self.plan.parts.append(Control(name, dict(params), ins, outs, site, bodies))
        return outs


def own_frames(frames: Frames, about: str) -> Frames:
    """The frames of a function itself, without those that called it when it was traced."""
    for number in range(len(frames) - 1, -1, -1):
        file, _, function, _ = frames[number]
        if about.startswith(f"{function} at {file}:") or about.startswith(f"{function.split('.')[-1]} at {file}:"):
            return frames[: number + 1]
    return ()
