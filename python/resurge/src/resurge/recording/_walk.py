"""The layers of a torch network in the order in which its forward uses them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from resurge.recording._errors import Obstacles, Unsupported, class_name
from resurge.recording._layers import Called, is_of_framework, of_framework, untouched

Tensors = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """A module of a network by its name there."""

    name: str
    module: Any


@dataclass(frozen=True)
class Habits:
    """What the recorder must know of a framework to run a network of it."""

    # Forgets the states of a module.
    reset: Callable[[Any], None]
    # Whether a neuron is given all steps at once.
    takes_all_steps: Callable[[Any], bool]
    batch_first: bool = False
    # Whether a neuron wants the axes of time and batch as one.
    joins_axes: Callable[[Any], bool] = lambda module: False
    # Whether a network is given its state at every step, and returns the next.
    passes_state: bool = False


@dataclass
class Sequence:
    """The calls of one layer in a run."""

    called: Called
    inputs: list[Any]
    # What each call returned, by place in the tuple.
    outputs: list[Tensors]


@dataclass
class Followed:
    """A run of the network's own forward on `x`, which is made of the leaf `source`: itself, or one step of it."""

    source: Any
    x: Any
    steps: int
    batch: int
    batch_first: bool
    returned: Any
    order: list[Place]
    calls: dict[int, Sequence] = field(default_factory=dict)

    @property
    def as_called(self) -> bool:
        """Whether it is the very run of which the gradients are recorded."""
        return False

    def is_constant(self, module: Any) -> bool:
        """Whether a layer was called once for all steps, on what does not change."""
        return False

    def whole(self, tensors: list[Any]) -> Any | None:
        """`[T, B, ...]` of what a layer took or gave, or None for what has no such shape."""
        import torch

        if len(tensors) == self.steps and tensors[0].shape[:1] == (self.batch,) and self.steps > 1:
            return torch.stack(tensors)
        first = tensors[0]
        if len(tensors) != 1:
            return None
        extents = (self.batch, self.steps) if self.batch_first else (self.steps, self.batch)
        if first.shape[:2] == extents and first.ndim > 2:
            return first.movedim(0, 1) if self.batch_first else first
        if first.shape[0] == self.steps * self.batch:
            parted = first.unflatten(0, extents)
            return parted.movedim(0, 1) if self.batch_first else parted
        return None

    def output(self, module: Any, element: int = 0) -> Any | None:
        """What a layer gave at all steps."""
        sequence = self.calls.get(id(module))
        if sequence is None or any(len(call) <= element for call in sequence.outputs):
            return None
        return self.whole([call[element] for call in sequence.outputs])


def is_container(module: Any) -> bool:
    """Whether a module is not a layer, but holds some."""
    from torch import nn

    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) or is_state_container(module):
        return True
    package = type(module).__module__.split(".")[0]
    if package == "torch" or is_of_framework(module):
        return False
    children = list(module.children())
    # A neuron of the user's that is derived from a framework's holds nothing but its surrogate.
    derived = any(of_framework(base) for base in type(module).__mro__)
    return bool(children) and not (derived and all(is_surrogate(child) for child in children))


def is_surrogate(module: Any) -> bool:
    """Whether a module is the surrogate of a neuron."""
    return any(of_framework(base) and ".surrogate" in base.__module__ for base in type(module).__mro__)


def is_state_container(module: Any) -> bool:
    """Whether a module is Norse's Sequential."""
    return type(module).__module__.split(".")[0] == "norse" and type(module).__name__ == "SequentialState"


def places(net: Any, name: str = "") -> list[Place]:
    """The layers of a network, or of a list of modules, as they were put into it."""
    if isinstance(net, list | tuple):
        return [place for k, child in enumerate(net) for place in places(child, f"{name}.{k}".lstrip("."))]
    if not is_container(net):
        return [Place(name or class_name(net), net)]
    return [place for key, child in net._modules.items() for place in places(child, f"{name}.{key}".lstrip("."))]


def has_own_forward(net: Any) -> bool:
    """Whether the order of the layers is known to a forward alone, and not to the containers."""
    from torch import nn

    if isinstance(net, list | tuple):
        return any(has_own_forward(child) for child in net)
    if not is_container(net):
        return False
    plain = isinstance(net, nn.Sequential) and (type(net).forward is nn.Sequential.forward or is_of_framework(net))
    chain = plain or is_state_container(net)
    return not chain or "forward" in vars(net) or any(has_own_forward(child) for child in net.children())


