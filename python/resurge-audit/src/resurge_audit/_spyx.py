"""Spyx: networks of flax.nnx modules in JAX."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resurge_audit._errors import Obstacles, Unsupported, class_name, require
from resurge_audit._file import FORMAT_VERSION, Array, Recording, compact, write
from resurge_audit._loss import Loss, LossFunction, check_shape, reduce
from resurge_audit._spyx_beside import check_beside, check_owners
from resurge_audit._surrogate import Description, identify


@dataclass
class Layer:
    """One layer of the file.

    `weights` has, by name in the file, the attribute of the module and what turns its values into the file's.
    """

    description: Description
    weights: dict[str, tuple[str, Callable[[Array], Array]]] = field(default_factory=dict)
    learned: tuple[str, ...] = ()
    width: int = 0


def record_spyx(
    net: Any,
    x: Any,
    y: Any,
    loss: Loss | LossFunction,
    path: str | os.PathLike[str],
    *,
    steps: int | None = None,
    record_potentials: bool = True,
    record_currents: bool = False,
) -> Path:
    """Runs a Sequential of `nnx.Linear`, `nnx.Conv`, `SumPool`, `Flatten`, `IF`, `LIF`, `CuBaLIF`, `ALIF`, `LI`.

    `x` is time-major as `spyx.nn.run` wants it: `[T, B, N]`, or `[T, B, H, W, C]`, whose axes are in the order of
    the file there. `loss` is a `Loss`, or any function of the output `[T, B, N]` and `y`, which is recorded by its
    gradient at the output. f64 is that of JAX: set `jax_enable_x64`.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    import jax
    import jax.numpy as jnp
    from flax import nnx

    if not isinstance(net, nnx.Sequential | list | tuple):
        why = "is not a Sequential, and its __call__ cannot be followed; pass an nnx.Sequential of its layers, if "
        raise Unsupported(class_name(net), why + "that is all that its __call__ does")
    modules = list(net.layers) if isinstance(net, nnx.Sequential) else list(net)
    x = jnp.asarray(x)
    x = jnp.broadcast_to(x, (steps, *x.shape)) if steps is not None else x
    if x.dtype not in (jnp.float32, jnp.float64):
        raise Unsupported("x.dtype", f"{x.dtype} is neither float32 nor float64")
    if not modules or x.ndim not in (3, 5) or 0 in x.shape:
        raise Unsupported("x.shape", f"{x.shape} is neither [T, B, N] nor [T, B, H, W, C] with something in it")
    obstacles, layers = Obstacles(), list[Layer]()
    for k, module in enumerate(modules):
        with obstacles.at(f"layer {k}"):
            layers.append(layer_of(module, k == len(modules) - 1))
    obstacles.check()
    check_owners(net, modules)
    graphs = [nnx.split(module) for module in modules]
    shapes = shapes_of(graphs, x)

    def network(leaves: dict[str, Any]) -> tuple[Any, tuple[list[Any], list[Any]]]:
        h, outputs, potentials = leaves["input"], [], []
        for k, (graph, _) in enumerate(graphs):
            if k in leaves["currents"]:
                # The gradient at this is the gradient at the current.
                h = h + leaves["currents"][k]
            h, u = run_layer(nnx.merge(graph, leaves["states"][k]), layers[k], h)
            outputs.append(h)
            potentials.append(u)
        return h, (outputs, potentials)

    leaves = {
        "input": x,
        "states": [state for _, state in graphs],
        "currents": {
            k: jnp.zeros(shapes[k], x.dtype)
            for k, layer in enumerate(layers)
            if record_currents and layer.description["kind"] == "neuron"
        },
    }
    output, (outputs, potentials) = network(leaves)
    recording = Recording(
        {
            "version": FORMAT_VERSION,
            "framework": {"name": "spyx", "version": importlib.metadata.version("spyx")},
            "layers": [],
            "ungraded": [],
            "notes": [],
        }
    )
    evaluate = loss_of(loss, output, y, recording)
    value, gradients = jax.value_and_grad(lambda given: evaluate(network(given)[0]))(leaves)
    check_beside(net, x, output, evaluate, gradients)
    tensors = recording.tensors
    tensors["loss"] = np.asarray(value).reshape(1)
    tensors["input"] = compact(channels_first(x))
    tensors["gradients.input"] = channels_first(gradients["input"])
    orders = feature_orders(modules, outputs)
    for k, (layer, (_, state)) in enumerate(zip(layers, graphs, strict=True)):
        for name, (attribute, convert) in layer.weights.items():
            given, found = (
                np.asarray(state[attribute][...]),
                np.asarray(gradients["states"][k][attribute][...]),
            )
            tensors[f"layers.{k}.{name}"] = columns(convert(given), name, orders[k])
            tensors[f"gradients.layers.{k}.{name}"] = columns(convert(found), name, orders[k])
        for name in layer.learned:
            found = np.asarray(gradients["states"][k][name][...])
            tensors[f"gradients.layers.{k}.{name}"] = (
                found.reshape(1) if found.size == 1 else own_numbers(found, orders[k])
            )
        layer.description = settled(layer.description, orders[k])
        if layer.description["kind"] == "neuron":
            tensors[f"spikes.{k}"] = compact(channels_first(outputs[k], orders[k]))
        if potentials[k] is not None and record_potentials:
            tensors[f"potentials.{k}"] = channels_first(potentials[k], orders[k])
        if k in gradients["currents"]:
            tensors[f"gradients.currents.{k}"] = channels_first(gradients["currents"][k], orders[k])
    recording.description["layers"] = [layer.description for layer in layers]
    if "loss.weight" in tensors:
        tensors["loss.weight"] = channels_first(tensors["loss.weight"], orders[-1])
    for name, values in tensors.items():
        if values.dtype.kind == "f" and values.dtype != x.dtype:
            raise Unsupported(name, f"is {values.dtype}, the input {x.dtype}")
    return write(path, recording)


