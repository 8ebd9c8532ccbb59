"""Records what code in PyTorch did as a program file (docs/program-format.md).

Operations come from below autograd, values with them. Which gradient flows where comes from autograd's own graph: a
tensor that carries a gradient in the program but not in autograd was cut. Nothing of any framework is replaced.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ._program_file import Program, RecordError, contiguous
from ._program_lower import DECISIONS, FACTORIES, MOVES, RULES, Lowering, Ref, moved, numpy

_TORCH = os.path.dirname(torch.__file__) + os.sep
_HERE = os.path.dirname(__file__) + os.sep
_FRAMES = 4


# They change how a tensor looks at its numbers, and not the numbers.
_METADATA = {
    "squeeze_",
    "unsqueeze_",
    "t_",
    "transpose_",
    "as_strided_",
    "detach_",
    "swapaxes_",
    "swapdims_",
    "resize_",
    "set_",
    "requires_grad_",
    "_local_scalar_dense",
}


class _Context:
    """A forward of an autograd function that is running: its context, and its arguments as they were at first."""

    __slots__ = ("args", "ctx", "frame")

    def __init__(self, frame) -> None:
        code, values = frame.f_code, frame.f_locals
        given = [values[n] for n in code.co_varnames[: code.co_argcount] if n in values]
        if code.co_flags & 0x04:
            given += values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount], ())
        self.frame, self.ctx = frame, None
        if given and isinstance(given[0], torch.autograd.function.FunctionCtx):
            self.ctx, given = given[0], given[1:]
        self.args = tuple(given)


def _forwards() -> set:
    """The code of every autograd function's forward."""
    found, left = set(), [torch.autograd.Function]
    while left:
        one = left.pop()
        code = getattr(one.__dict__.get("forward"), "__func__", one.__dict__.get("forward"))
        found.add(getattr(code, "__code__", None))
        left += one.__subclasses__()
    return found


class _Store:
    """What is known of a storage: the node of all of it, and of views of it."""

    __slots__ = ("base", "geometry", "keep", "views")

    def __init__(self, base: int, tensor: torch.Tensor) -> None:
        self.base, self.geometry, self.keep = base, _geometry(tensor), tensor
        self.views: dict[tuple, int] = {}


class _Call:
    """A call of an autograd function, or an operation that has no rule: known by what its backward does."""

    def __init__(self, name: str, site: int | None) -> None:
        self.name, self.site = name, site
        self.fn: Any = None
        self.outputs: dict[int, int] = {}
        self.body: dict[int, int] = {}
        self.context: Any = None
        self.grads: dict[int, torch.Tensor] = {}
        self.inputs: list[int | None] = []
        self.dtype: Any = None


def _geometry(t: torch.Tensor) -> tuple:
    return t.storage_offset(), tuple(t.shape), t.stride()


def _key(t: torch.Tensor) -> int:
    return t.untyped_storage()._cdata


def _leaves(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in _leaves(v)]
    return [t for v in value.values() for t in _leaves(v)] if isinstance(value, dict) else []


