"""What was recorded, held against the network's own forward and against the gradients that it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from resurge.recording._errors import Obstacles, Unsupported, class_name
from resurge.recording._layers import Step
from resurge.recording._loss import Loss, called, evaluate_torch, readout_torch
from resurge.recording._walk import Followed, Place, same

# The two runs do the same operations in another order: f64 rounds to 1e-16, f32 to 6e-8 a sum, and gradients lose
# three to four digits where terms cancel.
OUTPUT = {8: 1e-10, 4: 1e-5}
GRADIENT = {8: 1e-8, 4: 1e-3}
# A gradient that should vanish, as that of a bias before batch normalisation, is the rounding of terms as large as the
# largest gradient: of thousands of them some 1e-14 in f64, 1e-5 in f32, which is these times the limits above.
ROUNDING = {8: 1e-6, 4: 1e-2}


@dataclass
class Recorded:
    """What the walk over the layers gave: outputs by layer, gradients by parameter and of the input."""

    steps: list[Step]
    places: list[Place]
    outputs: list[Any]
    gradients: dict[int, Any]
    input: Any


def parameters(modules: list[Any]) -> Iterator[tuple[str, Any]]:
    """Everything that is learned, by name: parameters, and tensors that are attributes and want a gradient."""
    import torch

    seen: set[int] = set()
    for position, module in enumerate(modules):
        for prefix, inner in module.named_modules():
            for name, value in [*inner.named_parameters(recurse=False), *held(inner)]:
                if not isinstance(value, torch.Tensor) or not (value.requires_grad and value.is_leaf):
                    continue
                if id(value) not in seen:
                    seen.add(id(value))
                    parts = ([str(position)] if len(modules) > 1 else []) + [prefix, name]
                    yield ".".join(part for part in parts if part), value


def held(module: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a module, and the fields of those that are named tuples, as Norse's parameters are."""
    for name, value in vars(module).items():
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            # Norse's IAF makes its v_reset the first state, and wants a gradient of that: nobody learns it.
            left_out = "v_reset" if type(value).__name__ == "IAFParameters" else ""
            yield from ((f"{name}.{field}", inner) for field, inner in value._asdict().items() if field != left_out)
        else:
            yield name, value


def tensors_in(value: Any) -> list[Any]:
    """The tensors of nested tuples, lists and dictionaries; of a list of steps, the tensors of all steps."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple) or not value:
        return []
    parts = [tensors_in(item) for item in value]
    if isinstance(value, list) and len({tuple(t.shape for t in part) for part in parts}) == 1:
        stacked = [torch.stack(list(column)) for column in zip(*parts, strict=True)]
        return [*stacked, *(tensor for part in parts for tensor in part)]
    return [tensor for part in parts for tensor in part]


def own_output(followed: Followed, walked: Any, net: Any) -> tuple[Any, bool]:
    """The output `[T, B, ...]` of the last layer in the own run, and whether the network returns it."""
    last = followed.order[-1].module
    candidates = [followed.output(last, element) for element in range(3)]
    candidates = [made for made in candidates if made is not None]
    limit = OUTPUT[walked.element_size()]
    mine = next((made for made in candidates if distance(made, walked) <= limit), None)
    if mine is None and candidates:
        mine = candidates[0]
    if mine is None:
        raise Unsupported(f"{class_name(net)}.forward", f"`{followed.order[-1].name}` gives no output of all steps")
    for tensor in tensors_in(followed.returned):
        whole = followed.whole([tensor])
        if whole is not None and same(whole.flatten(2), mine.flatten(2)):
            return whole, True
    return mine, False


def distance(a: Any, b: Any) -> float:
    """The largest difference in units of the largest number; infinite for other shapes."""
    if a.numel() != b.numel():
        return float("inf")
    a, b = a.detach().flatten(), b.detach().flatten()
    largest = max(float(a.abs().max()), float(b.abs().max()), 1e-300)
    return float((a - b.to(a.dtype)).abs().max()) / largest


def own_loss(
    net: Any, followed: Followed, loss: Loss | Callable[[Any, Any], Any], y: Any, mine: Any, returned: bool
) -> Any:
    """The loss of the own run.

    Raises Unsupported where the network returns neither its last layer's output nor the readout of the loss.
    """
    if not isinstance(loss, Loss):
        if returned:
            return called(loss, mine, y, f"the output of the last layer, of shape {tuple(mine.shape)}")
        return called(loss, followed.returned, y, "what the forward returns")
    if not returned:
        wanted = [mine] if loss.kind == "weighted-sum" else [readout_torch(mine.flatten(2), loss.readout)]
        found = tensors_in(followed.returned)
        if not any(distance(tensor, want) <= OUTPUT[mine.element_size()] for tensor in found for want in wanted):
            shapes = [tuple(tensor.shape) for tensor in found]
            raise Unsupported(
                f"{class_name(net)}.forward",
                f"returns something else (of the shapes {shapes}) than the output {tuple(mine.shape)} of its last "
                f"layer, `{followed.order[-1].name}`; return that, or give the loss as a function of what is returned",
            )
    if loss.kind == "weighted-sum":
        return (y.to(mine.dtype) * mine).sum()
    return evaluate_torch(loss, mine.flatten(2), y)


def check_outputs(followed: Followed, walk: Recorded) -> None:
    """Refuses a network of which a layer's output is not that of its own forward, and names the first."""
    for k, (place, output) in enumerate(zip(walk.places, walk.outputs, strict=True)):
        if place.module is None:
            continue
        candidates = [followed.output(place.module, element) for element in range(3)]
        errors = [distance(made, output) for made in candidates if made is not None]
        last_of_place = k + 1 == len(walk.places) or walk.places[k + 1].module is not place.module
        if last_of_place and errors and min(errors) > OUTPUT[output.element_size()]:
            raise Unsupported(
                f"layer {k} (`{place.name}`)",
                f"its output in the network's own forward is another, by {min(errors):.2g} of the largest; "
                "check what the forward gives to it and how its state begins",
            )


