"""`resurge.check_function`: a kernel for a whole sequence, held against what defines it, over many ways to call it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from resurge._arrays import whole
from resurge._cell import read
from resurge._errors import InputError, NondeterminismError
from resurge._gradcheck import numbers
from resurge._observe import made
from resurge._outcome import Difference, Outcome, cotangents, differences, outcome
from resurge._progress import Progress, progressing
from resurge._sweep import Configuration, Given, configurations, drawn, given, swept
from resurge._table import table_of
from resurge._verdict import Verdict

COLUMNS = {"configuration": str, "what": str, "how": str, "error": float, "allowed": float}
# Other inputs are drawn so often, where a spike of the definition hangs on rounding.
DRAWS = 8


class FunctionReport(Verdict):
    """What `check_function` found. It is true where the function agrees with its definition, and was tested.

    Attributes
    ----------
    matches : bool
        Whether `code` is `agrees`.
    code : {"agrees", "differs", "undecided"}
        The verdict.
    words : str
        The verdict in words: which configuration fails first, and how.
    failures : Table
        A row for each array that is wrong: in which configuration, which array, how, its error, and what is allowed.
    compared : int
        In how many configurations the function was compared.
    untested : list of str
        What could not be tested, and why.
    data : dict
        Everything.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.code = str(data["code"])
        self.matches = self.code == "agrees"
        self.words = str(data["words"])
        self.compared = int(data["compared"])
        self.untested: list[str] = list(data["untested"])
        self.failures = table_of(data["failures"], COLUMNS)
        made(self)

    def html(self) -> str:
        """The report as HTML."""
        head = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Resurge check_function</title></head>'
        )
        return f"{head}<body><h1>Resurge check_function: {self.code}</h1>{self._repr_html_()}</body></html>\n"

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.words}", f"  the definition: {self.data['definition']}"]
        lines += [f"  {text}" for text in (self.data["tested"], *self.data["where"]) if text]
        rows = list(self.failures)
        for row in rows[:12]:
            numbers = (
                "" if row["error"] == float("inf") else f" (error {row['error']:.2g}, {row['allowed']:.2g} allowed)"
            )
            lines.append(f"  {row['configuration']}: {row['what']}: {row['how']}{numbers}")
        lines += [f"  and {len(rows) - 12} more"] if len(rows) > 12 else []
        return "\n".join(lines + [f"  not tested: {text}" for text in self.untested])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def check_function(
    function: Callable[..., Any],
    reference: Callable[..., Any] | str,
    inputs: Any,
    *,
    sweep: bool | Mapping[str, Any] = True,
    axes: Sequence[str] | None = None,
    rtol: float = 0.0,
    seed: int = 0,
    progress: bool | Progress | None = None,
) -> FunctionReport:
    """Checks a function of a whole sequence against what defines it: values and gradients, over many ways to call it.

    A kernel that is right for the usual batch may be wrong for an odd one, for one step, in another type, for inputs
    that are not contiguous, or in a second call. Each way is tried; values are compared, and gradients by random
    cotangents. A difference must be larger than what rounding explains, by the type, the number of steps, and how far
    the definition moves when its inputs are rounded. Where a spike hangs on rounding, other inputs are drawn.

    Parameters
    ----------
    function : callable
        Such as `MyLIF.apply`, or a module. It takes the inputs and returns a tensor, or a tuple of them.
    reference : callable or str
        The definition: step-wise torch code of the same arguments, or a cell in one line, such as
        "lif tau 5 reset subtract detached", which takes a current `[T, B, N]` and returns spikes.
    inputs : tensor or sequence of tensor
        Inputs at which neurons spike. Of tensors those that require a gradient are checked, or all floating ones
        where none does.
    sweep : bool or mapping, optional
        False for the inputs as given alone. A mapping changes what is varied: `steps` and `batch` (sizes), `dtype`,
        `layout` (`transposed`, `sliced`, `expanded`) and `use` (`second call`, `overlapping calls`, `backward twice`,
        `accumulated`, `alone`, `no gradient asked`).
    axes : sequence of str, optional
        For each input the meaning of its leading axes: "TB", "BT", "T", "B" or "". By default "TB" for those whose
        first two sizes are those of the first tensor, and "" for the others, whose sizes stay.
    rtol : float
        A difference of this part of the largest number is allowed in any case: for kernels that compute in a coarser
        type than that of their inputs.
    seed : int
        Draws cotangents and the inputs of other sizes. The same seed gives the same report.
    progress : bool or callable, optional
        True for a bar of tqdm where that is installed, or a function of how many are done, and of how many.

    Returns
    -------
    FunctionReport
        True where the function agrees, and spikes, resets and every gradient were seen.

    Raises
    ------
    InputError, DtypeError, OptionError
        For an argument that is none, with what to do.
    NondeterminismError
        For a definition that gives other values when it is called again.

    Examples
    --------
    >>> import resurge, torch  # doctest: +SKIP
    >>> x = torch.rand(12, 4, 3, dtype=torch.float64)  # doctest: +SKIP
    >>> def sums(x):  # doctest: +SKIP
    ...     return torch.stack([x[: t + 1].sum(0) for t in range(len(x))])
    >>> report = resurge.check_function(lambda x: x.cumsum(0), sums, x)  # doctest: +SKIP
    >>> report.code, report.untested[0]  # doctest: +SKIP
    ('agrees', 'steps 0: the definition raises RuntimeError: stack expects a non-empty TensorList')
    >>> report = resurge.check_function(lambda x: x.cumsum(0) if len(x) > 1 else 2 * x, sums, x)  # doctest: +SKIP
    >>> report.words  # doctest: +SKIP
    'steps 1: the output: every entry is 2.000000000 times the reference'
    """
    if not callable(function):
        raise InputError(f"the function is a {type(function).__name__}; give what is called, such as MyLIF.apply")
    if not callable(reference) and not isinstance(reference, str):
        raise InputError(
            f"the reference is a {type(reference).__name__}; give a function, or a cell such as 'lif tau 5'"
        )
    seed = whole("seed", seed)
    numbers(rtol=rtol)
    held = given(inputs, axes)
    if isinstance(reference, str):
        cell = read(reference)
        if len(held.inputs) != 1:
            raise InputError(
                f"a cell in one line takes a current alone, and there are {len(held.inputs)} inputs; "
                "give step-wise torch code as the reference"
            )
        reference, definition = cell.run, str(cell)
    else:
        name = getattr(reference, "__qualname__", type(reference).__name__)
        definition = f"{getattr(reference, '__module__', '')}.{name}"
    todo = list(configurations(held, swept(sweep)))
    seen = Seen(held)
    with progressing(progress, len(todo)) as tell:
        for done, one in enumerate(todo, 1):
            tried(function, reference, held, one, seed, rtol, seen)
            if tell is not None:
                tell(done)
    return FunctionReport(seen.verdict(definition, len(todo)))


