"""From a torch network in process to a recording: the network is called as its user calls it, and followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resurge._errors import DtypeError, InputError, ShapeError
from resurge.recording._as_it_ran import factors_between
from resurge.recording._beside import check_gradients, check_outputs, distance, missing, parameters
from resurge.recording._bridge import bridged
from resurge.recording._errors import Obstacles, Unsupported, class_name
from resurge.recording._file import Recording
from resurge.recording._keep import Generators, kept
from resurge.recording._loss import Loss, LossFunction, called, evaluate_torch
from resurge.recording._probe import doubles
from resurge.recording._recorder import (
    STATEFUL,
    USERS,
    Framework,
    Options,
    Output,
    Walk,
    check_steps,
    check_types,
    described,
    numpy_of,
    recorded,
)
from resurge.recording._walk import Place, between, check_hooks, has_own_forward, is_container
from resurge.recording._watch import Watched, watch

# Where the last layer's output and the potential of its spikes are one to this: both are the framework's own numbers.
EQUAL = {8: 1e-12, 4: 1e-6}


@dataclass
class Inside:
    """A recording, the names in the file of the parameters of the network, and the parameters that are none there."""

    recording: Recording
    names: dict[int, list[str]] = field(default_factory=dict)
    learned: list[tuple[str, Any]] = field(default_factory=list)


def record_inside(
    framework: Framework, net: Any, x: Any, y: Any, loss: Loss | LossFunction, steps: int | None, output: Output
) -> Inside:
    """Runs `loss(net(x), y)` and records the network.

    Raises Unsupported for a network that is no chain of layers of the format.
    """
    import torch

    checked(x)
    modules = list(net) if isinstance(net, list | tuple) else [net]
    options = Options(steps, output, True, False)
    if not isinstance(net, torch.nn.Module) or steps is not None or not callable_whole(net):
        return Inside(recorded(framework, net, x, y, loss, options))
    source = x.detach().clone().requires_grad_(True)
    with kept(modules), doubles(x.dtype == torch.float64), torch.enable_grad():
        check_hooks(modules)
        check_types(modules, x)
        try:
            seen = watch(net, source, framework.habits, framework.is_stateful)
        except Unsupported:
            if has_own_forward(net):
                raise
            # A Sequential of neurons that return their state cannot be called as a whole.
            return Inside(recorded(framework, net, x, y, loss, options))
        layers, given = chain_of(seen, net, framework)
        described_steps = described(framework, seen, layers)
        start = given.detach().clone().requires_grad_(True)
        own_options = Options(None, "spikes", True, False)
        check_steps(described_steps, start, own_options)
        walk = Walk(framework, described_steps, start, own_options)
        walk.followed = seen
        found = finish(walk, loss, y, modules, layers, output)
        if x.is_cuda:
            walk.description["notes"].append(f"the numbers were on {x.device} and were copied from there")
    return found


def checked(x: Any) -> None:
    """Refuses what is no floating tensor of the format."""
    import torch

    if not isinstance(x, torch.Tensor):
        raise InputError(f"x is a {type(x).__name__}, and the network takes a torch.Tensor; convert it")
    if x.dtype not in (torch.float32, torch.float64):
        raise DtypeError(f"x is {x.dtype}; gradients are recorded in float32 or float64: convert x and the network")
    if x.numel() == 0:
        raise ShapeError(f"x has the shape {tuple(x.shape)}, with nothing in it")


def callable_whole(net: Any) -> bool:
    """Whether a network is more than a list of layers."""
    from torch import nn

    return is_container(net) and type(net) not in (nn.ModuleList, nn.ModuleDict)


def chain_of(seen: Watched, net: Any, framework: Framework) -> tuple[list[Place], Any]:
    """The layers in the order of the forward, and what the first of them took.

    What has neither parameters nor a state makes the input of the first layer, or is part of the loss after the last.
    Raises Unsupported unless each layer takes what the one before it gave, but for a factor, a pool or a flattening.
    """
    order = essential(seen, framework)
    if not order:
        raise Unsupported(f"{class_name(net)}.forward", "calls no layer; the layers must be torch modules")
    obstacles, found = Obstacles(), list[Place]()
    before, first, name = None, None, ""
    last: Place | None = None
    known: list[tuple[str, Any]] = []
    for place in order:
        sequence = seen.calls[id(place.module)]
        what = f"layer {len(found)} (`{place.name}`)"
        times = len(sequence.inputs)
        if times not in (1, seen.steps):
            obstacles.add(what, f"is called {times} times in {seen.steps} steps; use a layer once a step")
            continue
        taken, gave = seen.whole(sequence.inputs), seen.output(place.module)
        if taken is None or gave is None:
            shapes = [tuple(value.shape) for value in sequence.inputs[:1] if value is not None]
            obstacles.add(what, f"is given {shapes}, not all {seen.steps} steps of {seen.batch} samples")
            continue
        if before is None:
            first = taken
        elif before.ndim == 3 and taken.ndim == 5:
            obstacles.add(what, "is given images made of vectors, which is not in the format; begin with images")
        else:
            assert last is not None, "there is a layer before"
            factors = factors_between(seen.calls[id(last.module)], sequence, seen)
            bridge = bridged(before, taken, factors, place.name)
            if bridge is None:
                others = [(other, values.flatten(2)) for other, values in known]
                obstacles.add(what, between(taken.flatten(2), before.flatten(2), name, others))
            found += bridge or []
        found.append(place)
        before, name, last = gave, f"`{place.name}`", place
        known.append((name, gave))
    obstacles.check()
    seen.order = order
    last = order[-1]
    if seen.is_constant(last.module):
        raise Unsupported(
            f"layer {len(found) - 1} (`{last.name}`)",
            f"is called once on what {seen.steps} steps made, which is not in the format; call it at every step, and "
            "sum or average its output, which is the same but for the bias",
        )
    if first is None or first.ndim not in (3, 5):
        shape = None if first is None else tuple(first.shape)
        raise Unsupported(f"`{order[0].name}`", f"is given {shape}, neither [T, B, N] nor [T, B, C, H, W]")
    return found, first


def essential(seen: Watched, framework: Framework) -> list[Place]:
    """From the first layer that learns or has a state to the last."""

    def counts(place: Place) -> bool:
        return framework.is_stateful(place.module) or any(True for _ in place.module.parameters())

    these = [k for k, place in enumerate(seen.order) if counts(place)]
    return seen.order[these[0] : these[-1] + 1] if these else []


def finish(
    walk: Walk, loss: Loss | LossFunction, y: Any, modules: list[Any], layers: list[Place], output: Output
) -> Inside:
    """The file, if the network's own run agrees."""
    import torch

    seen = walk.followed
    assert isinstance(seen, Watched)
    learned = list(parameters(modules))
    check_outputs(seen, walk.recorded(()))
    generators = Generators()
    own = own_value(walk, seen, loss, y, output)
    walk.describe()
    generators.restore()
    value = own if isinstance(loss, Loss) and loss.kind != "weighted-sum" else None
    value = walk_value(walk, seen, layers, loss, y, own, output) if value is None else named(walk, loss, y, output)
    spare = [(name, p) for name, p in learned if not any(p is leaf for leaf in walk.leaves.values())]
    known = [*walk.leaves.values(), *(p for _, p in spare)]
    found = torch.autograd.grad(value, known, allow_unused=True, retain_graph=True)
    gradients, rest = found[: len(walk.leaves)], found[len(walk.leaves) :]
    walk.put_gradients(value, gradients)
    recorded_run = walk.recorded(gradients)
    inputs = seen.calls[id(layers[0].module)].inputs if layers[0].module is not None else []
    inputs = [tensor for tensor in inputs if tensor.requires_grad]
    # One tensor at all steps has one gradient.
    constant = layers[0].module is not None and (
        seen.is_constant(layers[0].module) or (len(inputs) == seen.steps > 1 and len({id(t) for t in inputs}) == 1)
    )
    if constant:
        inputs, recorded_run.input = inputs[:1], recorded_run.input.sum(0)
    check_gradients(own, inputs, learned, recorded_run, (lambda each: each[0]) if constant else seen.whole)
    obstacles = Obstacles()
    for (name, parameter), gradient in zip(spare, rest, strict=True):
        size = 0.0 if gradient is None else float(gradient.norm())
        if size > 0 and id(parameter) not in recorded_run.gradients:
            obstacles.add(f"`{name}`", missing(size))
    obstacles.check()
    names: dict[int, list[str]] = {}
    for k, step in enumerate(walk.steps):
        for name, tensor in (step.parameters | step.learned).items():
            if f"layers.{k}.{name}" in walk.leaves and name not in step.derived:
                whose = step.own[name][0] if name in step.own else tensor
                names.setdefault(id(whose), []).append(f"layers.{k}.{name}")
    return Inside(Recording(walk.description, walk.tensors), names, learned)


