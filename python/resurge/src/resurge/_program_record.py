"""One recording: the state around it, the calls of autograd functions, the backward pass, the file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ._errors import NonFiniteError
from ._program_lower import numpy


def _described(hook: Any) -> str:
    code = getattr(hook, "__code__", None)
    at = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    return f"{getattr(hook, '__qualname__', type(hook).__name__)}{at}"


def _parameters(of: Any) -> tuple[dict[str, torch.Tensor], list[torch.nn.Module]]:
    from ._program_torch import RecordError

    if isinstance(of, torch.nn.Module):
        return {n: p for n, p in of.named_parameters() if p.requires_grad}, [of]
    named = dict(of) if isinstance(of, dict) else {f"parameter.{i}": p for i, p in enumerate(of)}
    for name, p in named.items():
        if not isinstance(p, torch.Tensor) or not p.requires_grad or not p.is_leaf:
            raise RecordError(
                f"{name} is no leaf tensor that requires a gradient; give parameters, or a module of them"
            )
    return named, []


class _Kept:
    """A module's state, random numbers and gradients, given back as they were."""

    def __init__(self, modules, leaves: dict[str, torch.Tensor]) -> None:
        self.random = torch.random.get_rng_state()
        self.numpy = np.random.get_state()
        self.leaves = [(p, p.grad) for p in leaves.values()]
        self.attributes, self.values = [], {}
        for module in (m for root in modules for m in root.modules()):
            for holder in [module.__dict__, *(v for v in module.__dict__.values() if isinstance(v, dict))]:
                self.attributes.append((holder, dict(holder)))
                for t in holder.values():
                    if isinstance(t, torch.Tensor):
                        self.values[id(t)] = (t, t._version, t.detach().clone())

    def restore(self) -> None:
        for holder, before in self.attributes:
            for key in [k for k in holder if k not in before]:
                del holder[key]
            holder.update(before)
        with torch.no_grad():
            for tensor, version, value in self.values.values():
                if tensor._version != version or not torch.equal(tensor, value):
                    tensor.data.copy_(value)
        for p, grad in self.leaves:
            p.grad = grad
        torch.random.set_rng_state(self.random)
        np.random.set_state(self.numpy)


@contextlib.contextmanager
def _hooks_apart(parameters):
    """Without what alters the gradients of parameters afterwards: that is looked at by itself."""
    dictionaries = [p._backward_hooks for p in parameters if p._backward_hooks]
    held = [list(d.items()) for d in dictionaries]
    for d in dictionaries:
        d.clear()
    try:
        yield
    finally:
        for d, items in zip(dictionaries, held, strict=True):
            d.update(items)


def _note_hooks(recorder, number: int, p: torch.Tensor) -> None:
    """Applies the hooks to the gradient, and says what they change."""
    entry = recorder.p.nodes[number]
    if not p._backward_hooks:
        return
    grad = p.grad.detach().clone()
    with torch.no_grad():
        for hook in list(p._backward_hooks.values()):
            altered = hook(grad)
            grad = grad if altered is None else altered
    change = float((grad - p.grad).norm() / p.grad.norm()) if float(p.grad.norm()) else 0.0
    if change == 0.0:
        entry["with"].pop("hooks", None)
        return
    hooks = ", ".join(entry["with"]["hooks"])
    recorder.p.notes.append(
        f"after the backward pass, a hook on {entry['with']['name']} alters its gradient by "
        f"{100 * change:.3g} %: {hooks}"
    )


def record(
    closure: Callable[[], torch.Tensor],
    net_or_params: Any,
    *,
    definitions: dict | None = None,
    surrogates: dict | None = None,
) -> bytes:
    """Runs `closure`, which returns a loss of one number, and its backward pass; the bytes of a program file.

    `net_or_params` is a module, a dictionary of leaf tensors or a list of them. `definitions` gives, for autograd
    functions that are not elementwise, a function of the same arguments in plain torch, which defines what they
    compute.
    `surrogates` gives, for elementwise ones, the surrogate that they are meant to be, such as "atan 2".
    Parameters, their `.grad`, the module's state and random numbers are left as they were.
    """
    from ._program_torch import Marks, Recorder, RecordError

    leaves, modules = _parameters(net_or_params)
    kept = _Kept(modules, leaves)
    try:
        for p in leaves.values():
            p.grad = None
        recorder = Recorder(leaves, definitions or {}, surrogates)
        with torch.enable_grad(), Marks(recorder), recorder:
            loss = closure()
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            raise RecordError("the closure must return a loss of one number; sum its losses, or take their mean")
        if not loss.requires_grad:
            raise RecordError("the loss has no gradient; no parameter that requires one enters it, or it was detached")
        recorder.p.now = None
        node = recorder.consume(loss, None)
        if node is None:
            raise RecordError("the loss was not computed by operations that can be seen; compute it inside the closure")
        extra = [(p, p.grad) for _, p in recorder.parameters.values() if all(p is not q for q in leaves.values())]
        kept.leaves += extra
        for p, _ in extra:
            p.grad = None
        _define(recorder)
        _classify(recorder)
        node = _hooked(recorder, node)
        with _hooks_apart([p for _, p in recorder.parameters.values()]):
            loss.backward()
        for number, p in recorder.parameters.values():
            if p.grad is not None:
                recorder.cotangents[number] = p.grad.detach().clone()
                _note_hooks(recorder, number, p)
        _refuse_unbounded(recorder)
        return _finish(recorder, node)
    finally:
        kept.restore()


