"""What was recorded of a Spyx network, held against `spyx.nn.run`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np

from resurge.recording._errors import Unsupported, class_name


def check_owners(net: Any, modules: list[Any]) -> None:
    """Refuses layers that were taken out of a module with a `__call__` of its own: what that does between is lost."""
    from flax import nnx

    mine = {id(module) for module in modules}
    for owner in (found for found in gc.get_objects() if issubclass(type(found), nnx.Module)):
        if owner is net or isinstance(owner, nnx.Sequential | nnx.List | nnx.Dict) or id(owner) in mine:
            continue
        held = list(getattr(owner, "__dict__", {}).values())
        lists = [inner for value in held if isinstance(value, nnx.List | list | tuple) for inner in value]
        if any(value is net for value in held) or not any(id(value) in mine for value in [*held, *lists]):
            continue
        raise Unsupported(
            "the layers",
            f"are those of a {class_name(owner)}, whose __call__ may do more than call them; pass copies (nnx.clone) "
            "of them in a Sequential, if that is all it does",
        )


def check_beside(net: Any, x: Any, output: Any, evaluate: Callable[[Any], Any], gradients: dict[str, Any]) -> None:
    """Holds the recorded run against `spyx.nn.run`, where the network is one that it takes."""
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from spyx import nn

    if not isinstance(net, nnx.Sequential) or not hasattr(net, "initial_state"):
        return
    # The rest is the keys of what draws numbers, which nothing here does.
    graph, state, rest = nnx.split(net, nnx.Param, ...)

    def own(given: dict[str, Any]) -> Any:
        return nn.run(nnx.merge(graph, given["state"], rest), given["x"])[0]

    given = {"state": state, "x": x}
    tolerance = {8: 1e-8, 4: 1e-3}[x.dtype.itemsize]
    if not apart(own(given), output) <= tolerance:
        raise Unsupported(class_name(net), "gives another output in spyx.nn.run than its layers one by one")
    theirs = jax.grad(lambda given: evaluate(own(given)))(given)
    ours = jax.tree.leaves([gradients["states"], gradients["input"]])
    mine = jax.tree.leaves([theirs["state"], theirs["x"]])
    largest = max((float(jnp.max(jnp.abs(leaf))) for leaf in ours if leaf.size), default=0.0)
    # What is far below the largest is rounding.
    wrong = [k for k, (a, b) in enumerate(zip(ours, mine, strict=True)) if apart(a, b, 1e-6 * largest) > tolerance]
    if wrong:
        raise Unsupported(class_name(net), "gets other gradients in spyx.nn.run than its layers one by one")


def apart(a: Any, b: Any, floor: float = 0.0) -> float:
    """The largest difference in units of the largest number."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        return float("inf")
    largest = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)), floor, 1e-300)
    return float(np.abs(a - b).max(initial=0)) / largest
