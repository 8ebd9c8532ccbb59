"""The functions with a rule of their own that a run meets: what they are called, and what is given for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jax._src import source_info_util

from ._program_jax_plan import Unit
from ._program_jax_run import Array

_INSIDE = ("f", "f_transformed", "fun", "jvp", "fwd", "bwd", "func", "__wrapped__")


def behind(thing: Any, depth: int) -> list[Any]:
    """The functions that a function of JAX was made from, the nearest first."""
    found: list[Any] = []
    seen: set[int] = set()
    left = [(thing, 0)]
    while left:
        one, level = left.pop(0)
        if id(one) in seen or level > depth:
            continue
        seen.add(id(one))
        if isinstance(one, (tuple, list)):
            left += [(v, level) for v in one]
            continue
        if not callable(one) and not hasattr(one, "f"):
            continue
        found.append(one)
        left += [(getattr(one, name, ()), level + 1) for name in (*_INSIDE, "args", "transforms")]
        for cell in getattr(one, "__closure__", None) or ():
            try:
                left.append((cell.cell_contents, level + 1))
            except ValueError:
                continue
    return found


def described(function: Any) -> str:
    """A function's name, and where it is."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{name} at {code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno}" if code is not None else name


class Customs:
    """What is known of the functions with a rule of their own."""

    def __init__(self, definitions: Mapping[Any, Any], declared: Mapping[Any, str]) -> None:
        self.definitions, self.declared = definitions, declared
        self.used: set[int] = set()
        self.calls = 0
        # What was found out of each equation: its name, its functions, its plan, its compiled rule.
        self.known: dict[tuple[Any, ...], Any] = {}
        # The results of each opaque call, its inputs by number, and what its rule handed to each of these.
        self.handed: list[tuple[list[int], list[int], dict[int, Array]]] = []

    def rules(self, unit: Unit) -> list[Any]:
        """All functions behind the rule of an equation."""
        key = (id(unit.eqn), "rules")
        if key not in self.known:
            names = ("jvp_jaxpr_fun", "jvp_jaxpr_thunk", "bwd", "fwd_jaxpr_thunk")
            rules = [unit.eqn.params[k] for k in names if k in unit.eqn.params]
            self.known[key] = [f for rule in rules for f in behind(rule, 7)]
        found: list[Any] = self.known[key]
        return found

    def given(self, unit: Unit, by: Mapping[Any, Any]) -> Any:
        """What was given for the function of an equation."""
        own = {id(f) for f in self.rules(unit)}
        for key, value in by.items():
            each = [getattr(f, name, None) for f in (key, *behind(key, 2)) for name in ("jvp", "bwd")]
            if any(rule is not None and id(rule) in own for rule in each):
                self.used.add(id(key))
                return value
        return None

    def name(self, unit: Unit) -> str:
        """The name of the function, and the line of its rule."""
        key = (id(unit.eqn), "name")
        if key not in self.known:
            self.known[key] = self._name(unit)
        return str(self.known[key])

    def _name(self, unit: Unit) -> str:
        about = str(getattr(unit.eqn.params["call_jaxpr"].jaxpr.debug_info, "func_src_info", "") or "")
        name, _, place = about.partition(" at ")
        codes = [(f, getattr(f, "__code__", None)) for f in self.rules(unit)]
        own = [f for f, code in codes if code is not None and source_info_util.is_user_filename(code.co_filename)]
        if not own:
            return f"jax {name}"
        rule, outer = own[0], own[0].__qualname__.rpartition(".")[0]
        if not source_info_util.is_user_filename(place.rpartition(":")[0]):
            return f"{rule.__module__}.{described(rule)}"
        place = described(rule).rpartition(" at ")[2]
        return f"{rule.__module__}.{outer + '.' if outer else ''}{name} (its rule: {place})"