def record_function(function: Callable, reference: Callable, inputs: list, *, seed: int = 0) -> bytes:
    """Records `function` on `inputs` with `reference` as its definition.

    The loss is a random combination of its outputs.
    """
    from ._program_torch import RecordError

    owner = getattr(function, "__self__", None)
    if not (isinstance(owner, type) and issubclass(owner, torch.autograd.Function)):
        raise RecordError("give the apply of a torch.autograd.Function, such as MyLIF.apply")
    params = {f"input.{i}": x for i, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.requires_grad}

    def closure():
        outs = function(*inputs)
        outs = [o for o in (outs if isinstance(outs, tuple) else (outs,)) if o.is_floating_point() and o.requires_grad]
        generator = torch.Generator().manual_seed(seed)
        return sum((o * torch.randn(o.shape, generator=generator, dtype=o.dtype)).sum() for o in outs)

    return record(closure, params, definitions={owner: reference})


def _edges(recorder, fn) -> list[int | None]:
    """The node of each input of a node of autograd's graph."""
    found: list[int | None] = []
    for before, number in fn.next_functions:
        node = None
        if before is not None:
            variable = getattr(before, "variable", None)
            if variable is not None:
                known = recorder.parameters.get(id(variable))
                node = known[0] if known else None
            else:
                node = recorder.of_fn.get((before, number))
                if node is None:
                    for t, n in recorder.produced:
                        if t.grad_fn is before and t.output_nr == number:
                            recorder.register(t)
                            node = n
        found.append(node)
    return found


def _define(recorder) -> None:
    """Records the given definition of each call."""
    from ._program_torch import Marks

    for call in list(recorder.pending):
        forward = getattr(call.fn, "_forward_cls", None)
        reference = recorder.definitions.get(forward) if forward is not None else None
        if reference is None or call.context is None:
            continue
        args = call.context.args
        recorder.p.site = call.site
        with torch.enable_grad(), Marks(recorder), recorder:
            outs = reference(*args)
        outs = outs if isinstance(outs, tuple) else (outs,)
        call.body = {}
        for number, t in enumerate(outs):
            if isinstance(t, torch.Tensor) and number in call.outputs:
                defined = recorder.consume(t, None)
                if defined is not None:
                    call.body[number] = defined
        call.context = "defined"


def _certain(p, call, inputs) -> bool:
    """Whether the forward pass that was seen has no jump in it, so that its derivative is the gradient."""
    seen, left = set(), list(call.body.values())
    while left:
        n = left.pop()
        if n in seen or n in inputs:
            continue
        seen.add(n)
        node = p.nodes[n]
        if node["op"] in ("stop", "leaf", "opaque", "surrogate") or (node["op"] == "decide"):
            return False
        before = node.get("in", [])
        left += before[1:] if node["op"] == "where" else before
    return all(p.carries[n] for n in call.body.values())


def _backward(call, cotangents: list, edges: int) -> list:
    with torch.no_grad():
        grads = call.fn.apply(*cotangents)
    grads = list(grads) if isinstance(grads, tuple) else [grads]
    args = getattr(call.context, "args", None)
    if args is not None and len(args) == len(grads):
        grads = [g for a, g in zip(args, grads, strict=True) if isinstance(a, torch.Tensor)]
    elif len(grads) != edges:
        grads = [g for g in grads if g is not None][:edges]
    return grads + [None] * (edges - len(grads))