def named(walk: Walk, loss: Any, y: Any, output: Output) -> Any:
    """The loss of the walk, of those that the format names."""
    made = walk.output
    if output == "potential":
        made = walk.potentials_of_last()
        walk.steps[-1].description["output"] = "potential"
    walk.description["loss"] = loss.description()
    walk.tensors["target"] = numpy_of(y if loss.kind == "cross-entropy" else y.to(walk.x.dtype))
    return evaluate_torch(loss, made.flatten(2), y)


def own_value(walk: Walk, seen: Watched, loss: Loss | LossFunction, y: Any, output: Output) -> Any:
    """The loss of the own run: of what the network returns, or, of a named loss, of its last layer's output."""
    import torch

    if not isinstance(loss, Loss):
        value = called(loss, seen.returned, y, "what the network returns")
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise Unsupported("the loss", "is no tensor of one number; reduce it")
        if not value.requires_grad:
            raise Unsupported("the loss", "has no gradient at all; is a part of the network detached?")
        return value.reshape(())
    element = 0 if output == "spikes" else potential_element(walk, seen)
    mine = seen.output(seen.order_of_last.module, element)
    assert mine is not None, "chain_of has seen it"
    if loss.kind == "weighted-sum":
        return (y.to(mine.dtype) * mine).sum()
    return evaluate_torch(loss, mine.flatten(2), y)


