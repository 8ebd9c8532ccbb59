"""From a network to a recording, for the frameworks that are built on torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resurge.recording._as_it_ran import as_it_ran
from resurge.recording._beside import (
    Recorded,
    check_gradients,
    check_outputs,
    missing,
    own_loss,
    own_output,
    parameters,
)
from resurge.recording._constants import settle, settled_gradient
from resurge.recording._errors import Obstacles, Unsupported
from resurge.recording._file import FORMAT_VERSION, Array, Recording, compact, write
from resurge.recording._keep import Generators, kept
from resurge.recording._layers import Called, Ran, Step, flatten
from resurge.recording._loss import Loss, LossFunction, cotangent, evaluate_torch
from resurge.recording._probe import doubles
from resurge.recording._walk import (
    Followed,
    Habits,
    Place,
    chain,
    check_hooks,
    check_owners,
    follow,
    has_own_forward,
    places,
)

Output = Literal["spikes", "potential"]
STATEFUL = ("neuron", "integrator")
USERS = "the loss is a function of the user's, recorded by its gradient at the output"


@dataclass(frozen=True)
class Options:
    """What goes into the file besides the description, the parameters and their gradients."""

    steps: int | None
    output: Output
    record_potentials: bool
    record_currents: bool


@dataclass(frozen=True)
class Framework:
    """A framework: its name, the layers that a module of it is, its habits, and which of its modules have a state."""

    name: str
    layers: Callable[[Any, Called], list[Step]]
    habits: Habits
    is_stateful: Callable[[Any], bool]


def numpy_of(tensor: Any) -> Array:
    """A tensor's values."""
    return np.array(tensor.detach().cpu().numpy())


def record(
    framework: Framework,
    net: Any,
    x: Any,
    y: Any,
    loss: Loss | LossFunction,
    path: str | os.PathLike[str],
    options: Options,
) -> Path:
    """As `recorded`, and writes the file."""
    return write(path, recorded(framework, net, x, y, loss, options))


def recorded(framework: Framework, net: Any, x: Any, y: Any, loss: Loss | LossFunction, options: Options) -> Recording:
    """Runs a network on `x`, differentiates the loss, and holds both against its own forward."""
    import torch

    modules = list(net) if isinstance(net, list | tuple) else [net]
    source = x
    if options.steps is not None:
        x = x.unsqueeze(0).expand(options.steps, *x.shape)
    if x.dtype not in (torch.float32, torch.float64):
        raise Unsupported("x.dtype", f"{x.dtype} is neither float32 nor float64; convert it")
    if x.ndim not in (3, 5) or 0 in x.shape:
        raise Unsupported("x.shape", f"{tuple(x.shape)} is neither [T, B, N] nor [T, B, C, H, W] with something in it")
    x = x.detach().clone().requires_grad_(True)
    with kept(modules), doubles(x.dtype == torch.float64), torch.enable_grad():
        check_hooks(modules)
        layers = places(modules if isinstance(net, list | tuple) else net)
        check_owners(net, layers, torch.nn.Module)
        followed, layers = beside(framework, net, layers, source, options.steps)
        steps = described(framework, followed, layers)
        if not steps:
            raise Unsupported("the network", "has no layer; give it one at least")
        check_steps(steps, x, options)
        walk = Walk(framework, steps, x, options)
        return walk.recording(loss, y, net, modules, followed)


def beside(
    framework: Framework, net: Any, layers: list[Place], source: Any, steps: int | None
) -> tuple[Followed | None, list[Place]]:
    """A run of the network's own forward where it can be run, and the layers in its order.

    Raises Unsupported where only the forward knows the order, and it cannot be run or is no chain.
    """
    own = has_own_forward(net)
    if isinstance(net, list | tuple):
        if own:
            raise Unsupported(
                "a list", "has a module with a forward of its own in it; pass a module whose forward calls all"
            )
        return None, layers
    if own:
        check_types([net], source)
    try:
        followed = follow(net, source.detach().clone().requires_grad_(True), steps, framework.habits)
    except Unsupported:
        if own:
            raise
        # A Sequential of neurons that return their state cannot be called as a whole.
        return None, layers
    return followed, chain(followed, net) if own else layers