def _slopes(call, inputs, p) -> tuple[list | None, list[str]]:
    """The slopes of an elementwise function, by its own backward; and what its backward does that none does."""
    ((number, node),) = call.outputs.items()
    shape = p.shapes[node]
    wanted = [j for j, n in enumerate(inputs) if n is not None]
    if number != 0 or not wanted or any(p.shapes[inputs[j]] != shape for j in wanted):
        return None, []
    dtype = call.dtype
    ones = torch.ones(shape, dtype=dtype)
    generator = torch.Generator().manual_seed(1)
    slopes = _backward(call, [ones], len(inputs))
    problems: list[str] = []
    tolerance = 64 * torch.finfo(dtype).eps
    for factor, what in ((1.0, "elementwise"), (1e3, "linear in the cotangent"), (-1e-3, "linear in the cotangent")):
        random = torch.randn(shape, generator=generator, dtype=dtype) * factor
        for j, found in enumerate(_backward(call, [random], len(inputs))):
            if inputs[j] is None:
                continue
            slope = slopes[j] if slopes[j] is not None else torch.zeros(shape, dtype=dtype)
            found = found if found is not None else torch.zeros(shape, dtype=dtype)
            if tuple(slope.shape) != shape or tuple(found.shape) != shape:
                return None, []
            off = (found - slope * random).abs()
            if bool((off > tolerance * (slope.abs().max() * random.abs() + (slope * random).abs())).any()):
                problems.append(f"its backward is not {what}")
    if problems:
        return None, sorted(set(problems))
    zeros = torch.zeros(shape, dtype=dtype)
    return [slopes[j] if slopes[j] is not None else zeros for j in wanted], []


def _classify(recorder) -> None:
    """Decides of each call whether it is a surrogate, has a definition, or is taken at its word."""
    p = recorder.p
    for call in recorder.pending:
        if call.fn is None or not call.outputs:
            continue
        inputs = _edges(recorder, call.fn)
        call.inputs = inputs
        known = [n for n in inputs if n is not None]
        own = call.context != "defined"
        python = hasattr(call.fn, "_forward_cls")
        call.dtype = recorder.dtypes.get(next(iter(call.outputs.values())))
        certain = bool(call.body) and len(call.body) == len(call.outputs) and (not own or _certain(p, call, set(known)))
        problems: list[str] = []
        if python and not certain and len(call.outputs) == 1:
            try:
                slopes, problems = _slopes(call, inputs, p)
            except Exception as error:  # a backward of the user's may do anything
                slopes, problems = None, [f"its backward fails on another cotangent: {error}"]
            if slopes is not None:
                (node,) = call.outputs.values()
                _surrogate(p, call, node, known, slopes, recorder.declared.get(call.fn._forward_cls))
                continue
        if problems and not _is_step(p, call, known):
            problems = []
        for number, node in call.outputs.items():
            entry = p.nodes[node]
            entry["in"] = known
            entry["with"] = dict(function=call.name, call=recorder.pending.index(call))
            if number in call.body:
                entry["with"].update(definition=call.body[number], certain=certain)
            if problems:
                entry["with"]["problems"] = problems
        call.fn.register_hook(lambda grads, outs, call=call: _keep(call, grads))


def _is_step(p, call, inputs: list[int]) -> bool:
    """Whether the result is a step of its own input, number by number, and not of a sequence or a row."""
    (node,) = call.outputs.values()
    value, tensors = p.tensors[f"value.{node}"], getattr(call.context, "args", ())
    u = p.tensors.get(f"value.{inputs[0]}") if inputs else None
    if u is None:
        u = next((numpy(t) for t in tensors if isinstance(t, torch.Tensor) and tuple(t.shape) == value.shape), None)
    if u is None or u.shape != value.shape or not set(np.unique(value)[:3].tolist()) <= {0.0, 1.0}:
        return False
    below, above = u[value == 0], u[value != 0]
    return bool(below.size and above.size and below.max() <= above.min())


def _values(p, node: int):
    array = p.tensors.get(f"value.{node}")
    return () if array is None else np.unique(array)[:3].tolist()


def _keep(call, grads) -> None:
    for j, g in enumerate(grads):
        if g is not None:
            call.grads[j] = g.detach().clone()