def tried(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    held: Given,
    one: Configuration,
    seed: int,
    rtol: float,
    seen: Seen,
) -> None:
    """Compares in one configuration."""
    # The inputs that were given stand for themselves.
    for draw in range(1 if one == Configuration() else DRAWS):
        first = seed + draw * 1000 if draw or one.steps is not None or one.batch is not None else 0
        # What an earlier call with the given inputs left behind shows in other ones.
        before, first = (first, first + 17) if one.use == "second call" else (first + 17, first)
        mine, theirs = drawn(held, one, first), drawn(held, one, first)
        right, pulled = defined(reference, theirs, one, seed)
        if right.error:
            seen.skip(one, f"the definition raises {right.error}")
            return
        if first == 0 and one == Configuration():
            steady(reference, drawn(held, one, 0), one, seed, right)
        found = outcome(function, mine, drawn(held, one, before), pulled, one)
        steps = one.steps if one.steps is not None else held.size("T") or 1
        wrong = differences(found, right, one, steps, None, rtol)
        if any(d.numeric for d in wrong):
            spread, stable = rounded(reference, held, one, first, seed, right)
            wrong = differences(found, right, one, steps, spread, rtol)
            if not stable and all(d.numeric for d in wrong) and wrong:
                continue
        seen.note(one, right, wrong)
        return
    seen.skip(one, "a spike, or a kink of the surrogate, hangs on rounding there; give other inputs")


