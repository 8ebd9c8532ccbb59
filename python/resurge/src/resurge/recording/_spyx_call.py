"""A Spyx network in a module whose `__call__` is the user's: what it gives to `spyx.nn.run`, and makes of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from resurge.recording._errors import Unsupported, class_name
from resurge.recording._file import Recording
from resurge.recording._loss import Loss, LossFunction, called
from resurge.recording._spyx import recorded
from resurge.recording._spyx_beside import apart

# The gradients of the network's own call agree with those of the layers to this.
AGREE = {8: 1e-8, 4: 1e-3}


@dataclass
class Run:
    """A call of `spyx.nn.run`: the network by its attribute, its input [T, B, ...], whether that came with B first."""

    name: str
    network: Any
    x: Any
    batch_major: bool


def recorded_call(net: Any, x: Any, y: Any, loss: Loss | LossFunction, steps: int | None) -> Recording:
    """Records the Sequential that a module's own `__call__` runs; what that does after it is part of the loss.

    Raises Unsupported for one that calls `spyx.nn.run` otherwise than once, on a Sequential that is an attribute.
    """
    import jax.numpy as jnp
    from flax import nnx

    if not isinstance(net, nnx.Module) or isinstance(net, nnx.Sequential | list | tuple):
        return recorded(net, x, y, loss, steps)
    if isinstance(loss, Loss) or steps is not None:
        why = "is not a Sequential: give the loss as a function of what it returns, and x as it takes it"
        raise Unsupported(class_name(net), why)
    run = run_of(net, jnp.asarray(x))

    def of_output(output: Any, y: Any) -> Any:
        """The loss of what the module makes of the output of its network."""
        given = jnp.swapaxes(output, 0, 1) if run.batch_major else output
        with replaced(lambda *_, **__: (given, None)):
            returned = net(x)
        return called(loss, returned, y, "what the module returns")

    found = recorded(run.network, run.x, y, of_output)
    found.description["notes"].append(f"{class_name(net)} calls spyx.nn.run on `{run.name}`: that is what is audited")
    check_whole(net, x, y, loss, run, of_output)
    return found


def run_of(net: Any, x: Any) -> Run:
    """The one call of `spyx.nn.run` in a module's own call."""
    from flax import nnx
    from spyx import nn

    original, seen = nn.run, list[Run]()
    why = "is not a Sequential, and its __call__ "

    def noting(model: Any, given: Any, state: Any = None, *, batch_major: bool = False) -> Any:
        names = [name for name, value in vars(net).items() if value is model]
        if not names or not isinstance(model, nnx.Sequential):
            raise Unsupported(class_name(net), why + "gives spyx.nn.run what is no Sequential and attribute of it")
        if state is not None:
            raise Unsupported(class_name(net), why + "gives spyx.nn.run a state, which is not in the format")
        seen.append(Run(names[0], model, given.swapaxes(0, 1) if batch_major else given, batch_major))
        return original(model, given, state, batch_major=batch_major)

    try:
        with replaced(noting):
            net(x)
    except Unsupported:
        raise
    except Exception as error:  # a network may raise whatever it likes
        raise Unsupported(class_name(net), f"cannot be called on x of shape {x.shape}: {error}") from error
    if len(seen) != 1:
        remedy = "call it once, as `spyx.nn.run`, or pass an nnx.Sequential of its layers, if that is all that it does"
        raise Unsupported(class_name(net), f"{why}calls spyx.nn.run {len(seen)} times; {remedy}")
    return seen[0]


@contextmanager
def replaced(run: Callable[..., Any]) -> Iterator[None]:
    """Puts a function in the place of `spyx.nn.run`."""
    from spyx import nn

    original = nn.run
    nn.run = run
    try:
        yield
    finally:
        nn.run = original


def check_whole(net: Any, x: Any, y: Any, loss: Any, run: Run, of_output: Callable[[Any, Any], Any]) -> None:
    """Refuses a module whose own call gives its parameters other gradients than its network's output does."""
    import jax
    from flax import nnx
    from spyx import nn

    own = nnx.grad(lambda module: loss(module(x), y))(net)
    theirs = nnx.grad(lambda network: of_output(nn.run(network, run.x)[0], y))(run.network)
    inner = jax.tree.leaves(own[run.name])
    size = sum(leaf.size for leaf in jax.tree.leaves(own)) - sum(leaf.size for leaf in inner)
    if size:
        raise Unsupported(class_name(net), f"has {size} parameters outside of `{run.name}`, which the file would lose")
    pairs = zip(inner, jax.tree.leaves(theirs), strict=True)
    if any(apart(a, b) > AGREE[a.dtype.itemsize] for a, b in pairs):
        why = f"its own call gives the parameters of `{run.name}` other gradients than the output of that does"
        raise Unsupported(class_name(net), why)
