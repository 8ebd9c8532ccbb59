"""A run of a torch network exactly as its user calls it, with what every layer took and gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from resurge.recording._errors import Unsupported, class_name
from resurge.recording._layers import is_of_framework
from resurge.recording._walk import Followed, Habits, Place, Sequence, Tensors, places


@dataclass
class Watched(Followed):
    """What was seen. A layer that was called once, on one step, gave the same at all steps."""

    # What the layers that learn or have a state were given, each as a tensor of its own: all that goes through them.
    entries: list[Any] = field(default_factory=list)

    @property
    def as_called(self) -> bool:
        """Whether it is the very run of which the gradients are recorded."""
        return True

    @property
    def order_of_last(self) -> Place:
        """The last layer that learns or has a state."""
        return self.order[-1]

    def whole(self, tensors: list[Any]) -> Any | None:
        """`[T, B, ...]` of what a layer took or gave, or None for what has no such shape."""
        if tensors[0] is not None and tensors[0].ndim == 1 and self.batch == 1:
            tensors = [tensor.unsqueeze(0) for tensor in tensors]
        found = super().whole(tensors)
        if found is None and len(tensors) == 1 and tensors[0].shape[:1] == (self.batch,):
            return tensors[0].unsqueeze(0).expand(self.steps, *tensors[0].shape)
        return found

    def is_constant(self, module: Any) -> bool:
        """Whether a layer was called once for all steps, on what does not change."""
        sequence = self.calls[id(module)]
        if len(sequence.inputs) != 1 or self.steps == 1:
            return False
        return Followed.whole(self, sequence.inputs) is None


def watch(net: Any, x: Any, habits: Habits, is_stateful: Callable[[Any], bool]) -> Watched:
    """Runs `net(x)`, or `net` on every step of `x` where it takes one step.

    Raises Unsupported where neither can be done, or the neurons do not run the same steps.
    """
    failures = []
    whole: Watched | None = None
    for how, run in ways(net, x, habits):
        try:
            seen = attempt(net, x, habits, is_stateful, run)
        except Unsupported as refusal:
            failures.append(f"{how}, {refusal}")
            continue
        except Exception as error:  # a network may raise whatever it likes
            failures.append(f"{how} raises {type(error).__name__} ({str(error).splitlines()[0] if str(error) else ''})")
            continue
        if seen.steps > 1 or (whole is None and x.ndim not in (3, 5)):
            return seen
        whole = whole or seen
    if whole is not None:
        return whole
    raise Unsupported(
        f"{class_name(net)}.forward", f"cannot be followed on x of shape {tuple(x.shape)}: {'; '.join(failures)}"
    )


def ways(net: Any, x: Any, habits: Habits) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The ways in which a network may be called: as it is, or once a step."""
    yield "net(x)", lambda: net(x)

    def by_step() -> Any:
        state, returned = None, []
        for step in x:
            out = net(step, state) if habits.passes_state else net(step)
            if habits.passes_state:
                out, state = out
            returned.append(out)
        return stacked(returned)

    if x.ndim >= 2 and len(x) > 0:
        yield "called once a step", by_step


def stacked(returned: list[Any]) -> Any:
    """What a network returned at all steps, in the structure in which it returned one."""
    import torch

    if isinstance(returned[0], torch.Tensor):
        return torch.stack(returned)
    if isinstance(returned[0], tuple | list):
        return tuple(stacked(list(column)) for column in zip(*returned, strict=True))
    return returned


def attempt(net: Any, x: Any, habits: Habits, is_stateful: Callable[[Any], bool], run: Callable[[], Any]) -> Watched:
    """One run.

    Raises Unsupported where its neurons do not run the same steps.
    """
    seen = Watched(x, x, 0, 0, habits.batch_first, None, places(net))
    for place in seen.order:
        habits.reset(place.module)
    with noting(seen, is_stateful):
        seen.returned = run()
    seen.steps, seen.batch = extents(seen, habits, is_stateful)
    for sequence in seen.calls.values():
        sequence.called = "whole" if len(sequence.inputs) == 1 else "by step"
    return seen


def extents(seen: Watched, habits: Habits, is_stateful: Callable[[Any], bool]) -> tuple[int, int]:
    """Steps and samples, from the calls of the neurons.

    Raises Unsupported where they disagree, or there is none.
    """
    found: dict[str, tuple[int, int]] = {}
    for place in seen.order:
        if not is_stateful(place.module):
            continue
        inputs = seen.calls[id(place.module)].inputs
        first = inputs[0]
        if first is None or first.ndim < 1:
            why = "is given no numbers of neurons; give it [B, ...] at each step"
            raise Unsupported(f"`{place.name}`", why)
        if first.ndim == 1:
            # One sample, without an axis for it.
            found[place.name] = (len(inputs), 1)
            continue
        if not habits.takes_all_steps(place.module):
            found[place.name] = (len(inputs), first.shape[0])
        elif habits.joins_axes(place.module):
            found[place.name] = joined(place, first)
        else:
            pair = first.shape[1::-1] if habits.batch_first else first.shape[:2]
            found[place.name] = (int(pair[0]), int(pair[1]))
    if not found:
        raise Unsupported(class_name(type_of(seen)), "calls no neuron that is known; is its framework one of the five?")
    (name, first_extents), *rest = found.items()
    for other, these in rest:
        if these != first_extents:
            raise Unsupported(
                f"`{other}`",
                f"runs {these[0]} steps of {these[1]} samples, `{name}` {first_extents[0]} of {first_extents[1]}",
            )
    return first_extents