def defined(
    reference: Callable[..., Any], inputs: list[Any], one: Configuration, seed: int
) -> tuple[Outcome, list[Any]]:
    """The definition's own outcome, by one call, and the cotangents."""
    import torch

    plain = Configuration(one.steps, one.batch, one.dtype, one.layout, "one call", one.only)
    probe = outcome(reference, [x.detach() if isinstance(x, torch.Tensor) else x for x in inputs], [], None, plain)
    if probe.error:
        return probe, []
    pulled = cotangents(probe.outputs, one, seed)
    return outcome(reference, inputs, [], pulled, plain), pulled


def steady(reference: Callable[..., Any], inputs: list[Any], one: Configuration, seed: int, right: Outcome) -> None:
    """Raises for a definition that keeps a state from call to call."""
    again, _ = defined(reference, inputs, one, seed)
    if again.error or differences(again, right, one, 1, None):
        raise NondeterminismError(
            "the definition gives other values when it is called again; let it begin from a fresh state in every call"
        )


def rounded(
    reference: Callable[..., Any], held: Given, one: Configuration, first: int, seed: int, right: Outcome
) -> tuple[Outcome, bool]:
    """How far the definition moves when its inputs are rounded; and whether that is little, so that no spike does."""
    import torch

    spread = Outcome([0.0] * len(right.outputs), dict.fromkeys(right.gradients, 0.0))
    stable = True
    for k in range(4):
        generator = torch.Generator().manual_seed(seed + k + 1)
        moved = []
        for x in drawn(held, one, first):
            if isinstance(x, torch.Tensor) and x.is_floating_point():
                noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.device, x.dtype)
                with torch.no_grad():
                    y = x.detach() * (1 + 8 * torch.finfo(x.dtype).eps * noise)
                moved.append(y.requires_grad_(x.requires_grad))
            else:
                moved.append(x)
        other, _ = defined(reference, moved, one, seed)
        if other.error:
            continue
        pairs = [("outputs", j, a, b) for j, (a, b) in enumerate(zip(other.outputs, right.outputs, strict=True))]
        pairs += [("gradients", j, other.gradients.get(j), b) for j, b in right.gradients.items()]
        for where, j, a, b in pairs:
            if a is None or b is None or not b.numel():
                continue
            off = float((a.double() - b.double()).abs().max())
            store: Any = getattr(spread, where)
            store[j] = max(store[j], off)
            eps = torch.finfo(b.dtype).eps if b.is_floating_point() else 0.0
            stable = stable and off <= max(eps, 1e-12) ** 0.5 * max(float(b.double().abs().max()), 1e-300)
    if not stable:
        spread = Outcome([0.0] * len(right.outputs), dict.fromkeys(right.gradients, 0.0))
    return spread, stable