def check_owners(net: Any, layers: list[Place], root: type) -> None:
    """Refuses layers that were taken out of a network with a forward of its own: what that does between is lost."""
    mine = {id(place.module) for place in layers}
    passed = {id(module) for module in (net if isinstance(net, list | tuple) else [net])}
    for owner in (found for found in gc.get_objects() if issubclass(type(found), root)):
        try:
            inner = {id(module) for module in owner.modules()}
        except AttributeError:  # one that was never finished
            continue
        if id(owner) in mine or not inner & mine or (inner | {id(owner)}) & passed - mine:
            continue
        if is_container(owner) and has_own_forward(owner) and not is_list(owner):
            raise Unsupported(
                "the layers",
                f"are those of a {class_name(owner)}, whose forward may do more than call them; pass it, and its "
                "forward is followed, or pass copies (copy.deepcopy) that are a network of their own",
            )


def is_list(module: Any) -> bool:
    """Whether a module has no forward at all."""
    from torch import nn

    return type(module) in (nn.ModuleList, nn.ModuleDict)


def follow(net: Any, source: Any, steps: int | None, habits: Habits) -> Followed:
    """Runs the network's own forward and notes what every layer took and gave.

    Raises Unsupported where no way of calling it gives the layers all steps.
    """
    x = source if steps is None else source.unsqueeze(0).expand(steps, *source.shape)
    failures = []
    for how, run in ways(net, x, None if steps is None else source, habits):
        followed = Followed(source, x, x.shape[0], x.shape[1], habits.batch_first, None, places(net))
        for place in followed.order:
            habits.reset(place.module)
        try:
            with noting(followed):
                followed.returned = run()
        except Exception as error:  # a network may raise whatever it likes
            failures.append(f"{how} raises {type(error).__name__} ({str(error).splitlines()[0] if str(error) else ''})")
            continue
        problem = incomplete(followed, habits)
        if problem is None:
            return followed
        failures.append(f"{how}, {problem}")
    raise Unsupported(
        f"{class_name(net)}.forward",
        f"cannot be run on x of shape {tuple(source.shape)}: {'; '.join(failures)}. Pass x as "
        "the forward takes it, with the steps first, or with `steps` one step of it",
    )