def type_of(seen: Watched) -> Any:
    """What the network is called in a refusal."""
    return type(seen.order[0].module) if seen.order else Watched


def joined(place: Place, first: Any) -> tuple[int, int]:
    """Steps and samples of a layer that takes both as one axis, from its settings."""
    module = place.module
    batch, steps = getattr(module, "batch_size", None), getattr(module, "num_timesteps", None)
    if steps in (None, -1) and batch not in (None, -1):
        steps = first.shape[0] // int(batch)
    elif batch in (None, -1) and steps not in (None, -1):
        batch = first.shape[0] // int(steps)
    if batch in (None, -1) or steps in (None, -1):
        raise Unsupported(f"`{place.name}`", "does not say its batch_size or num_timesteps; set one of them")
    return int(steps), int(batch)


@contextmanager
def noting(seen: Watched, is_stateful: Callable[[Any], bool]) -> Iterator[None]:
    """Notes the calls of all layers.

    What a neuron gives is handed on as a copy on the tape, and given back to it as the original: so the copy's
    gradient is what others make of it, without the neuron's own next step.
    """
    import torch

    called: dict[int, tuple[list[Any], list[Tensors]]] = {}
    order: list[Place] = []
    handles: list[Any] = []
    originals: dict[int, tuple[Any, Any]] = {}
    entered: dict[int, tuple[Any, Any]] = {}

    def mapped(value: Any, of: Callable[[Any], Any]) -> Any:
        if isinstance(value, torch.Tensor):
            return of(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(mapped(inner, of) for inner in value))
        if isinstance(value, tuple | list):
            return type(value)(mapped(inner, of) for inner in value)
        return value

    def alias(value: Any) -> Any:
        if not value.is_floating_point() or not value.requires_grad:
            return value
        made = value.view_as(value)
        originals[id(made)] = (made, value)
        return made

    def entry(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not value.requires_grad:
            return value
        made = value.view_as(value)
        entered[id(made)] = (made, value)
        return made

    def before(module: Any, inputs: Tensors, keywords: dict[str, Any]) -> Any:
        def original(value: Any) -> Any:
            return originals[id(value)][1] if id(value) in originals else value

        # The first is the current, which others made.
        given = (*map(entry, inputs[:1]), *(mapped(value, original) for value in inputs[1:]))
        return given, {key: mapped(value, original) for key, value in keywords.items()}

    def into(module: Any, inputs: Tensors) -> Any:
        return (*map(entry, inputs[:1]), *inputs[1:])

    def given_by_others(value: Any) -> Any:
        return entered[id(value)][1] if id(value) in entered else value

    def hook(place: Place, stateful: bool) -> Callable[..., Any]:
        def note(module: Any, inputs: Tensors, keywords: dict[str, Any], output: Any) -> Any:
            if stateful and isinstance(output, list) and output and len(output) == len(inputs[0]):
                # A readout that lists its potentials.
                whole = alias(torch.stack(output))
                made, output = (whole,), list(whole.unbind())
            elif stateful:
                output = mapped(output, alias)
                made = tuple(flat(output))
            else:
                made = tuple(flat(output))
            given = [value for value in (*inputs, *keywords.values()) if isinstance(value, torch.Tensor)]
            if id(module) not in called:
                called[id(module)] = ([], [])
                order.append(place)
            called[id(module)][0].append(given_by_others(given[0]) if given else None)
            called[id(module)][1].append(made)
            return output

        return note

    unique = {id(place.module): place for place in seen.order}
    for place in unique.values():
        stateful = is_stateful(place.module)
        if stateful:
            handles.append(place.module.register_forward_pre_hook(before, with_kwargs=True))
        elif any(True for _ in place.module.parameters()):
            handles.append(place.module.register_forward_pre_hook(into))
        handles.append(place.module.register_forward_hook(hook(place, stateful), with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    seen.order = [
        place for place in order if is_of_framework(place.module) or called[id(place.module)][0][0] is not None
    ]
    for key, (inputs, outputs) in called.items():
        seen.calls[key] = Sequence("whole", inputs, outputs)
    seen.aliases = originals  # type: ignore[attr-defined]
    seen.entries = [made for made, _ in entered.values()]


def flat(value: Any) -> list[Any]:
    """The tensors of an output, and of the tuples in it."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for inner in value for tensor in flat(inner)]
    return []