def shapes_of(graphs: list[Any], x: Any) -> list[tuple[int, ...]]:
    """The shape of every layer's input; a layer is run on a single step for it."""
    from flax import nnx

    h, shapes = x[0], []
    for graph, state in graphs:
        shapes.append((x.shape[0], *h.shape))
        module = nnx.merge(graph, state)
        if hasattr(module, "initial_state"):
            h, _ = module(h, module.initial_state(h.shape[0]))
        else:
            h = module(h)
    return shapes


def run_layer(module: Any, layer: Layer, h: Any) -> tuple[Any, Any]:
    """Runs a layer on a sequence; the potentials of one that has any."""
    import jax
    import jax.numpy as jnp

    if layer.description["kind"] not in ("neuron", "integrator"):
        return jax.vmap(module)(h), None
    state = module.initial_state(h.shape[1])
    outputs, potentials = [], []
    for step in h:
        out, state = module(step, state)
        outputs.append(out)
        potentials.append(state[..., : out.shape[-1]])
    return jnp.stack(outputs), jnp.stack(potentials)


def loss_of(loss: Loss | LossFunction, output: Any, y: Any, recording: Recording) -> Callable[[Any], Any]:
    """The loss as a function of the output; its description goes into the recording."""
    import jax
    import jax.numpy as jnp

    if isinstance(loss, Loss) and loss.kind != "weighted-sum":
        named = loss
        recording.description["loss"] = named.description()
        target = np.asarray(y)
        is_classes = named.kind == "cross-entropy"
        recording.tensors["target"] = target.astype(np.int64 if is_classes else np.asarray(output).dtype)
        return lambda out: evaluate(named, out.reshape(*out.shape[:2], -1), jnp.asarray(y))
    if isinstance(loss, Loss):
        weight = jnp.asarray(y, output.dtype)
    else:
        weight = jax.grad(lambda out: loss(out, y))(output)
        recording.description["notes"].append(
            "the loss is a function of the user's, recorded by its gradient at the output"
        )
    check_shape(weight.shape, output.shape)
    recording.description["loss"] = {"kind": "weighted-sum"}
    recording.tensors["loss.weight"] = np.asarray(weight)
    return lambda out: jnp.sum(weight * out)


def evaluate(loss: Loss, output: Any, target: Any) -> Any:
    """The loss of an output `[T, B, N]`."""
    import jax
    import jax.numpy as jnp

    readouts: dict[str, Callable[[Any], Any]] = {
        "sum": lambda a: a.sum(0),
        "mean": lambda a: a.mean(0),
        "last": lambda a: a[-1],
        "max": lambda a: a.max(0),
        "all": lambda a: a,
    }
    z = readouts[loss.readout](output)
    if loss.kind == "mse":
        check_shape(target.shape, z.shape)
        return reduce((z - target) ** 2, loss, output.shape[1])
    classes = jnp.broadcast_to(target, z.shape[:-1])
    picked = jnp.take_along_axis(jax.nn.log_softmax(z), classes[..., None], axis=-1)
    return reduce(-picked, loss, output.shape[1])


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


def own_numbers(values: Array, order: Array | None) -> Array:
    """A number for each neuron in the order of the file: `[H, W, C]` as `[C, H, W]`, features as the file has them."""
    if values.ndim == 3:
        return np.ascontiguousarray(np.moveaxis(values, -1, 0)).reshape(-1)
    return values.reshape(-1)[order] if order is not None else values.reshape(-1)


def settled(description: Description, order: Array | None) -> Description:
    """The description with lists of numbers in the place of arrays."""

    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: of(inner) for key, inner in value.items()}
        return own_numbers(value, order).tolist() if isinstance(value, np.ndarray) else value

    return {key: of(value) for key, value in description.items()}


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


def feature_orders(modules: list[Any], outputs: list[Any]) -> list[Array | None]:
    """For each layer, which of the file's features each feature of its input is.

    Flattened images are in the order [H, W, C] here and in [C, H, W] in the file, up to the next linear layer.
    """
    from flax import nnx
    from spyx import nn

    order: Array | None = None
    orders: list[Array | None] = []
    for k, module in enumerate(modules):
        if type(module) is nn.Flatten and k > 0 and outputs[k - 1].ndim == 5:
            height, width, channels = outputs[k - 1].shape[2:]
            places = np.arange(height * width * channels).reshape(height, width, channels)
            order = places.transpose(2, 0, 1).reshape(-1)
        orders.append(order)
        if type(module) is nnx.Linear:
            order = None
    return orders


def columns(values: Array, name: str, order: Array | None) -> Array:
    """A weight with its columns in the order of the file."""
    return values[:, order] if name == "weight" and order is not None and values.ndim == 2 else values


def channels_first(values: Any, order: Array | None = None) -> Array:
    """`[T, B, H, W, C]` as `[T, B, C, H, W]`; flattened features in the order of the file."""
    array = np.asarray(values)
    if array.ndim == 5:
        return np.ascontiguousarray(np.moveaxis(array, -1, 2))
    return array[..., order] if order is not None else array
