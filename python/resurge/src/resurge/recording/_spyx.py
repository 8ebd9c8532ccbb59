"""Spyx: networks of flax.nnx modules in JAX."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from resurge.recording._errors import Obstacles, Unsupported, class_name, require
from resurge.recording._file import FORMAT_VERSION, Array, Recording, compact, write
from resurge.recording._loss import Loss, LossFunction, called, check_classes, check_shape, reduce
from resurge.recording._spyx_beside import check_beside, check_owners
from resurge.recording._spyx_layers import Layer, layer_of, passes_through
from resurge.recording._spyx_order import channels_first, columns, feature_orders, own_numbers, settled


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
    return write(path, recorded(net, x, y, loss, steps, record_potentials, record_currents))


def recorded(
    net: Any,
    x: Any,
    y: Any,
    loss: Loss | LossFunction,
    steps: int | None = None,
    record_potentials: bool = True,
    record_currents: bool = False,
) -> Recording:
    """What `record_spyx` writes.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    from importlib.metadata import version

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
    modules, layers = described(modules)
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
    if not isinstance(loss, Loss):
        check_loss(loss, output, y, modules)
    recording = Recording(
        {
            "version": FORMAT_VERSION,
            "framework": {"name": "spyx", "version": version("spyx")},
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
    return recording


def described(modules: list[Any]) -> tuple[list[Any], list[Layer]]:
    """The modules that do something, and the layers that they are.

    Raises Unsupported for all that cannot be expressed, at once.
    """
    obstacles, kept, layers = Obstacles(), list[Any](), list[Layer]()
    seen: dict[int, str] = {}
    for k, module in enumerate(modules):
        with obstacles.at(f"layer {k}"):
            if passes_through(module):
                continue
            layer = layer_of(module, k == len(modules) - 1)
            for name in [*(attribute for attribute, _ in layer.weights.values()), *layer.learned]:
                other = seen.setdefault(id(getattr(module, name)), f"that of layer {k}")
                why = f"is {other}, too, and the file has a gradient for each; give it its own"
                require(other == f"that of layer {k}", module, name, why)
            kept.append(module)
            layers.append(layer)
    obstacles.check()
    if not layers:
        raise Unsupported("the network", "has no layer; give it one at least")
    return kept, layers


def check_loss(loss: LossFunction, output: Any, y: Any, modules: list[Any]) -> None:
    """Refuses a loss that depends on the weights otherwise than by the output: they are changed, and it must not be.

    JAX has no graph of a loss that reads the weights from the modules; its gradient would lack that term.
    """
    import jax
    from flax import nnx

    def value() -> Array:
        return np.asarray(called(loss, output, y, f"the output of the last layer, of shape {output.shape}"))

    before = value()
    if not np.array_equal(before, value(), equal_nan=True):
        return  # one that draws numbers
    found = []
    for k, module in enumerate(modules):
        kept = jax.tree.map(lambda values: values, nnx.state(module))
        nnx.update(module, jax.tree.map(lambda values: 1.25 * values + 0.125, kept))
        try:
            if not np.array_equal(before, value(), equal_nan=True):
                found.append(f"layer {k} ({class_name(module)})")
        finally:
            nnx.update(module, kept)
    if found:
        raise Unsupported(
            "the loss",
            f"depends on {', '.join(found)} otherwise than by the output: it has a term on the weights, or on what "
            "hidden layers do, which the file has no place for; record without this term",
        )


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
    check_classes(target, z.shape)
    classes = jnp.broadcast_to(target, z.shape[:-1])
    picked = jnp.take_along_axis(jax.nn.log_softmax(z), classes[..., None], axis=-1)
    return reduce(-picked, loss, output.shape[1])
