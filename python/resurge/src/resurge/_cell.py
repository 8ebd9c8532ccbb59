"""A spiking cell written in one line, and what it computes as plain torch code: `resurge_snn::Cell`, step by step.

i[t] = synapse i[t-1] + gain_s J[t]                   the synapse, if any; else i = J
u[t] = decay R(u[t-1], o[t-1]) + gain i[t] + drive    or the reset elsewhere in the step
o[t] = H(u[t] - threshold[t])                         0 while refractory
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resurge._errors import OptionError
from resurge._surrogate import Shape, parsed

NAMES = ("lif", "integrate-and-fire")
# What becomes of the potential, where in the step, and whether a value follows: the labels of `Reset::ALL`.
RESETS = {
    "none": ("none", "before", False),
    "zero": ("zero", "before", False),
    "zero-after-decay": ("zero", "decay", False),
    "gated": ("zero", "input", False),
    "subtract": ("subtract", "decay", False),
    "subtract-then-decay": ("subtract", "before", False),
    "subtract-after-input": ("subtract", "input", False),
    "value": ("value", "before", True),
    "value-after-decay": ("value", "decay", True),
    "value-gated": ("value", "input", True),
    "zero-then-add": ("add", "before", True),
    "zero-then-add-after-decay": ("add", "decay", True),
    "zero-then-add-gated": ("add", "input", True),
}
GRADIENTS = ("full", "detached", "scaled:ALPHA", "spatial-only")
FIRES = ("above", "at-or-above", "repeatedly")
OPTIONS = {
    "tau": "tau STEPS",
    "decay": "decay FACTOR",
    "threshold": "threshold POTENTIAL",
    "gain": "gain FACTOR",
    "drive": "drive POTENTIAL",
    "initial": "initial POTENTIAL",
    "synapse": "synapse DECAY [GAIN]",
    "adaptation": "adaptation DECAY SCALE",
    "refractory": "refractory STEPS",
    "trace": "trace DECAY",
    "reset": f"reset {'|'.join(RESETS)} [VALUE]",
    "surrogate": "surrogate NAME NUMBERS [scale SCALE]",
    "fires": f"fires {'|'.join(FIRES)}",
    "relative": "relative",
}
KNOWN = f"{' or '.join(NAMES)}, then any of: {'; '.join(OPTIONS.values())}; {', '.join(GRADIENTS)}"


@dataclass
class Cell:
    """The constants of a cell; the defaults are those of `Cell::lif`."""

    decay: float = 0.8
    threshold: float = 1.0
    gain: float = 1.0
    drive: float = 0.0
    initial: float = 0.0
    synapse: tuple[float, float] | None = None
    adaptation: tuple[float, float] | None = None
    refractory: int = 0
    trace: float | None = None
    reset: str = "zero"
    value: float = 0.0
    # How much of the reset's dependence on the spike the gradient sees; none where `spatial`.
    alpha: float = 1.0
    spatial: bool = False
    fires: str = "above"
    relative: bool = False
    surrogate: Shape = field(default_factory=lambda: parsed("sigmoid 0.2"))

    def __str__(self) -> str:
        """The whole line, nothing left to a default."""
        gradients = {1.0: "full", 0.0: "detached"}
        gradient = "spatial-only" if self.spatial else gradients.get(self.alpha, f"scaled:{self.alpha:g}")
        value = f" {self.value:g}" if RESETS[self.reset][2] else ""
        parts = [f"lif decay {self.decay:g} threshold {self.threshold:g} reset {self.reset}{value} {gradient}"]
        parts.append(f"surrogate {self.surrogate.text} fires {self.fires}")
        parts += [f"{name} {number:g}" for name, number, left in self._plain() if number != left]
        for name, pair in (("synapse", self.synapse), ("adaptation", self.adaptation)):
            parts += [f"{name} {pair[0]:g} {pair[1]:g}"] if pair is not None else []
        parts += [f"trace {self.trace:g}"] if self.trace is not None else []
        return " ".join(parts + ["relative"] * self.relative)

    def _plain(self) -> list[tuple[str, float, float]]:
        gain, drive, initial = ("gain", self.gain, 1.0), ("drive", self.drive, 0.0), ("initial", self.initial, 0.0)
        return [gain, drive, initial, ("refractory", self.refractory, 0)]

    def run(self, current: Any) -> Any:
        """Spikes `[T, ...]` (their trace, where there is one) of a current of that shape, step by step."""
        import torch

        spike = spiking(self.surrogate, self.fires)
        silence = torch.zeros_like(current[0]) if len(current) else current.new_zeros(current.shape[1:])
        u, o, i, risen, trace, rest = silence + self.initial, None, silence, None, silence, silence
        outputs = []
        for step in current:
            if self.synapse is not None:
                i = self.synapse[0] * i + self.synapse[1] * step
            u = self.potential(u, o, i if self.synapse is not None else step, risen)
            if self.adaptation is not None and o is not None:
                rho, scale = self.adaptation
                risen = (rho * risen if risen is not None else 0.0) + scale * (1 - rho) * o
            threshold: Any = self.threshold if risen is None else self.threshold + risen
            if self.relative and risen is not None:
                threshold = threshold.detach()
            above = u - threshold
            if self.relative or self.fires == "repeatedly":
                above = above / threshold
            fired = spike(above)
            if self.refractory:
                if o is not None:
                    rest = torch.where(o.detach() > 0, float(self.refractory), (rest - 1).clamp(min=0))
                fired = fired * (rest == 0)
            o = fired
            trace = o if self.trace is None else self.trace * trace + (1 - self.trace) * o
            outputs.append(trace)
        return torch.stack(outputs) if outputs else current.clone()

    def potential(self, u: Any, o: Any, step: Any, risen: Any) -> Any:
        """`u[t]` from the potential and the spike before, and the current."""
        driven = self.gain * step + self.drive
        if o is None:
            return self.decay * u + driven
        u = u.detach() if self.spatial else u
        seen = o if self.alpha == 1 and not self.spatial else o.detach()
        if 0 < self.alpha < 1 and not self.spatial:
            seen = seen + self.alpha * (o - o.detach())
        when = RESETS[self.reset][1]
        threshold = self.threshold if risen is None else self.threshold + risen
        if when == "before":
            return self.decay * self.after(u, seen, threshold) + driven
        if when == "decay":
            return self.after(self.decay * u, seen, threshold) + driven
        return self.after(self.decay * u + driven, seen, threshold)

    def after(self, v: Any, o: Any, threshold: Any) -> Any:
        """`R(v, o)`."""
        kind = RESETS[self.reset][0]
        if kind == "none":
            return v
        if kind == "subtract":
            return v - threshold * o
        kept = v * (1 - o)
        return kept if kind == "zero" else kept + self.value * (o if kind == "value" else 1.0)


def spiking(surrogate: Shape, fires: str) -> Callable[[Any], Any]:
    """The step with the surrogate's slope for its derivative."""
    import torch

    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            if fires == "repeatedly":
                return (x + 1).floor().clamp(min=0)
            return (x > 0 if fires == "above" else x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] * surrogate.slope(ctx.saved_tensors[0])

    apply: Callable[[Any], Any] = Spike.apply
    return apply