def described(framework: Framework, followed: Followed | None, layers: list[Place]) -> list[Step]:
    """The layers of the file.

    Raises Unsupported for all that cannot be expressed, at once.
    """
    obstacles, steps = Obstacles(), []
    for k, place in enumerate(layers):
        with obstacles.at(f"layer {k} (`{place.name}`)"):
            sequence = followed.calls.get(id(place.module)) if followed else None
            called: Called = sequence.called if sequence and followed and followed.steps > 1 else "whole"
            made = [flatten("forward")] if place.module is None else None
            if made is None and followed is not None:
                made = as_it_ran(place.module, followed)
            if made is None:
                made = framework.layers(place.module, called)
            for step in made:
                step.place = place.name
                steps.append((place, step))
    obstacles.check()
    return [step for _, step in steps]


def check_types(modules: list[Any], x: Any) -> None:
    """Refuses weights of another type than the input's; time constants may have their own."""
    obstacles = Obstacles()
    for name, value in parameters(modules):
        if value.ndim > 1 and value.is_floating_point() and value.dtype != x.dtype:
            remedy = "convert the network (net.double(), net.float()) or the input"
            obstacles.add(f"`{name}`", f"is {value.dtype}, the input {x.dtype}; {remedy}")
    obstacles.check()


def check_steps(steps: list[Step], x: Any, options: Options) -> None:
    """Refuses parameters of another type, potentials but at the end, and parameters of two layers."""
    obstacles = Obstacles()
    for k, step in enumerate(steps):
        for name, value in step.parameters.items():
            if value.dtype != x.dtype:
                remedy = "convert the network (net.double(), net.float()) or the input"
                obstacles.add(f"layers.{k}.{name}", f"is {value.dtype}, the input {x.dtype}; {remedy}")
    for k, step in enumerate(steps[:-1]):
        if step.description["kind"] == "integrator":
            what = f"layer {k} (`{step.place}`): {step.description.get('class', 'an integrator')}"
            obstacles.add(what, "is only in the format as the last layer")
    if options.output == "potential" and steps[-1].description["kind"] not in STATEFUL:
        obstacles.add("output='potential'", "the last layer is no neuron")
    seen: dict[int, str] = {}
    for k, step in enumerate(steps):
        for name, value in (step.parameters | step.learned).items():
            here = f"layers.{k}.{name}"
            if value.requires_grad and id(value) in seen:
                why = (
                    f"is the same parameter as {seen[id(value)]}, and the file has a gradient for each; give it its own"
                )
                obstacles.add(here, why)
            seen[id(value)] = here
    obstacles.check()


def run_step(k: int, step: Step, h: Any) -> Ran:
    """Runs a layer.

    Raises Unsupported where it cannot be run on what it is given.
    """
    try:
        return step.run(h)
    except Unsupported as refusal:
        obstacles = [(f"layer {k} (`{step.place}`): {what}", why) for what, why in refusal.obstacles]
        raise Unsupported(*obstacles[0], *obstacles[1:]) from refusal
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        what = f"layer {k} (`{step.place}`)"
        raise Unsupported(what, f"cannot be run on [T, B, ...] of shape {tuple(h.shape)}: {error}") from error