def check_gradients(
    value: Any,
    inputs: list[Any],
    learned: list[tuple[str, Any]],
    walk: Recorded,
    whole: Callable[[list[Any]], Any],
) -> None:
    """Refuses gradients that are not those of the network's own forward: what `.backward()` would put into `.grad`.

    `whole` makes the gradient of the input of those at `inputs`.
    """
    import torch

    known = [*(parameter for _, parameter in learned), *inputs]
    if not value.requires_grad:
        raise Unsupported("the loss", "has no gradient at all in the network's own forward; is a part of it detached?")
    found = torch.autograd.grad(value, known, allow_unused=True)
    obstacles = Obstacles()
    named = [(name, parameter, own) for (name, parameter), own in zip(learned, found, strict=False)]
    if inputs:
        own_each = [
            torch.zeros_like(tensor) if own is None else own
            for tensor, own in zip(inputs, found[len(learned) :], strict=True)
        ]
        named.append(("the input", inputs[0], whole(own_each)))
    for name, parameter, own in named:
        ours = walk.input if name == "the input" else walk.gradients.get(id(parameter))
        size = 0.0 if own is None else float(own.detach().norm())
        if ours is None:
            if size > 0:
                obstacles.add(f"`{name}`", missing(size))
            continue
        own = torch.zeros_like(parameter) if own is None else own
        own = own.reshape(ours.shape) if own.numel() == ours.numel() else own
        floor = ROUNDING[own.element_size()] * largest_of(walk)
        largest = max(float(own.abs().max()), float(ours.abs().max()), floor)
        off = float((own - ours.to(own.dtype)).abs().max()) / largest if largest > 0 else 0.0
        if off > GRADIENT[own.element_size()]:
            obstacles.add(
                f"`{name}`",
                f"its gradient in the network's own forward is another, by {off:.2g} of the largest entry; something "
                "that the layers do not show (a detach, a hook, a second use) acts on it, or on what lies behind it",
            )
    obstacles.check()


def largest_of(walk: Recorded) -> float:
    """The largest entry of all gradients: what is far below it is rounding."""
    return max((float(gradient.abs().max()) for gradient in walk.gradients.values()), default=0.0)


def missing(size: float) -> str:
    """Why a parameter that has a gradient, but no place in the file, is refused."""
    return (
        f"has a gradient (of norm {size:.3g}) that the file has no place for; freeze it (requires_grad_(False)), or "
        "use a layer whose constants the format has"
    )