def _hooked(recorder, loss: int) -> int:
    """Puts a node of the hook's slope behind every tensor with hooks, for all that take it."""
    p = recorder.p
    for node, t in list(recorder.tensors.items()):
        hooks = list((t._backward_hooks or {}).values())
        if not hooks or t._is_view():
            continue
        name = ", ".join(_described(hook) for hook in hooks)

        def run(grad, hooks=hooks):
            with torch.no_grad():
                for hook in hooks:
                    altered = hook(grad)
                    grad = grad if altered is None else altered
            return grad

        ones = torch.ones(t.shape, dtype=t.dtype)
        random = torch.randn(t.shape, dtype=t.dtype, generator=torch.Generator().manual_seed(1))
        slope = run(ones.clone())
        if bool(((run(random.clone()) - slope * random).abs() > 64 * torch.finfo(t.dtype).eps * random.abs()).any()):
            p.notes.append(f"a hook on a tensor does what no slope does, and its gradient cannot be followed: {name}")
            continue
        if bool((slope == 1).all()):
            continue
        p.site, p.now = p.nodes[node].get("at"), None
        behind = p.add("surrogate", [node], p.shapes[node], function=f"hook {name}", step=None)
        p.value(behind, numpy(t).reshape(p.shapes[node]))
        p.tensors[f"slope.{behind}.0"] = numpy(slope)
        for n, entry in enumerate(p.nodes[:behind]):
            if n != behind and node in entry.get("in", []):
                entry["in"] = [behind if i == node else i for i in entry["in"]]
        for call in recorder.pending:
            call.inputs = [behind if i == node else i for i in call.inputs]
        loss = behind if loss == node else loss
    return loss


def _surrogate(p, call, node: int, inputs: list[int], slopes: list, declared) -> None:
    step = None
    for n, entry in enumerate(p.nodes):
        if entry["op"] == "decide" and p.context[n] is call.context and call.context is not None:
            kind, before = entry["with"]["kind"], entry["in"]
            if kind in ("gt", "ge") and len(before) == 2 and before[0] == inputs[0]:
                other = p.nodes[before[1]]
                same = np.array_equal(p.tensors[f"value.{n}"], p.tensors[f"value.{node}"])
                if same and other["op"] == "constant" and "scalar" in other.get("with", {}):
                    step = [kind, other["with"]["scalar"]]
    if not set(_values(p, node)) <= {0.0, 1.0}:
        step = None
    p.nodes[node] |= {"op": "surrogate", "in": inputs, "with": dict(function=call.name, step=step)}
    if declared is not None:
        p.nodes[node]["with"]["declared"] = str(declared)
    for j, slope in enumerate(slopes):
        p.tensors[f"slope.{node}.{j}"] = numpy(slope)


def _refuse_unbounded(recorder) -> None:
    """Raises for a gradient that is not finite, with the function or the operation in which it became so."""
    p = recorder.p
    bad = {n for n, c in recorder.cotangents.items() if not bool(torch.isfinite(c).all())}
    for node in range(len(p.nodes) - 1, -1, -1):
        entry, parts = p.nodes[node], p.nodes[node].get("with", {})
        for j, before in enumerate(entry.get("in", []) if entry["op"] == "surrogate" else []):
            slope = p.tensors.get(f"slope.{node}.{j}")
            u = p.tensors.get(f"value.{before}")
            if slope is None or np.isfinite(slope).all():
                continue
            wrong = ~np.isfinite(slope)
            where = f", first where its input is {u[wrong][0]:.9g}" if u is not None and u.shape == slope.shape else ""
            raise NonFiniteError(
                f"{parts['function']} at {p.at(entry.get('at'))}: its backward function gives "
                f"{slope[wrong][0]} at {int(wrong.sum())} of {slope.size} numbers{where}; no gradient can be checked"
            )
    if not bad:
        return
    node = max(bad)
    for taker in range(node + 1, len(p.nodes)):
        entry = p.nodes[taker]
        if node in entry.get("in", []) and taker not in bad:
            name = entry.get("with", {}).get("function", entry["op"])
            c = recorder.cotangents[node]
            first = c[~torch.isfinite(c)][0].item()
            raise NonFiniteError(
                f"{name} at {p.at(entry.get('at'))}: the gradient becomes {first} in its backward pass, at "
                f"{int((~torch.isfinite(c)).sum())} of {c.numel()} numbers; no gradient can be checked"
            )
    raise NonFiniteError("the gradient of the loss is not finite; record a run whose loss is")


def _finish(recorder, loss: int) -> bytes:
    p = recorder.p
    for node, cotangent in recorder.cotangents.items():
        if tuple(cotangent.shape) == p.shapes[node]:
            p.tensors[f"cotangent.{node}"] = numpy(cotangent)
    for call in recorder.pending:
        known = [j for j, n in enumerate(call.inputs) if n is not None]
        for node in list(call.outputs.values())[:1]:
            if p.nodes[node]["op"] != "opaque":
                continue
            for place, j in enumerate(known):
                g = call.grads.get(j)
                if g is not None and tuple(g.shape) == p.shapes[call.inputs[j]]:
                    p.tensors[f"vjp.{node}.{place}"] = numpy(g)
    p.prune(loss, [n for n, _ in recorder.parameters.values()])
    return p.bytes(("torch", torch.__version__.split("+")[0]), p.loss)