class Walk:
    """A run of the layers one by one, over all steps each."""

    def __init__(self, framework: Framework, steps: list[Step], x: Any, options: Options) -> None:
        from importlib.metadata import version

        self.steps, self.x, self.options = steps, x, options
        self.description: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "framework": {"name": framework.name, "version": version(framework.name)},
        }
        self.tensors: dict[str, Array] = {"input": compact(numpy_of(x))}
        self.leaves: dict[str, Any] = {"input": x}
        self.outputs: list[Any] = []
        self.features: list[tuple[int, ...]] = []
        self.followed: Followed | None = None
        self.potentials: Any | None = None
        self.output = self._run()

    def _run(self) -> Any:
        """Runs every layer, notes what it did and by what to differentiate, and returns the network's output."""
        obstacles, h, ran = Obstacles(), self.x, None
        for k, step in enumerate(self.steps):
            kind = step.description["kind"]
            if kind == "neuron" and self.options.record_currents:
                # A node of its own: the input of the network may go straight into a neuron.
                h = h.clone()
                self.leaves[f"currents.{k}"] = h
            ran = run_step(k, step, h)
            h = ran.output
            self.outputs.append(h)
            self.potentials = ran.potentials
            self.features.append(tuple(h.shape[2:]))
            with obstacles.at(f"layer {k} (`{step.place}`)"):
                step.description = settle(step.description, self.features[-1], str(step.description.get("class", kind)))
            if kind == "neuron":
                self.tensors[f"spikes.{k}"] = compact(numpy_of(h))
            if kind in STATEFUL and ran.potentials is not None and self.options.record_potentials:
                self.tensors[f"potentials.{k}"] = numpy_of(ran.potentials)
            for name, value in step.parameters.items():
                self.tensors[f"layers.{k}.{name}"] = numpy_of(value)
                if value.requires_grad:
                    self.leaves[f"layers.{k}.{name}"] = value
            for name, value in step.learned.items():
                self.leaves[f"layers.{k}.{name}"] = value
            for name, value in step.fixed.items():
                self.tensors[f"layers.{k}.{name}"] = compact(numpy_of(value))
        obstacles.check()
        if self.options.output == "potential" and self.steps[-1].description["kind"] == "neuron":
            if ran is None or ran.potentials is None:
                raise Unsupported("output='potential'", "the potential before the reset cannot be had from this layer")
            self.steps[-1].description["output"] = "potential"
            return ran.potentials
        return h

    def recording(
        self, loss: Loss | LossFunction, y: Any, net: Any, modules: list[Any], followed: Followed | None
    ) -> Recording:
        """The whole file, if the network's own forward agrees."""
        import torch

        learned = list(parameters(modules))
        # A loss may draw numbers: it draws the same in both runs.
        generators = Generators()
        beside = None if followed is None else self._beside(loss, y, net, followed)
        self.describe()
        generators.restore()
        value = self._loss(loss, y, learned, beside)
        spare = [(name, p) for name, p in learned if not any(p is leaf for leaf in self.leaves.values())]
        known = [*self.leaves.values(), *(p for _, p in spare)]
        found = torch.autograd.grad(value, known, allow_unused=True)
        gradients, rest = found[: len(self.leaves)], found[len(self.leaves) :]
        self.put_gradients(value, gradients)
        walk = self.recorded(gradients)
        if beside is not None and followed is not None:
            check_gradients(beside[0], [followed.source], learned, walk, lambda each: each[0])
        obstacles = Obstacles()
        for (name, parameter), gradient in zip(spare, rest, strict=True):
            size = 0.0 if gradient is None else float(gradient.norm())
            if size > 0 and id(parameter) not in walk.gradients:
                obstacles.add(f"`{name}`", missing(size))
        obstacles.check()
        return Recording(self.description, self.tensors)

    def describe(self) -> None:
        ungraded = [
            f"layers.{k}.{name}"
            for k, step in enumerate(self.steps)
            for name, value in step.parameters.items()
            if not value.requires_grad
        ]
        self.description |= {
            "layers": [step.description for step in self.steps],
            "ungraded": ungraded,
            "notes": sorted({note for step in self.steps for note in step.notes}),
        }

    def _beside(self, loss: Loss | LossFunction, y: Any, net: Any, followed: Followed) -> tuple[Any, Any, bool]:
        """The loss of the own run, the output by which to differentiate it, and whether that is returned."""
        self.followed = followed
        check_outputs(followed, self.recorded(()))
        mine, returned = own_output(followed, self.output, net)
        return own_loss(net, followed, loss, y, mine, returned), mine, returned

    def _loss(
        self, loss: Loss | LossFunction, y: Any, learned: list[tuple[str, Any]], beside: tuple[Any, Any, bool] | None
    ) -> Any:
        """The loss of the walk; its description and its target go into the file."""
        output = self.output
        if isinstance(loss, Loss) and loss.kind != "weighted-sum":
            self.description["loss"] = loss.description()
            value = evaluate_torch(loss, output.flatten(2), y)
            self.tensors["target"] = numpy_of(y if loss.kind == "cross-entropy" else y.to(self.x.dtype))
            return value
        if isinstance(loss, Loss):
            weight = y
        elif beside is not None and not beside[2]:
            weight = self._weight_of_own(beside[0])
            self.description["notes"].append(USERS + ", of what the network's forward returns")
        else:
            weight = cotangent(loss, output, y, learned)
            self.description["notes"].append(USERS)
        if weight.shape != output.shape:
            raise ValueError(f"the weight has the shape {tuple(weight.shape)}, expected {tuple(output.shape)}")
        self.description["loss"] = {"kind": "weighted-sum"}
        self.tensors["loss.weight"] = numpy_of(weight.to(self.x.dtype))
        return (weight.to(self.x.dtype) * output).sum()

    def _weight_of_own(self, value: Any) -> Any:
        """The gradient of the own run's loss at the outputs of its last layer."""
        import torch

        assert self.followed is not None
        sequence = self.followed.calls[id(self.followed.order[-1].module)]
        outputs = [call[0] for call in sequence.outputs]
        found = torch.autograd.grad(value, outputs, retain_graph=True, allow_unused=True)
        each = [torch.zeros_like(o) if g is None else g for o, g in zip(outputs, found, strict=True)]
        whole = self.followed.whole(each)
        if whole is None:
            raise Unsupported("the loss", "its gradient at the last layer's output cannot be read")
        return whole

    def put_gradients(self, value: Any, gradients: tuple[Any, ...]) -> None:
        import torch

        self.tensors["loss"] = numpy_of(value.reshape(1).to(self.x.dtype))
        obstacles = Obstacles()
        for (name, leaf), gradient in zip(self.leaves.items(), gradients, strict=True):
            found = torch.zeros_like(leaf) if gradient is None else gradient
            parts = name.split(".")
            if parts[0] == "layers" and parts[2] not in self.steps[int(parts[1])].parameters:
                with obstacles.at(f"layer {parts[1]} (`{self.steps[int(parts[1])].place}`)"):
                    # In its own type: what is computed in f32 is right to f32.
                    settled = settled_gradient(found, self.features[int(parts[1])], parts[2])
                    self.tensors[f"gradients.{name}"] = numpy_of(settled)
                continue
            if parts[0] == "layers" and parts[2] in self.steps[int(parts[1])].own:
                found = self.steps[int(parts[1])].own[parts[2]][1](found)
            self.tensors[f"gradients.{name}"] = numpy_of(found.to(self.x.dtype))
        obstacles.check()

    def recorded(self, gradients: tuple[Any, ...]) -> Recorded:
        """What the own run is held against."""
        import torch

        by_name = dict(zip(self.leaves, gradients, strict=False))
        found: dict[int, Any] = {}
        for k, step in enumerate(self.steps):
            if step.derived and gradients:
                for own, gradient in pulled_back(step, k, by_name):
                    found[id(own)] = found[id(own)] + gradient if id(own) in found else gradient
            for name, value in (step.parameters | step.learned).items():
                gradient = by_name.get(f"layers.{k}.{name}")
                if f"layers.{k}.{name}" in self.leaves and name not in step.derived:
                    gradient = torch.zeros_like(value) if gradient is None else gradient
                    own = step.own.get(name)
                    found[id(value) if own is None else id(own[0])] = gradient if own is None else own[1](gradient)
        whole = by_name.get("input")
        inputs = self.x.new_zeros(self.x.shape) if whole is None else whole
        inputs = inputs if self.options.steps is None else inputs.sum(0)
        modules = {} if self.followed is None else {place.name: place for place in self.followed.order}
        layers = [modules.get(step.place, Place(step.place, None)) for step in self.steps]
        return Recorded(self.steps, layers, self.outputs, found, inputs)

    def potentials_of_last(self) -> Any:
        """The potentials of the last layer.

        Raises Unsupported where they cannot be had.
        """
        if self.potentials is None:
            raise Unsupported("the potential", f"before the reset cannot be had from `{self.steps[-1].place}`")
        return self.potentials


def pulled_back(step: Step, k: int, gradients: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The gradients of the module's own parameters, from those of the layer's weights, which are made of them."""
    import torch

    made = {name: tensor for name, tensor in step.derived.items() if tensor.requires_grad}
    given = [gradients.get(f"layers.{k}.{name}") for name in made]
    given = [torch.zeros_like(t) if g is None else g for t, g in zip(made.values(), given, strict=True)]
    owners = list({id(p): p for p in step.owners if p.requires_grad}.values())
    if not made or not owners:
        return []
    found = torch.autograd.grad(list(made.values()), owners, given, retain_graph=True, allow_unused=True)
    return [(p, torch.zeros_like(p) if g is None else g) for p, g in zip(owners, found, strict=True)]
