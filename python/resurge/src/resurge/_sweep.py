"""The configurations in which a function of sequences is checked, and the inputs of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from resurge._arrays import refusal
from resurge._errors import DtypeError, InputError, OptionError

STEPS = (1, 2, 7, 0, 64)
BATCH = (1, 3, 32, 33, 0, 257)
DTYPES = ("float64", "float32")
LAYOUTS = ("transposed", "sliced", "expanded")
USES = ("alone", "second call", "overlapping calls", "backward twice", "accumulated", "no gradient asked")
KEYS: dict[str, tuple[Any, ...]] = {"steps": STEPS, "batch": BATCH, "dtype": DTYPES, "layout": LAYOUTS, "use": USES}
# The largest of both sizes at once is checked up to this many numbers in an input.
LARGEST = 1 << 18


@dataclass(frozen=True)
class Configuration:
    """One way to call the function. Sizes of None are those of the inputs that were given."""

    steps: int | None = None
    batch: int | None = None
    dtype: str | None = None
    layout: str = "contiguous"
    use: str = "one call"
    # Of the use `alone`: the input that requires a gradient.
    only: int | None = None

    def __str__(self) -> str:
        parts = [
            f"{name} {value}" for name, value in (("steps", self.steps), ("batch", self.batch)) if value is not None
        ]
        parts += [self.dtype] if self.dtype is not None else []
        parts += [f"{self.layout} inputs"] if self.layout != "contiguous" else []
        if self.use == "alone":
            parts.append(f"a gradient of input {self.only} alone")
        elif self.use != "one call":
            parts.append(self.use)
        return ", ".join(parts) or "the inputs as given"


@dataclass
class Given:
    """The inputs as they were given: which are checked, and along which axes they are sequences of a batch."""

    inputs: list[Any]
    checked: list[bool]
    axes: list[str]

    def size(self, letter: str) -> int | None:
        """The number of steps (`T`) or of samples (`B`)."""
        for x, axes in zip(self.inputs, self.axes, strict=True):
            if letter in axes:
                return int(x.shape[axes.index(letter)])
        return None

    @property
    def dtype(self) -> str:
        """The type of the first input that is checked."""
        return str(self.inputs[self.checked.index(True)].dtype).removeprefix("torch.")


def given(inputs: Any, axes: Sequence[str] | None) -> Given:
    """The inputs, checked.

    Raises
    ------
    InputError, DtypeError, OptionError
        For what cannot be one.
    """
    import torch

    listed = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    tensors = [x for x in listed if isinstance(x, torch.Tensor)]
    if not tensors:
        raise InputError("no input is a torch tensor; give the sequences, such as a current of shape [T, B, N]")
    for k, x in enumerate(listed):
        if not isinstance(x, torch.Tensor):
            continue
        name = str(x.dtype).removeprefix("torch.")
        if (x.is_floating_point() or x.is_complex()) and name not in DTYPES:
            raise DtypeError(refusal(f"input {k}", name))
        if x.numel() == 0:
            raise InputError(f"input {k} has no number in it; give one of ordinary size, the sweep has the empty ones")
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            raise InputError(f"input {k} holds a NaN or an infinity; check at another point")
    floats = [isinstance(x, torch.Tensor) and x.is_floating_point() for x in listed]
    wanted = [isinstance(x, torch.Tensor) and x.requires_grad for x in listed]
    checked = wanted if any(wanted) else floats
    if not any(checked):
        raise InputError("no input is float32 or float64: there is no gradient to check")
    return Given(listed, checked, letters(listed, axes))


def letters(inputs: list[Any], axes: Sequence[str] | None) -> list[str]:
    """Of each input the meaning of its leading axes: `TB`, `BT`, `T`, `B`, or nothing."""
    import torch

    if axes is None:
        first = next(x for x in inputs if isinstance(x, torch.Tensor))
        lead = tuple(first.shape[:2])
        alike = [isinstance(x, torch.Tensor) and len(lead) == 2 and tuple(x.shape[:2]) == lead for x in inputs]
        return ["TB" if like else "" for like in alike]
    if isinstance(axes, str) or len(axes) != len(inputs):
        raise OptionError(f"axes is {axes!r}; give one text an input, {len(inputs)} in all, such as ['TB', '']")
    for k, (one, x) in enumerate(zip(axes, inputs, strict=True)):
        rank = x.ndim if isinstance(x, torch.Tensor) else 0
        if one not in ("", "T", "B", "TB", "BT") or len(one) > rank:
            raise OptionError(f"the axes of input {k} are {one!r}; they are '', 'T', 'B', 'TB' or 'BT', at most {rank}")
    found = list(axes)
    for letter in "TB":
        sizes = {x.shape[one.index(letter)] for one, x in zip(found, inputs, strict=True) if letter in one}
        if len(sizes) > 1:
            raise OptionError(f"axes say that {letter} is {' and '.join(map(str, sorted(sizes)))} at once")
    return found


def swept(sweep: Any) -> dict[str, tuple[Any, ...]]:
    """The values of each key of a sweep.

    Raises
    ------
    OptionError
        For a key or a value that there is not.
    """
    if isinstance(sweep, bool):
        return dict(KEYS) if sweep else {key: () for key in KEYS}
    if not isinstance(sweep, Mapping):
        raise OptionError(f"sweep is {sweep!r}; give True, False, or a dictionary with any of {', '.join(KEYS)}")
    found = dict(KEYS)
    for key, values in sweep.items():
        if key not in KEYS:
            raise OptionError(f"sweep has {key!r}; it is a dictionary with any of {', '.join(KEYS)}")
        listed = tuple(values) if isinstance(values, list | tuple | range) else (values,)
        if key in ("steps", "batch"):
            for value in listed:
                if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 24:
                    raise OptionError(f"sweep has {value!r} among its {key}; give whole numbers from 0 on")
        else:
            listed = tuple(str(value).removeprefix("torch.") for value in listed)
            for value in listed:
                if value not in KEYS[key]:
                    raise OptionError(f"sweep has the {key} {value!r}; there are {', '.join(KEYS[key])}")
        found[key] = listed
    return found


def configurations(inputs: Given, sweep: dict[str, tuple[Any, ...]]) -> Iterator[Configuration]:
    """First the inputs as given, then one thing changed at a time, then all sizes with all types."""
    import torch

    base = Configuration()
    yield base
    steps = [n for n in sweep["steps"] if inputs.size("T") is not None]
    batch = [n for n in sweep["batch"] if inputs.size("B") is not None]
    dtypes: list[str | None] = [name for name in sweep["dtype"] if name != inputs.dtype]
    seen = {base}
    several = [k for k, wanted in enumerate(inputs.checked) if wanted]

    def sized(one: Configuration) -> int:
        sizes = {"T": one.steps, "B": one.batch}
        most = 0
        for x, axes in zip(inputs.inputs, inputs.axes, strict=True):
            if not isinstance(x, torch.Tensor):
                continue
            count = x.numel()
            for letter in axes:
                size = sizes[letter]
                own = x.shape[axes.index(letter)]
                count = count if size is None else count // own * size
            most = max(most, count)
        return most

    each = [replace(base, dtype=name) for name in dtypes]
    each += [replace(base, steps=n) for n in steps] + [replace(base, batch=n) for n in batch]
    each += [replace(base, layout=name) for name in sweep["layout"]]
    for use in sweep["use"]:
        if use != "alone":
            each.append(replace(base, use=use))
        elif len(several) > 1:
            each += [replace(base, use=use, only=k) for k in several]
    for name in [None, *dtypes]:
        each += [
            replace(base, steps=t, batch=b, dtype=name) for t in [None, *small(steps)] for b in [None, *small(batch)]
        ]
        each += [
            replace(base, dtype=name, layout=one, batch=b) for one in sweep["layout"] for b in [None, *small(batch)]
        ]
        each += [replace(base, dtype=name, use=use) for use in sweep["use"] if use != "alone"]
    for one in each:
        if one not in seen and sized(one) <= LARGEST:
            seen.add(one)
            yield one


def small(sizes: list[int]) -> list[int]:
    """Those that are tried with all others: neither none nor many."""
    return [n for n in sizes if 0 < n <= 40]


def drawn(inputs: Given, one: Configuration, seed: int) -> list[Any]:
    """Inputs of this configuration: those given, or of other sizes with the given numbers, drawn again."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    sizes = {"T": one.steps, "B": one.batch}
    again = seed != 0 or one.steps is not None or one.batch is not None
    made = []
    for k, (x, axes) in enumerate(zip(inputs.inputs, inputs.axes, strict=True)):
        if not isinstance(x, torch.Tensor):
            made.append(x)
            continue
        value = x.detach()
        if axes and again:
            shape = list(value.shape)
            for axis, letter in enumerate(axes):
                size = sizes[letter]
                shape[axis] = shape[axis] if size is None else size
            count = int(torch.tensor(shape).prod())
            places = torch.randint(value.numel(), (count,), generator=generator).to(value.device)
            value = value.reshape(-1)[places].reshape(shape)
        if one.dtype is not None and value.is_floating_point():
            value = value.to(getattr(torch, one.dtype))
        value = laid(value.clone(memory_format=torch.contiguous_format), one.layout if axes else "contiguous")
        asked = inputs.checked[k] and (one.only is None or one.only == k) and one.use != "no gradient asked"
        made.append(value.requires_grad_(asked) if value.is_floating_point() else value)
    return made


def laid(x: Any, layout: str) -> Any:
    """The same numbers, or with `expanded` those of the first sample for all, otherwise in memory."""
    import torch

    if layout == "transposed" and x.ndim > 1:
        return x.transpose(0, 1).contiguous().transpose(0, 1)
    if layout == "sliced" and x.ndim:
        wide = torch.stack([x, torch.full_like(x, 7.0)], dim=-1)
        return wide[..., 0]
    if layout == "expanded" and x.ndim > 1 and x.shape[1]:
        return x[:, :1].expand(x.shape)
    return x