def potential_element(walk: Walk, seen: Watched) -> int:
    """Which of the last layer's outputs is the potential.

    Raises Unsupported where none is.
    """
    potentials = walk.potentials_of_last()
    for element in range(3):
        made = seen.output(seen.order_of_last.module, element)
        if made is not None and distance(made, potentials) <= EQUAL[potentials.element_size()]:
            return element
    raise Unsupported("output='potential'", "the last layer does not return the potential before its reset")


def walk_value(
    walk: Walk, seen: Watched, layers: list[Place], loss: Loss | LossFunction, y: Any, own: Any, output: Output
) -> Any:
    """The loss of the walk: the last layer's outputs, each times the gradient that the own loss has there."""
    import torch

    sequence = seen.calls[id(layers[-1].module)]
    count = min(len(each) for each in sequence.outputs)
    value, place = None, f"layer {len(walk.steps) - 1} (`{layers[-1].name}`)"
    for element in range(count):
        tensors = [each[element] for each in sequence.outputs]
        if not all(tensor.requires_grad for tensor in tensors):
            continue
        found = torch.autograd.grad(own, tensors, retain_graph=True, allow_unused=True)
        each = [torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True)]
        if not any(bool(g.any()) for g in each):
            continue
        weight, made = seen.whole(each), seen.whole(tensors)
        if weight is None or made is None:
            raise Unsupported("the loss", f"its gradient at the output of {place} cannot be read")
        weight = weight.to(walk.x.dtype).reshape(weight.shape)
        if element == 0:
            term = (weight.reshape(walk.output.shape) * walk.output).sum()
            walk.tensors["loss.weight"] = numpy_of(weight.reshape(walk.output.shape))
        else:
            potentials = walk.potentials_of_last()
            if distance(made, potentials) > EQUAL[potentials.element_size()]:
                raise Unsupported(
                    "the loss",
                    f"depends on output {element} of {place}, which is neither its spikes nor its potential before a "
                    "reset; give a loss of one of these",
                )
            term = (weight.reshape(potentials.shape) * potentials).sum()
            walk.tensors["loss.potential_weight"] = numpy_of(weight.reshape(potentials.shape))
        value = term if value is None else value + term
    value = with_inner(walk, seen, own, value)
    if value is None:
        raise Unsupported(
            "the loss", f"does not depend on the output of {place}, the last layer that learns or has a state"
        )
    if "loss.weight" not in walk.tensors:
        walk.tensors["loss.weight"] = numpy_of(torch.zeros_like(walk.output))
    walk.description["notes"].append(USERS + ", of what the network returns")
    walk.description["loss"] = {"kind": "weighted-sum"}
    return value


def with_inner(walk: Walk, seen: Watched, own: Any, value: Any | None) -> Any | None:
    """The value with what the loss has of layers that are not the last: a penalty on the spikes of hidden neurons.

    Each layer's output has the gradient that the loss has there by itself, and not by way of later layers.
    """
    import torch

    # The two steps of one place are two layers; what it returns is the output of the second.
    at = {step.place: k for k, step in enumerate(walk.steps)}
    learn = {k for k, step in enumerate(walk.steps) if step.parameters or step.description["kind"] in STATEFUL}
    places = [place for place in seen.order[:-1] if at.get(place.name) in learn]
    outputs = [
        (place, element, [call[element] for call in seen.calls[id(place.module)].outputs])
        for place in places
        for element in range(min(len(call) for call in seen.calls[id(place.module)].outputs))
    ]
    outputs = [each for each in outputs if all(tensor.requires_grad for tensor in each[2])]
    hooks = [entry.register_hook(torch.zeros_like) for entry in seen.entries]
    try:
        every = [tensor for _, _, tensors in outputs for tensor in tensors]
        found = torch.autograd.grad(own, every, retain_graph=True, allow_unused=True) if every else ()
    finally:
        for hook in hooks:
            hook.remove()
    gradients = iter(found)
    for place, element, tensors in outputs:
        each = [torch.zeros_like(t) if g is None else g for t, g in zip(tensors, gradients, strict=False)]
        if not any(bool(g.any()) for g in each):
            continue
        k = at[place.name]
        what, weight = f"layer {k} (`{place.name}`)", seen.whole(each)
        if element > 0 or weight is None:
            why = f"depends on output {element} of {what}; only what a layer hands on is in the format"
            raise Unsupported("the loss", why)
        weight = weight.to(walk.x.dtype).reshape(walk.outputs[k].shape)
        walk.tensors[f"loss.weight.{k}"] = numpy_of(weight)
        term = (weight * walk.outputs[k]).sum()
        value = term if value is None else value + term
    return value


def one_argument(loss: Callable[..., Any]) -> bool:
    """Whether a loss is a function of the output alone, its target being bound."""
    import inspect

    try:
        signature = inspect.signature(loss)
    except (TypeError, ValueError):
        return False
    wanted = [
        p
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) and p.default is p.empty
    ]
    return len(wanted) == 1 and wanted[0].kind is not inspect.Parameter.VAR_POSITIONAL
