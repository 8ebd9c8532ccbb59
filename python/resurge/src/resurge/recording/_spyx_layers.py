"""The layers of the format that Spyx's modules are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._file import Array
from resurge.recording._surrogate import Description, identify


@dataclass
class Layer:
    """One layer of the file.

    `weights` has, by name in the file, the attribute of the module and what turns its values into the file's.
    """

    description: Description
    weights: dict[str, tuple[str, Callable[[Array], Array]]] = field(default_factory=dict)
    learned: tuple[str, ...] = ()
    width: int = 0


def passes_through(module: Any) -> bool:
    """Whether a layer does nothing: a Dropout outside of training.

    Raises Unsupported for one in training.
    """
    from flax import nnx

    if type(module) is not nnx.Dropout:
        return False
    why = "is False, and a random mask is not in the format; call net.eval()"
    require(bool(module.deterministic) or module.rate == 0, module, "deterministic", why)
    return True


def layer_of(module: Any, last: bool) -> Layer:
    """The layer that a module is.

    Raises Unsupported for one that is none.
    """
    from flax import nnx
    from spyx import nn

    named = {"class": class_name(module)}
    cls = type(module)
    if cls is nnx.Linear:
        weights = {"weight": ("kernel", np.transpose)} | bias(module)
        return Layer({"kind": "linear", "bias": "bias" in weights} | named, weights)
    if cls is nnx.Conv:
        return convolution(module, named)
    if cls is nn.SumPool:
        require(
            module.padding == "VALID",
            module,
            "padding",
            f"{module.padding!r} is not in the format, 'VALID' is",
        )
        require(module.channel_axis == -1, module, "channel_axis", "is not -1")
        both = {"kernel": pair(module, "window_shape"), "stride": pair(module, "strides")}
        return Layer({"kind": "sum-pool2d"} | both | named)
    if cls is nn.Flatten:
        return Layer({"kind": "flatten"} | named)
    if cls is nn.LI:
        require(last, module, "place", "an integrator is only in the format as the last layer")
        description = {
            "kind": "integrator",
            "decay": decay(module, "beta"),
            "learned": {"beta": {"decay": 1.0}},
        }
        return Layer(description | named, learned=("beta",))
    neurons = (nn.IF, nn.LIF, nn.CuBaLIF, nn.ALIF)
    if cls in neurons:
        return neuron(module, named)
    names = ", ".join(c.__name__ for c in (nnx.Linear, nnx.Conv, nn.SumPool, nn.Flatten, nn.LI, *neurons))
    raise Unsupported(class_name(module), f"is none of {names}")


def bias(module: Any) -> dict[str, tuple[str, Callable[[Array], Array]]]:
    """The bias, if there is one."""
    return {} if module.bias is None else {"bias": ("bias", np.asarray)}


def convolution(module: Any, named: dict[str, Any]) -> Layer:
    """The layer that an `nnx.Conv` is."""
    ones = (None, 1, (1, 1))
    require(len(module.kernel_size) == 2, module, "kernel_size", "is not that of an image")
    for attribute in ("kernel_dilation", "input_dilation"):
        require(getattr(module, attribute) in ones, module, attribute, "is not in the format")
    require(getattr(module, "mask", None) is None, module, "mask", "is not in the format")
    strides = module.strides
    stride = [strides, strides] if isinstance(strides, int) else list(strides or (1, 1))
    given = module.padding
    if given == "VALID":
        padding = [0, 0]
    elif given == "SAME" and stride == [1, 1] and all(size % 2 for size in module.kernel_size):
        padding = [size // 2 for size in module.kernel_size]
    elif isinstance(given, int):
        padding = [given, given]
    elif not isinstance(given, str) and all(isinstance(p, int) or p[0] == p[1] for p in given) and len(given) == 2:
        padding = [p if isinstance(p, int) else p[0] for p in given]
    else:
        raise Unsupported(f"{class_name(module)}.padding", f"{given!r} is not the same on both sides")
    weights = {"weight": ("kernel", lambda kernel: np.transpose(kernel, (3, 2, 0, 1)))} | bias(module)
    description = {
        "kind": "conv2d",
        "bias": "bias" in weights,
        "stride": stride,
        "padding": padding,
        "groups": module.feature_group_count,
    }
    return Layer(description | named, weights)


def pair(module: Any, attribute: str) -> list[int]:
    """`[h, w]` from a number or a pair."""
    value = getattr(module, attribute)
    if isinstance(value, int):
        return [value, value]
    require(len(value) == 2, module, attribute, "has not two numbers")
    return [int(v) for v in value]


def decay(module: Any, attribute: str) -> Any:
    """A decay, which Spyx clips to 0..=1: a number, or an array with one for each neuron.

    Raises Unsupported where it is clipped and so has no gradient.
    """
    value = np.asarray(getattr(module, attribute)[...])
    clipped = value[(value < 0) | (value > 1)]
    why = f"{clipped[:1]} is clipped, so that it has no gradient; put it between 0 and 1"
    require(clipped.size == 0, module, attribute, why)
    return float(value.reshape(())) if value.size == 1 else value.astype(np.float64)


def neuron(module: Any, named: dict[str, Any]) -> Layer:
    """The layer that a neuron is. Each hands on the spike of the potential that the step before left."""
    from spyx import nn

    what = f"{class_name(module)}.spike"
    description: dict[str, Any] = {
        "kind": "neuron",
        "decay": 1.0,
        "threshold": float(module.threshold),
        "firing": "above",
        "reset": {"kind": "subtract", "timing": "after-decay"},
        "reset_gradient": "full",
        "output_delay": True,
        "surrogate": surrogate(what, module.spike),
        "learned": {},
    }
    constants = {"beta": "decay"}
    if isinstance(module, nn.IF):
        constants = {}
    elif isinstance(module, nn.CuBaLIF):
        constants["alpha"] = "synapse_decay"
        description["reset"] = {"kind": "subtract", "timing": "before-decay"}
        description["synapse"] = {"decay": decay(module, "alpha"), "gain": 1.0}
    elif isinstance(module, nn.ALIF):
        constants["gamma"] = "adaptation_decay"
        description["adaptation"] = {"decay": decay(module, "gamma"), "scale": 1.0}
    if constants:
        description["decay"] = decay(module, "beta")
    description["learned"] = {name: {constant: 1.0} for name, constant in constants.items()}
    return Layer(description | named, learned=tuple(constants))


def surrogate(what: str, function: Callable[[Any], Any]) -> Description:
    """The surrogate, and a check that the function is a step above the threshold."""
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        at = jnp.asarray([-1.0, -1e-12, 0.0, 1e-12, 1.0], jnp.float64)
        spikes = np.asarray(function(at)).tolist()
        if spikes != [0.0, 0.0, 0.0, 1.0, 1.0]:
            raise Unsupported(what, f"its spikes around the threshold are {spikes}, not a step above it")

        def derivative(x: Array) -> Array:
            given = jnp.asarray(x, jnp.float64)
            return np.asarray(jax.grad(lambda at: jnp.sum(function(at)))(given), np.float64)

        return identify(what, derivative)