class Seen:
    """What all configurations showed."""

    def __init__(self, held: Given) -> None:
        self.held = held
        self.failures: list[dict[str, Any]] = []
        self.failed: list[Configuration] = []
        self.passed: list[Configuration] = []
        self.skipped: list[tuple[Configuration, str]] = []
        self.discrete = self.fired = self.reset = self.silent = False
        self.moved: set[int] = set()
        # The axis of outputs that is time, as in the first sequence.
        self.time = next((axes.index("T") for axes in held.axes if "T" in axes), 0)
        self.first = True

    def skip(self, one: Configuration, why: str) -> None:
        """Notes what could not be tested."""
        self.skipped.append((one, why))

    def note(self, one: Configuration, right: Outcome, wrong: list[Difference]) -> None:
        """Notes what was."""
        import torch

        (self.failed if wrong else self.passed).append(one)
        for d in wrong:
            row = {"configuration": str(one), "what": d.what, "how": d.how, "error": d.error, "allowed": d.allowed}
            self.failures.append(row)
        outs = [out for out in right.outputs if out.numel()]
        if outs:
            spikes = all(bool((out == out.round()).all()) for out in outs)
            self.discrete = spikes and (self.first or self.discrete)
            self.first = False
        for out in outs:
            self.fired = self.fired or bool((out != 0).any())
            self.silent = self.silent or bool((out == 0).any())
            self.reset = self.reset or (out.ndim > self.time and bool((out.movedim(self.time, 0)[:-1] != 0).any()))
        for k, g in right.gradients.items():
            if isinstance(g, torch.Tensor) and g.numel() and bool((g != 0).any()):
                self.moved.add(k)

    def verdict(self, definition: str, count: int) -> dict[str, Any]:
        """The report's data."""
        serious = [(one, why) for one, why in self.skipped if 0 not in (one.steps, one.batch)]
        untested = [f"{one}: {why}" for one, why in self.skipped]
        doubts = [f"{serious[0][0]}: {serious[0][1]}"] if serious else []
        if not self.failed and not self.passed:
            doubts = doubts or ["nothing could be compared"]
        elif self.discrete and not self.fired:
            doubts.insert(0, "no spike occurred; give larger inputs")
        elif self.discrete and not self.silent:
            doubts.insert(0, "every neuron spiked in every step; give smaller inputs")
        elif self.discrete and self.held.size("T") is not None and not self.reset:
            doubts.insert(0, "no spike occurred before the last step, so that none reset anything; give larger inputs")
        tried = bool(self.failed or self.passed)
        flat = [k for k, wanted in enumerate(self.held.checked) if tried and wanted and k not in self.moved]
        for k in flat:
            doubts.append(f"the gradient by input {k} is zero in the definition throughout")
        compared = len(self.failed) + len(self.passed)
        tested = f"{compared} of {count} configurations compared, {len(self.failed)} differ"
        if self.failed:
            row = self.failures[0]
            code, words = "differs", f"{row['configuration']}: {row['what']}: {row['how']}"
        elif doubts:
            code, words = "undecided", doubts[0]
        else:
            code, words = "agrees", "values and gradients are those of the definition"
        untested += [doubt for doubt in doubts if doubt not in untested]
        return {
            "code": code,
            "words": words,
            "definition": definition,
            "compared": compared,
            "tested": tested,
            "where": self.where(),
            "failures": self.failures,
            "untested": untested,
        }

    def where(self) -> list[str]:
        """Where alone it fails: the values of which every other one passes throughout."""
        kinds = {row["what"].split(" by ")[0] for row in self.failures}
        asked = [one for one in self.passed if kinds != {"the gradient"} or one.use != "no gradient asked"]
        passed = [one for one in asked if 0 not in (one.steps, one.batch)]
        if self.failed and not passed:
            return ["it differs in all of them"]
        found = []
        own = {"steps": self.held.size("T"), "batch": self.held.size("B"), "dtype": self.held.dtype}
        for name in ("steps", "batch", "dtype", "layout", "use"):

            def value(one: Configuration, name: str = name) -> Any:
                mine = getattr(one, name)
                return own.get(name) if mine is None else mine

            bad, good = {value(one) for one in self.failed}, {value(one) for one in passed}
            if self.failed and good - bad:
                always = " in part" if bad & good else ""
                found.append(f"it differs only where {name} is {told(bad)}{always}; it agrees with {told(good - bad)}")
        return found


def told(values: set[Any]) -> str:
    """Values in order, as text."""
    return ", ".join(str(value) for value in sorted(values, key=lambda v: (isinstance(v, str), v)))