def read(text: str) -> Cell:
    """A cell from its line, such as `lif tau 5 reset subtract detached`.

    Raises
    ------
    OptionError
        For a word that is not known, with all that are, and for a number out of its range.

    Examples
    --------
    >>> from resurge._cell import read
    >>> print(read("lif tau 5 reset subtract detached"))
    lif decay 0.8 threshold 1 reset subtract detached surrogate sigmoid 0.2 fires above
    """
    words = text.split()
    if not words or words[0] not in NAMES:
        raise OptionError(f"the cell {text!r} begins with no known name; a cell is {KNOWN}")
    cell = Cell() if words[0] == "lif" else Cell(decay=1.0)
    at, seen = 1, set()
    while at < len(words):
        word, rest = words[at], words[at + 1 :]
        key = "gradient" if word.split(":")[0] in ("full", "detached", "scaled", "spatial-only") else word
        key = "decay" if key == "tau" else key
        if key != "gradient" and word not in OPTIONS:
            raise OptionError(f"{word!r} in the cell {text!r} is not known; a cell is {KNOWN}")
        if key in seen:
            raise OptionError(f"{word!r} in the cell {text!r} says again what was said before; give it once")
        seen.add(key)
        at += 1 + taken(cell, word, rest, text)
    return cell


def taken(cell: Cell, word: str, rest: list[str], text: str) -> int:
    """Sets what a word says, and how many words after it belong to it."""

    def number(k: int, low: float = -math.inf, high: float = math.inf) -> float:
        given = rest[k] if k < len(rest) else ""
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and low <= value <= high):
            bounds = f" from {low:g}" * (low > -math.inf) + f" to {high:g}" * (high < math.inf)
            form = OPTIONS.get(word, word)
            raise OptionError(f"{form!r} in the cell {text!r}: {given or 'nothing'!r} is no finite number{bounds}")
        return value

    def is_number(k: int) -> bool:
        try:
            return k < len(rest) and math.isfinite(float(rest[k]))
        except ValueError:
            return False

    below_one = 1 - 2.0**-53
    if word == "tau":
        cell.decay = 1 - 1 / number(0, 1)
    elif word == "decay":
        cell.decay = number(0, 0, 1)
    elif word == "threshold":
        cell.threshold = number(0, math.ulp(0.0))
    elif word in ("gain", "drive", "initial"):
        setattr(cell, word, number(0))
    elif word == "trace":
        cell.trace = number(0, 0, below_one)
    elif word == "synapse":
        more = is_number(1)
        cell.synapse = (number(0, 0, below_one), number(1) if more else 1.0)
        return 1 + more
    elif word == "adaptation":
        cell.adaptation = (number(0, 0, below_one), number(1))
        return 2
    elif word == "refractory":
        steps = number(0, 0, 2**31)
        if steps != int(steps):
            raise OptionError(f"'refractory STEPS' in the cell {text!r}: {rest[0]} is no whole number")
        cell.refractory = int(steps)
    elif word == "reset":
        name = rest[0] if rest else "nothing"
        if name not in RESETS:
            raise OptionError(f"the reset {name!r} in the cell {text!r} is not known; it is {', '.join(RESETS)}")
        cell.reset, cell.value = name, number(1) if RESETS[name][2] else 0.0
        return 1 + RESETS[name][2]
    elif word == "fires":
        if not rest or rest[0] not in FIRES:
            raise OptionError(f"'fires' in the cell {text!r} needs one of {', '.join(FIRES)}")
        cell.fires = rest[0]
    elif word == "relative":
        cell.relative = True
        return 0
    elif word == "surrogate":
        stop = next(
            (k for k, w in enumerate(rest) if (k and w in (*OPTIONS, *GRADIENTS)) or w.startswith("scaled:")), None
        )
        mine = rest[:stop]
        cell.surrogate = parsed(" ".join(mine))
        return len(mine)
    else:
        graded(cell, word, text)
        return 0
    return 1


def graded(cell: Cell, word: str, text: str) -> None:
    """Sets the gradient of the reset."""
    name, _, factor = word.partition(":")
    if name == "scaled":
        try:
            cell.alpha = float(factor)
        except ValueError:
            cell.alpha = math.nan
        if not 0 <= cell.alpha <= 1:
            raise OptionError(f"{word!r} in the cell {text!r}: 'scaled:ALPHA' needs a number from 0 to 1")
    elif factor:
        raise OptionError(f"{word!r} in the cell {text!r}: {name!r} has no number")
    else:
        cell.alpha, cell.spatial = float(name == "full"), name == "spatial-only"
