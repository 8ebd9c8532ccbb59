"""Records what a function of JAX did as a program file (docs/program-format.md).

Its jaxpr is run equation by equation; loops are unrolled, and branches chosen as the run chose them. The gradient is
that of `jax.grad`, or the user's own; the cotangents between are those of JAX's rule of each equation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from . import _program_jax_moves  # noqa: F401  (the rules register themselves)
from ._program_file import Program, RecordError
from ._program_jax_custom import Recording
from ._program_jax_names import Customs, described
from ._program_jax_plan import Planner, is_float, words
from ._program_jax_run import Array, Cell, Runner

# How far the loss of one operation at a time may be from that of the compiled function, in roundings of its type.
_ROUNDINGS = 1e4
# A gradient may differ from another by so many roundings of its norm: those of its sums in another order.
_SUMMED = 64
# Else it may differ by so many times what moves it when the parameters move by one rounding, in so many runs.
_SPREAD, _RUNS = 32.0, 3


def _name(path: Any) -> str:
    """The path of a parameter in its tree, such as `layer1.kernel`."""
    parts = []
    for key in path:
        for attribute in ("key", "name", "idx"):
            if hasattr(key, attribute):
                parts.append(str(getattr(key, attribute)))
                break
    # A variable of Flax holds its array in `value`.
    if len(parts) > 1 and parts[-1] == "value":
        parts.pop()
    return ".".join(parts) or "parameter"


class _Parameters:
    """The arrays of a tree that have a gradient, by name, and the function of them alone."""

    def __init__(self, function: Callable[..., Any], params: Any, args: tuple[Any, ...]) -> None:
        tree = params
        whole: Callable[[Any], Any] = lambda p: p  # noqa: E731
        if any(t.__module__.startswith("flax.nnx") and t.__name__ == "Module" for t in type(params).__mro__):
            from flax import nnx

            graph, tree, rest = nnx.split(params, nnx.Param, ...)
            whole = lambda p: nnx.merge(graph, p, rest)  # noqa: E731
        leaves, self.structure = jax.tree_util.tree_flatten_with_path(tree)
        # As jax.grad takes them; in a module of Equinox, numbers of Python are settings.
        plain = not any(t.__module__.startswith("equinox") for t in type(params).__mro__)
        self.leaves = [jax.numpy.asarray(v) if plain and isinstance(v, float) else v for _, v in leaves]
        self.at = [i for i, leaf in enumerate(self.leaves) if hasattr(leaf, "dtype") and is_float(leaf.dtype)]
        self.names = [_name(leaves[i][0]) for i in self.at]
        if not self.at:
            raise RecordError(f"there is no array of floating point in {type(params).__name__}; give the parameters")
        for name, array in zip(self.names, self.arrays, strict=True):
            if array.dtype.name not in ("float32", "float64"):
                raise RecordError(f"the parameter {name} is {array.dtype.name}; convert it to float32")
            if not np.isfinite(np.asarray(array)).all():
                raise RecordError(f"the parameter {name} is not finite; give it finite numbers")

        def run(arrays: list[Any]) -> Any:
            filled = list(self.leaves)
            for i, array in zip(self.at, arrays, strict=True):
                filled[i] = array
            return function(whole(jax.tree_util.tree_unflatten(self.structure, filled)), *args)

        self.function = run

    @property
    def arrays(self) -> list[Any]:
        return [self.leaves[i] for i in self.at]

    def gradients(self, found: Any) -> list[Array]:
        """The gradients that were given, in the order of the parameters."""
        other = jax.tree_util.tree_structure(found) != self.structure
        if other and isinstance(found, tuple) and len(found) == 2 and hasattr(found[0], "dtype"):
            found = found[1]  # of value_and_grad
        named = {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(found)[0]}
        arrays = []
        for name, parameter in zip(self.names, self.arrays, strict=True):
            if name not in named:
                raise RecordError(f"the gradient has none of {name}; give a tree like that of the parameters")
            array = np.asarray(named[name])
            if array.shape != parameter.shape:
                raise RecordError(f"the gradient of {name} has the shape {array.shape}, not {parameter.shape}")
            arrays.append(array.astype(np.float64) if array.dtype.name not in ("float32", "float64") else array)
        return arrays


def record(
    function: Callable[..., Any],
    params: Any,
    args: tuple[Any, ...] = (),
    *,
    gradient: Any = None,
    definitions: Mapping[Any, Callable[..., Any]] | None = None,
    surrogates: Mapping[Any, str] | None = None,
) -> bytes:
    """Runs `function(params, *args)`, which returns a loss of one number; the bytes of a program file.

    `gradient` is a function of the same arguments, or a tree like `params`; without it, it is that of `jax.grad`.
    """
    random = np.random.get_state()
    try:
        inspect.signature(function).bind(params, *args)
    except TypeError as error:
        raise RecordError(
            f"in JAX the function is called with the parameters and what follows them: {error}"
        ) from error
    except ValueError:
        pass  # it does not say what it takes
    try:
        of = _Parameters(function, params, args)
        try:
            closed, shape = jax.make_jaxpr(of.function, return_shape=True)(of.arrays)
        except jax.errors.ConcretizationTypeError as error:
            text = str(error).split("\n")[0]
            raise RecordError(f"Python branches on a traced value; use jnp.where or lax.cond: {text}") from error
        if getattr(shape, "shape", None) != () or not is_float(shape.dtype):
            raise RecordError("the function must return a loss of one number; sum its losses, or take their mean")
        np.random.set_state(random)
        if gradient is None:
            value, found = jax.value_and_grad(of.function)(of.arrays)
            gradients, source = [np.asarray(g) for g in found], "jax.grad"
        else:
            value = None
            gradients = of.gradients(gradient(params, *args) if callable(gradient) else gradient)
            source = described(gradient) if callable(gradient) else "the gradient that was given"
        return _recorded(of, closed, gradients, source, value, Customs(definitions or {}, surrogates or {}))
    finally:
        np.random.set_state(random)


def _recorded(of: _Parameters, closed: Any, gradients: list[Array], source: str, value: Any, customs: Customs) -> bytes:
    p = Program()
    cells = []
    for name, array in zip(of.names, of.arrays, strict=True):
        cells.append(Cell(array, p.add("leaf", [], array.shape, carries=True, name=name)))
        p.tensors[f"value.{cells[-1].node}"] = np.asarray(array)
    leaves = [c.node for c in cells if c.node is not None]
    plan = Planner().whole(closed, [True] * len(cells))
    runner = Runner(p)
    runner.lower = Recording(runner, customs).step
    runner.cells = dict(zip(leaves, cells, strict=True))
    loss = runner.run(plan, cells)[0]
    if loss.node is None or not p.carries[loss.node]:
        raise RecordError("the loss has no gradient; no parameter enters it, or a stop_gradient cuts it off")
    for given, what in ((customs.definitions, "definitions"), (customs.declared, "surrogates")):
        for key in given:
            if id(key) not in customs.used:
                raise RecordError(f"{what} names {described(key)}, which the function does not call")
    _notes(p, value, loss)
    runner.backward(loss)
    _cotangents(p, runner, customs, loss.node)
    node = loss.node
    for number, (cell, gradient) in enumerate(zip(cells, gradients, strict=True)):
        own = np.zeros_like(cell.array) if cell.cotangent is None else cell.cotangent
        if not np.isfinite(gradient).all():
            raise RecordError(f"the gradient of {of.names[number]} by {source} is not finite")
        if not _close(plan, cells, number, own, gradient):
            node = _apart(p, customs, leaves[number], own, gradient, source, node)
    p.prune(node, leaves)
    return p.bytes(("jax", jax.__version__), p.loss)


def _close(plan: Any, cells: list[Cell], number: int, own: Array, gradient: Array) -> bool:
    """Whether two gradients differ by rounding alone: one operation at a time, and compiled as a whole.

    How far rounding goes is measured, where it is more than that of a sum: by gradients at parameters that are some
    roundings apart.
    """
    off, epsilon = float(np.linalg.norm(own - gradient)), float(np.finfo(own.dtype).eps)
    if off <= _SUMMED * epsilon * float(np.linalg.norm(own)):
        return True
    spread = 0.0
    for seed in range(_RUNS):
        generator, moved = np.random.default_rng(seed), []
        for cell in cells:
            signs = generator.integers(-1, 2, cell.array.shape).astype(cell.array.dtype)
            moved.append(Cell(jax.numpy.asarray(cell.array * (1 + epsilon * signs)), 0))
        runner = Runner(Program())
        runner.dry = True
        runner.p.carries.append(True)
        runner.backward(runner.run(plan, moved)[0])
        found = moved[number].cotangent
        spread = max(spread, 0.0 if found is None else float(np.linalg.norm(found - own)))
    return off <= _SPREAD * spread


def _apart(p: Program, customs: Customs, leaf: int, own: Array, gradient: Array, source: str, loss: int) -> int:
    """Puts between a parameter and all that takes it what gave it another gradient than the operations do.

    So no operation is blamed for it.
    """
    p.site = None
    copy = p.each("scale", leaf, factor=1.0)
    attributes: dict[str, Any] = {"function": source, "call": customs.calls, "definition": copy, "certain": True}
    given = p.add("opaque", [leaf], p.shapes[leaf], **attributes)
    p.value(given, p.tensors[f"value.{leaf}"])
    p.tensors[f"vjp.{given}.0"] = p.tensors[f"cotangent.{leaf}"] = gradient
    customs.calls += 1
    taken = p.each("scale", given, factor=1.0)
    p.tensors[f"cotangent.{taken}"] = own
    for entry in p.nodes[:copy]:
        if leaf in entry.get("in", []):
            entry["in"] = [taken if i == leaf else i for i in entry["in"]]
        if entry.get("with", {}).get("definition") == leaf:
            entry["with"]["definition"] = taken
    return taken if loss == leaf else loss


def _notes(p: Program, value: Any, loss: Cell) -> None:
    if not jax.config.jax_enable_x64:
        p.notes.append('computed in float32, since jax_enable_x64 is off; jax.config.update("jax_enable_x64", True)')
    if jax.default_backend() != "cpu":
        p.notes.append(f"computed on {jax.default_backend()}, and copied from there")
    if value is None:
        return
    off, size = abs(float(value) - float(loss.array)), max(abs(float(value)), 1e-3)
    if not off <= _ROUNDINGS * float(np.finfo(loss.array.dtype).eps) * size:
        p.notes.append(
            f"compiled as a whole, the loss is {float(value)}, and one operation at a time {float(loss.array)}: "
            "a spike at its threshold is rounded to the other side, or the function gives another value each time"
        )


def _cotangents(p: Program, runner: Runner, customs: Customs, loss: int) -> None:
    needed, left = set(), [loss]
    while left:
        n = left.pop()
        if n not in needed:
            needed.add(n)
            left += p.nodes[n].get("in", [])
    for node in sorted(runner.cells, reverse=True):
        cell = runner.cells[node]
        if not p.carries[node] or cell.cotangent is None or cell.cotangent.shape != p.shapes[node]:
            continue
        if not np.isfinite(cell.cotangent).all():
            site = next((f for f, n in p.sites.items() if n == p.nodes[node].get("at")), ())
            raise RecordError(f"the gradient is not finite at `{p.nodes[node]['op']}`, {words(site)}")
        p.tensors[f"cotangent.{node}"] = cell.cotangent
    for nodes, inputs, handed in customs.handed:
        first = next((n for n in nodes if n in needed and p.nodes[n]["op"] == "opaque"), None)
        for place, j in enumerate(inputs):
            if first is not None and j in handed:
                p.tensors[f"vjp.{first}.{place}"] = handed[j]