class Recorder(TorchDispatchMode):
    def __init__(self, leaves: dict[str, torch.Tensor], definitions: dict[type, Callable], declared=None) -> None:
        super().__init__()
        self.p = Program()
        self.stores: dict[int, _Store] = {}
        self.parameters: dict[int, tuple[int, torch.Tensor]] = {}
        self.of_fn: dict[tuple, int] = {}
        self.tensors: dict[int, torch.Tensor] = {}
        self.hooked: dict[Any, list[tuple[int, int]]] = {}
        self.cotangents: dict[int, torch.Tensor] = {}
        self.calls: dict[int, _Call] = {}
        self.pending: list[_Call] = []
        self.definitions, self.declared = definitions, declared or {}
        self.cuts: dict[int, tuple[str, int, torch.Tensor]] = {}
        self.stops: dict[tuple, int] = {}
        self.override: list[dict[int, int]] = []
        self.forwards, self.others = _forwards(), set()
        self.contexts: dict[Any, _Context] = {}
        self.produced: list[tuple[torch.Tensor, int]] = []
        self.dtypes: dict[int, torch.dtype] = {}
        for name, tensor in leaves.items():
            self.leaf(name, tensor)

    def leaf(self, name: str, tensor: torch.Tensor) -> int:
        hooks = [*(tensor._backward_hooks or {}).values()]
        hooks += [*(getattr(tensor, "_post_accumulate_grad_hooks", None) or {}).values()]
        texts = [_described(hook) for hook in hooks]
        node = self.p.add("leaf", [], tensor.shape, carries=True, name=name, **({"hooks": texts} if texts else {}))
        self.p.tensors[f"value.{node}"] = numpy(tensor)
        if not np.isfinite(self.p.tensors[f"value.{node}"]).all():
            raise RecordError(f"the parameter {name} is not finite; give it finite numbers")
        self.stores[_key(tensor)] = _Store(node, tensor)
        self.parameters[id(tensor)] = (node, tensor)
        return node

    # Where

    def is_forward(self, frame) -> bool:
        """Whether this is the forward of an autograd function."""
        code = frame.f_code
        if code in self.forwards:
            return True
        if code in self.others or not code.co_argcount:
            return False
        first = frame.f_locals.get(code.co_varnames[0])
        here = isinstance(first, torch.autograd.function.BackwardCFunction)
        (self.forwards if here else self.others).add(code)
        return here

    def stack(self) -> tuple[int | None, Any]:
        """The site of the code that runs, and the call of an autograd function that it is in."""
        frame, found, context = sys._getframe(1), [], None
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            if not name.startswith(_HERE) and self.is_forward(frame):
                if frame not in self.contexts:
                    self.contexts[frame] = _Context(frame)
                context = self.contexts[frame]
                found.clear()  # the call is what is named
            elif len(found) < _FRAMES and not name.startswith((_TORCH, _HERE)) and "contextlib" not in name:
                found.append((name, frame.f_lineno, code.co_name, linecache.getline(name, frame.f_lineno).strip()))
            frame = frame.f_back
        return (self.p.place(tuple(found)) if found else None), context

    # What a tensor is

    def resolve(self, t: torch.Tensor) -> int | None:
        store = self.stores.get(_key(t))
        if store is None:
            return None
        geometry = _geometry(t)
        if geometry == store.geometry:
            return store.base
        if geometry not in store.views:
            store.views[geometry] = self.view(store, geometry)
        return store.views[geometry]

    def flat(self, store: _Store) -> int:
        """The base in the order of its storage, which a view's strides are strides of."""
        _offset, shape, strides = store.geometry
        order = sorted(range(len(shape)), key=lambda a: (-strides[a], shape[a] == 1))
        packed = contiguous([shape[a] for a in order])
        dense = all(shape[a] == 1 or strides[a] == s for a, s in zip(order, packed, strict=True))
        return self.p.permute(store.base, order) if dense else -1

    def view(self, store: _Store, geometry: tuple) -> int:
        (start, _, _), (offset, shape, strides) = store.geometry, geometry
        flat = self.flat(store)
        size = int(np.prod(self.p.shapes[store.base]))
        last = offset - start + sum((n - 1) * s for n, s in zip(shape, strides, strict=True) if n)
        if flat >= 0 and offset >= start and (last < size or 0 in shape):
            return self.p.strided(flat, shape, offset - start, strides)
        raise RecordError("a view of a tensor reaches beyond what was computed; make it contiguous() first")

    def register(self, t: torch.Tensor) -> None:
        """Connects a tensor's place in autograd's graph with its node."""
        fn = t.grad_fn
        if fn is None or (fn, t.output_nr) in self.of_fn:
            return
        node = self.resolve(t)
        forward = getattr(fn, "_forward_cls", None)
        if forward is not None:
            node = self.call(fn, t, node, forward)
        if node is None:
            return
        waiting = self.calls.get(node)
        if waiting is not None and waiting.fn is None:
            waiting.fn = fn
        self.of_fn[fn, t.output_nr] = node
        self.tensors[node] = t
        # A copy of what has a node already has a part of its cotangent. So has a view, which is taken from what it is a
        # view of, even where autograd takes it from another view.
        if t._is_view() or self.derived(fn, node):
            return
        if fn not in self.hooked:
            self.hooked[fn] = []
            fn.register_prehook(lambda grads, fn=fn: self.observe(fn, grads))
        self.hooked[fn].append((t.output_nr, node))

    def derived(self, fn, node: int) -> bool:
        """Whether a node of autograd's graph copies what has this node of the program already."""
        left = [(fn, 0)]
        while left:
            one, depth = left.pop()
            for before, number in one.next_functions:
                known = self.of_fn.get((before, number))
                if known == node:
                    return True
                if before is not None and known is None and depth < 8:
                    left.append((before, depth + 1))
        return False

    def observe(self, fn, grads) -> None:
        for number, node in self.hooked[fn]:
            if number < len(grads) and grads[number] is not None:
                grad = grads[number].detach()
                self.cotangents[node] = self.cotangents[node] + grad if node in self.cotangents else grad.clone()

    def call(self, fn, t: torch.Tensor, body: int | None, forward: type) -> int:
        name = f"{forward.__module__}.{forward.__qualname__}"
        known = next((c for c in self.pending if c.fn is fn), None)
        if known is None:
            known = _Call(name, self.p.nodes[body].get("at") if body is not None else None)
            known.fn = fn
            known.context = next((c for c in self.contexts.values() if c.ctx is fn), None)
            if known.context is None and body is not None:
                known.context = self.p.context[body]
            self.pending.append(known)
        before, self.p.site = self.p.site, known.site if known.site is not None else self.p.site
        node = self.p.add("opaque", [], t.shape, carries=True, function=name, call=len(self.pending))
        self.p.value(node, numpy(t))
        self.dtypes[node] = t.dtype
        self.p.site = before
        known.outputs[t.output_nr] = node
        if body is not None:
            known.body[t.output_nr] = body
        self.calls[node] = known
        store = self.stores.get(_key(t))
        if store is None:
            self.stores[_key(t)] = _Store(node, t)
        elif store.geometry == _geometry(t):
            store.base, store.views = node, {}
        else:
            store.views[_geometry(t)] = node
        return node

    def consume(self, t: torch.Tensor, context: Any) -> int | None:
        """The node that an operation takes, with a stop where autograd has cut it."""
        if self.override and id(t) in self.override[-1]:
            return self.override[-1][id(t)]
        if t._is_view() and t._base is not None:
            self.register(t._base)
        self.register(t)
        node = self.resolve(t)
        if node is None:
            return self.unknown(t)
        if self.override:
            return node
        inside = context is not None and not any(t is a for a in context.args)
        if self.p.carries[node] and not inside:
            if not t.requires_grad:
                return self.stop(node, t)
            if t.is_leaf and id(t) not in self.parameters:
                return self.stop(node, t, "new leaf")
        return node

    def unknown(self, t: torch.Tensor) -> int | None:
        if not t.requires_grad or not t.is_floating_point():
            return None
        if t.is_leaf:
            return self.leaf(f"input.{len(self.parameters)}", t)
        if t._is_view() and t._base is not None and t._base.is_leaf and t._base.requires_grad:
            self.unknown(t._base)
            return self.resolve(t)
        node = self.p.constant(numpy(t).reshape(tuple(t.shape)), carried=True)
        self.p.notes.append(f"{self.text(self.p.site)}: a state that an earlier call left carries its gradient over")
        self.stores[_key(t)] = _Store(node, t)
        return node

    def text(self, site: int | None) -> str:
        frames = next((f for f, n in self.p.sites.items() if n == site), ())
        return f"{frames[0][0]}:{frames[0][1]}" if frames else "an unknown line"

    def stop(self, node: int, t: torch.Tensor, kind: str | None = None) -> int:
        known = self.cuts.get(id(t))
        if kind is None and known is not None:
            kind, site = known[0], known[1]
        elif kind is None and node in self.p.no_grad:
            kind, site = "no_grad", self.p.no_grad[node]
        else:
            kind, site = kind or "cut", self.p.site
        if (node, site, kind) not in self.stops:
            before, self.p.site = self.p.site, site
            self.stops[node, site, kind] = self.p.add("stop", [node], self.p.shapes[node], carries=False, kind=kind)
            self.p.site = before
        return self.stops[node, site, kind]

    # Operations

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        schema = func._schema
        name = schema.name.split("::")[1]
        tensors = _leaves(args) + _leaves(kwargs)
        written = [a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
        known = [t for t in tensors if _key(t) in self.stores or t.requires_grad]
        aliases = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        if not known or (aliases and not written) or name in FACTORIES or name in _METADATA:
            return func(*args, **kwargs)
        site, context = self.stack()
        if not self.override:
            self.p.site, self.p.now = site, context
        refs: dict[int, Ref] = {}
        for t in tensors:
            if id(t) not in refs:
                refs[id(t)] = Ref(t, self.consume(t, context) if t.layout == torch.strided else None)
        target = args[0] if written and args and isinstance(args[0], torch.Tensor) else None
        before = None
        if target is not None and any(r.node is not None for r in refs.values()) and _key(target) not in self.stores:
            before = self.whole(target)
        elif target is not None:
            before = self.resolve(target)
        if target is not None:
            held = target.detach().clone()
            refs[id(target)] = Ref(held, refs[id(target)].node) if id(target) in refs else Ref(held, None)
        out = func(*args, **kwargs)
        if not written and any(_key(o) in self.stores for o in _leaves(out) if o.layout == torch.strided):
            return out  # a view that does not say so
        if any(r.node is not None for r in refs.values()) or (before is not None and target is not None):
            self.lower(func, name.rstrip("_") if written else name, args, kwargs, refs, out, target, before)
        return out

    def whole(self, t: torch.Tensor) -> int:
        """A constant of all that a storage holds, because something that is not will be written into it."""
        size = t.untyped_storage().nbytes() // t.element_size()
        flat = torch.as_strided(t.detach(), (size,), (1,), 0)
        if t.numel() == size and _geometry(t)[0] == 0 and t.is_contiguous():
            flat = flat.view(t.shape)
        node = self.p.constant(numpy(flat).copy()) if flat.dim() else self.p.scalar(flat.item())
        self.stores[_key(t)] = _Store(node, flat)
        return node

    def lower(self, func, name, args, kwargs, refs, out, target, before) -> None:
        def with_refs(a):
            if isinstance(a, torch.Tensor):
                return refs[id(a)]
            if isinstance(a, (list, tuple)):
                return [with_refs(i) for i in a]
            return a

        given, named = with_refs(args), {k: with_refs(v) for k, v in kwargs.items()}
        like = next(iter(_leaves(out)), None)
        lo = Lowering(self.p, like)
        first = len(self.p.nodes)
        nodes: Any = NotImplemented
        if (all(r.node is None for r in refs.values()) and target is not None) or (
            target is not None
            and target.requires_grad is False
            and not any(r.node is not None for r in refs.values() if r.tensor is not target)
            and name not in RULES
            and name not in DECISIONS
        ):
            nodes = lo.p.constant(numpy(target))
        elif name in DECISIONS or (like is not None and not like.is_floating_point() and name not in RULES):
            inputs = [lo.node(a) for a in given if isinstance(a, (Ref, int, float)) and not isinstance(a, bool)]
            nodes = tuple(self.p.decide(name, inputs, numpy(t)) for t in _leaves(out))
        elif name in RULES:
            with contextlib.suppress(NotImplementedError):
                nodes = RULES[name](lo, name, out, *given, **_meant(named))
        elif name in MOVES:
            nodes = moved(lo, func, given, named, out)
        if nodes is NotImplemented:
            nodes = self.decompose(func, args, kwargs, refs, out, target)
        if nodes is NotImplemented:
            nodes = self.opaque(name, refs, out)
        outs = [target] if target is not None else _leaves(out)
        for t, node in zip(outs, nodes if isinstance(nodes, tuple) else (nodes,), strict=False):
            if node is None:
                continue
            if target is not None and self.p.shapes[node] != tuple(t.shape):
                node = self.p.expand(node, t.shape)
            if self.p.shapes[node] != tuple(t.shape):
                raise RecordError(f"aten::{name} gives {tuple(t.shape)}, its rule {self.p.shapes[node]}; report this")
            self.bind(t, node, target is not None, before, first)

    def bind(self, t: torch.Tensor, node: int, in_place: bool, before: int | None, first: int) -> None:
        if (
            node >= first
            and f"value.{node}" not in self.p.tensors
            and t.is_floating_point()
            and self.p.nodes[node]["op"] != "constant"
        ):
            self.p.value(node, numpy(t))
        if not torch.is_grad_enabled() and self.p.now is None and not self.override:
            self.p.no_grad.setdefault(node, self.p.site)
        key = _key(t)
        store = self.stores.get(key)
        if store is None or not in_place:
            self.stores[key] = _Store(node, t)
            self.produced.append((t, node))
            return
        geometry = _geometry(t)
        if geometry == store.geometry:
            store.base, store.views = node, {}
            return
        (start, _, _), (offset, _, strides) = store.geometry, geometry
        flat = self.flat(store)
        if flat < 0 or offset < start:
            raise RecordError(
                "an operation in place writes into a view of a tensor that is not dense; clone() it first"
            )
        store.base = self.p.write(flat, node, offset - start, strides)
        shape = self.p.shapes[flat]
        store.geometry = (start, shape, tuple(contiguous(shape)))
        store.views = {geometry: node}

    def decompose(self, func, args, kwargs, refs, out, target):
        """Runs torch's own decomposition of the operation, and takes its nodes."""
        from torch._decomp import core_aten_decompositions

        functional = func
        if target is not None:
            return NotImplemented
        table = _table(core_aten_decompositions)
        rule = table.get(functional)
        if rule is None:
            return NotImplemented
        first, waiting = len(self.p.nodes), len(self.pending)
        self.override.append({i: r.node for i, r in refs.items() if r.node is not None})
        try:
            with self, torch.no_grad():
                result = rule(*args, **kwargs)
            nodes = tuple(self.resolve(t) for t in _leaves(result))
        except (NotImplementedError, TypeError, RecordError):
            return NotImplemented
        finally:
            self.override.pop()
        if any(node["op"] == "opaque" for node in self.p.nodes[first:]):
            del self.pending[waiting:]
            return NotImplemented
        fits = zip(_leaves(result), _leaves(out), strict=False)
        same = all(a.shape == b.shape and torch.allclose(a.double(), b.double(), 1e-4, 1e-6) for a, b in fits)
        return nodes if same and len(nodes) == len(_leaves(out)) else NotImplemented

    def opaque(self, name: str, refs, out):
        inputs = [r.node for r in refs.values() if r.node is not None]
        call = _Call(f"aten::{name}", self.p.site)
        self.pending.append(call)
        nodes = []
        for number, t in enumerate(_leaves(out)):
            if not t.is_floating_point():
                nodes.append(self.p.decide(name, inputs, numpy(t)))
                continue
            node = self.p.add("opaque", inputs, t.shape, function=call.name, call=len(self.pending))
            self.p.value(node, numpy(t))
            self.dtypes[node] = t.dtype
            call.outputs[number] = node
            self.calls[node] = call
            nodes.append(node)
        return tuple(nodes)


def _meant(named: dict) -> dict:
    """Without what says only where and how a result is stored."""
    return {
        k: v for k, v in named.items() if k not in ("layout", "device", "pin_memory", "memory_format", "non_blocking")
    }


_DECOMPOSITIONS: dict = {}


def _table(make: Callable[[], dict]) -> dict:
    if not _DECOMPOSITIONS:
        _DECOMPOSITIONS.update(make())
    return _DECOMPOSITIONS


class Marks(TorchFunctionMode):
    """Notes where a tensor was cut: by detach, .data and the like, which look alike below."""

    NAMES: ClassVar[dict[str, str]] = {
        "detach": "detach",
        "detach_": "detach",
        "__get__": "data",
        "numpy": "numpy",
        "tensor": "torch.tensor",
    }

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and not out.requires_grad:
            name = getattr(func, "__name__", "")
            cuts = self.recorder.cuts
            if name in self.NAMES and (name != "__get__" or "data" in repr(getattr(func, "__self__", ""))):
                cuts[id(out)] = (self.NAMES[name], self.recorder.stack()[0], out)
            elif (
                args
                and isinstance(args[0], torch.Tensor)
                and id(args[0]) in cuts
                and id(out) not in cuts
                and out.layout == torch.strided
                and _key(out) == _key(args[0])
            ):
                cuts[id(out)] = (*cuts[id(args[0])][:2], out)
        return out


from ._program_record import _described, record, record_function  # noqa: E402

__all__ = ["RecordError", "record", "record_function"]