def ways(net: Any, x: Any, given: Any | None, habits: Habits) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The ways in which a network may be called."""
    if given is not None:
        yield "given one step", lambda: net(given)
    if habits.batch_first:
        yield "given [B, T, ...]", lambda: net(x.movedim(0, 1))
        yield "given [B * T, ...]", lambda: net(x.movedim(0, 1).flatten(0, 1))
    else:
        yield "given all steps", lambda: net(x)

        def by_step() -> list[Any]:
            state, returned = None, []
            for step in x:
                out = net(step, state) if habits.passes_state else net(step)
                if habits.passes_state:
                    out, state = out
                returned.append(out)
            return returned

        yield "called once a step", by_step


@contextmanager
def noting(followed: Followed) -> Iterator[None]:
    """Notes the calls of all layers."""
    import torch

    called: dict[int, tuple[list[Any], list[Tensors]]] = {}
    order: list[Place] = []
    handles = []

    def hook(place: Place) -> Callable[..., None]:
        def note(module: Any, inputs: Tensors, keywords: dict[str, Any], output: Any) -> None:
            given = [value for value in (*inputs, *keywords.values()) if isinstance(value, torch.Tensor)]
            made = output if isinstance(output, tuple | list) else (output,)
            if id(module) not in called:
                called[id(module)] = ([], [])
                order.append(place)
            called[id(module)][0].append(given[0] if given else None)
            called[id(module)][1].append(tuple(value for value in made if isinstance(value, torch.Tensor)))

        return note

    seen: set[int] = set()
    for place in followed.order:
        if id(place.module) not in seen:
            handles.append(place.module.register_forward_hook(hook(place), with_kwargs=True))
        seen.add(id(place.module))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    followed.order = order
    for key, (inputs, outputs) in called.items():
        followed.calls[key] = Sequence("whole" if len(inputs) == 1 else "by step", inputs, outputs)


def incomplete(followed: Followed, habits: Habits) -> str | None:
    """Why a run is not one of all steps; None for one that is."""
    from torch import nn

    for place in followed.order:
        sequence = followed.calls[id(place.module)]
        plain = isinstance(place.module, nn.Linear | nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d | nn.Flatten | nn.Identity)
        if plain or not is_of_framework(place.module):
            continue
        wanted = 1 if habits.takes_all_steps(place.module) else followed.steps
        if len(sequence.inputs) != wanted:
            return f"`{place.name}` is called {len(sequence.inputs)} times, not {wanted}"
        first = sequence.inputs[0]
        extents = (followed.batch, followed.steps) if habits.batch_first else (followed.steps, followed.batch)
        joined = habits.joins_axes(place.module)
        if wanted == 1 and first.shape[: 1 if joined else 2] != ((extents[0] * extents[1],) if joined else extents):
            return f"`{place.name}` is given {tuple(first.shape)}"
    return None


def chain(followed: Followed, net: Any) -> list[Place]:
    """The layers in the order of the forward; a flattening between two of them is a place without a module.

    Raises Unsupported unless each takes what the one before it gave.
    """
    obstacles = Obstacles()
    before, name, shape, found = followed.x.flatten(2), "the input", followed.x.shape[2:], list[Place]()
    known = [(name, before)]
    for place in followed.order:
        sequence = followed.calls[id(place.module)]
        what = f"layer {len(found)} (`{place.name}`)"
        if len(sequence.inputs) not in (1, followed.steps):
            times = len(sequence.inputs)
            obstacles.add(what, f"is called {times} times in {followed.steps} steps; use a layer once a step")
            continue
        taken, given = followed.whole(sequence.inputs), followed.output(place.module)
        if taken is None or given is None:
            shapes = [tuple(value.shape) for value in sequence.inputs[:1] if value is not None]
            obstacles.add(what, f"is given {shapes}, not all {followed.steps} steps of {followed.batch} samples")
            continue
        if not same(taken.flatten(2), before):
            obstacles.add(what, between(taken.flatten(2), before, name, known))
        if len(taken.shape) == 3 and len(shape) == 3:
            found.append(Place(f"flatten before {place.name}", None))
        elif len(taken.shape) == 5 and len(shape) == 1:
            obstacles.add(what, "is given images made of vectors, which is not in the format; begin with images")
        found.append(place)
        before, name, shape = given.flatten(2), f"`{place.name}`", given.shape[2:]
        known.append((name, before))
    if not found:
        obstacles.add(f"{class_name(net)}.forward", "calls no layer; the layers must be torch modules")
    obstacles.check()
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two tensors are one, to the bit."""
    import torch

    return bool(a.shape == b.shape and torch.equal(a.detach(), b.detach()))


def between(taken: Any, before: Any, name: str, known: list[tuple[str, Any]]) -> str:
    """What a forward does between two layers, as far as it can be seen."""
    others = [other for other, values in known if same(taken, values)]
    if others:
        return f"takes the output of {others[-1]}, not of {name}; only a chain of layers is in the format"
    why = f"does not take what {name} gave: the forward does something in between, which the file would lose"
    if taken.shape == before.shape:
        there = before != 0
        ratios = (taken[there] / before[there]).detach()
        if ratios.numel() and bool(((ratios - ratios[0]).abs() <= 1e-5 * ratios[0].abs()).all()):
            return f"{why} (it multiplies by {float(ratios[0]):.6g}); multiply the weights before it instead"
        return f"{why}; make it a layer of the format, such as nn.Linear or nn.AvgPool2d"
    shapes = f"{tuple(before.shape[2:])} features become {tuple(taken.shape[2:])}"
    return f"{why} ({shapes}); make it a layer of the format, such as nn.MaxPool2d, nn.AvgPool2d or nn.Flatten"


def check_hooks(net: Any) -> None:
    """Refuses hooks on the containers; those on layers are refused with them."""
    from torch import nn

    modules = net if isinstance(net, list | tuple) else [net]
    for module in modules:
        if is_container(module):
            untouched(module, nn.Sequential if type(module) is nn.Sequential else None)
            check_hooks(list(module.children()))
