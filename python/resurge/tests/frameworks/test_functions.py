"""`resurge.check_function`: kernels for a whole sequence against their definition, right ones and wrong ones."""

import doctest

import pytest

import resurge

torch = pytest.importorskip("torch")

LAM, THETA, WIDTH = 0.8, 1.25, 0.3
LINE = "lif decay 0.8 threshold 1.25 reset subtract full surrogate sigmoid 0.3"


def slope(x):
    s = torch.sigmoid(x / WIDTH)
    return s * (1 - s) / WIDTH


def fused(fault="none", detached=False):
    """A leaky neuron of the whole sequence with a backward of its own, which has a fault."""
    kept = {}

    class Fused(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, lam=None):
            if fault == "assumes contiguous":
                x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
            decay = LAM if lam is None else lam
            u = torch.zeros(x.shape[1:], dtype=x.dtype)
            o, us, os = torch.zeros_like(u), [], []
            if fault == "state left over" and "u" in kept and kept["u"].shape == u.shape:
                u = kept["u"].to(u)
            for step in x:
                u = decay * u + step - THETA * o
                o = ((u - THETA) > 0).to(u.dtype)
                us.append(u)
                os.append(o)
            kept["u"] = u
            us, os = (torch.stack(us), torch.stack(os)) if us else (torch.zeros_like(x), torch.zeros_like(x))
            if fault == "altered input" and x.numel():
                x.data.clamp_(max=1.0)
            kept["saved"] = us
            ctx.save_for_backward(us, torch.as_tensor(decay, dtype=x.dtype))
            ctx.learned = lam is not None
            if fault == "value at one step" and len(os) == 1:
                return 1 - os
            if fault == "raises on nothing" and x.numel() == 0:
                raise ValueError("empty input")
            return os

        @staticmethod
        def backward(ctx, grad):
            us, decay = ctx.saved_tensors
            if fault == "saved outside":
                us = kept["saved"]
            if fault == "cotangent assumed contiguous":
                grad = torch.as_strided(grad, grad.shape, torch.empty(grad.shape).stride())
            steps, batch = us.shape[0], us.shape[1]
            du, out, dlam = torch.zeros(us.shape[1:], dtype=us.dtype), torch.zeros_like(us), us.new_zeros(())
            for t in reversed(range(steps)):
                if t < steps - 1:
                    dlam = dlam + (du * us[t]).sum()
                into = grad[t] if detached else grad[t] - THETA * du
                du = into * slope(us[t] - THETA) + decay * du
                if fault == "truncated" and t < steps - 20:
                    du = torch.zeros_like(du)
                out[t] = du
            if fault == "odd batch" and batch % 2 and batch > 1:
                out[:, -1] = 0
            elif fault == "multiple of 32" and batch and batch % 32 == 0:
                out = out * 2
            elif fault == "one step" and steps == 1:
                out = out * 0.5
            elif fault == "float32" and us.dtype == torch.float32:
                out = out * (1 + 1e-4)
            elif fault == "sign":
                out = -out
            elif fault == "late":
                out = torch.cat([torch.zeros_like(out[:1]), out[:-1]])
            elif fault == "1 + 1e-9":
                out = out * (1 + 1e-9)
            elif fault == "shared buffer":
                if "buffer" in kept and kept["buffer"].shape == out.shape and kept["buffer"].dtype == out.dtype:
                    out = kept["buffer"].copy_(out)
                kept["buffer"] = out
            elif fault == "needs both" and not all(ctx.needs_input_grad[:2]):
                out = out * 3
            elif fault == "half precision":
                out = out.half().to(out.dtype)
            return out, (dlam if ctx.learned and fault != "no parameter" else None)

    return Fused


def inputs(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return (1.6 * torch.rand(9, 4, 3, generator=generator, dtype=torch.float64)).to(dtype)


WRONG = [
    ("odd batch", "batch is 3, 33, 257", "gradient by input 0", "wrong at index 2 of axis 1 alone"),
    ("multiple of 32", "batch is 32", "gradient by input 0", "2.000000000 times"),
    ("one step", "steps is 1", "gradient by input 0", "0.500000000 times"),
    ("float32", "dtype is float32", "gradient by input 0", "1.0001"),
    ("sign", "all of them", "gradient by input 0", "opposite sign"),
    ("late", "", "gradient by input 0", "late"),
    ("1 + 1e-9", "", "gradient by input 0", "1.00000000"),
    ("truncated", "steps is 64", "gradient by input 0", "off by"),
    ("half precision", "", "gradient by input 0", "off by"),
    ("assumes contiguous", "layout is", "output", "at"),
    ("cotangent assumed contiguous", "layout is", "gradient by input 0", "at"),
    ("state left over", "", "", ""),
    ("saved outside", "use is overlapping calls", "gradient by input 0", ""),
    ("shared buffer", "use is overlapping calls", "call", "overwritten"),
    ("altered input", "", "call", "input 0 is altered"),
    ("value at one step", "steps is 1", "output", ""),
    ("raises on nothing", "", "call", "raises ValueError: empty input"),
]


@pytest.mark.parametrize(("fault", "where", "what", "how"), WRONG)
def test_a_wrong_kernel_is_caught_and_said_where_and_how(fault, where, what, how):
    report = resurge.check_function(fused(fault).apply, LINE, inputs())
    assert report.code == "differs" and not report, report
    assert where in " ".join(report.data["where"]), report
    assert any(what in row["what"] and how in row["how"] for row in report.failures), report
    assert report.words.startswith(next(iter(report.failures))["configuration"])
    with pytest.raises(resurge.GradientMismatch, match="differs"):
        report.raise_unless_matching()


@pytest.mark.parametrize("seed", range(20))
def test_a_right_kernel_agrees(seed):
    dtype = torch.float32 if seed % 2 else torch.float64
    detached = seed % 4 > 1
    line = LINE.replace("full", "detached") if detached else LINE
    report = resurge.check_function(fused(detached=detached).apply, line, inputs(seed, dtype), seed=seed)
    assert report.code == "agrees" and report.matches and not report.untested, report
    assert report.compared > 50
    report.raise_unless_matching()


def test_the_wrong_gradient_of_the_reset_is_another_function():
    report = resurge.check_function(fused(detached=True).apply, LINE, inputs())
    assert report.code == "differs" and "gradient by input 0" in report.words


def stepwise(x, lam):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, u):
            ctx.save_for_backward(u)
            return (u > 0).to(u.dtype)

        @staticmethod
        def backward(ctx, grad):
            return grad * slope(ctx.saved_tensors[0])

    u, o, out = torch.zeros(x.shape[1:], dtype=x.dtype), torch.zeros(x.shape[1:], dtype=x.dtype), []
    for step in x:
        u = lam * u + step - THETA * o
        o = Spike.apply(u - THETA)
        out.append(o)
    return torch.stack(out) if out else x * 1


def test_what_an_earlier_call_left_is_seen_by_other_inputs():
    kept = {}

    def cached(x):
        return kept.setdefault((x.shape, x.dtype), x.detach().cumsum(0)) + (x.cumsum(0) - x.cumsum(0).detach())

    only = {"steps": [], "batch": [], "dtype": [], "layout": [], "use": ["second call"]}
    report = resurge.check_function(cached, lambda x: x.cumsum(0), inputs(), sweep=only)
    assert report.code == "differs" and report.words.startswith("second call: the output"), report


@pytest.mark.parametrize("seed", range(20))
def test_a_learned_constant_is_checked_too(seed):
    lam = torch.tensor(0.7 + 0.01 * seed, dtype=torch.float64)
    report = resurge.check_function(fused().apply, stepwise, [inputs(seed), lam])
    assert report.code == "agrees", report


def test_a_gradient_that_is_not_returned_is_named():
    lam = torch.tensor(0.8, dtype=torch.float64)
    report = resurge.check_function(fused("no parameter").apply, stepwise, [inputs(), lam])
    assert report.code == "differs" and "input 1" in report.words and "missing" in report.words, report
    report = resurge.check_function(fused("needs both").apply, stepwise, [inputs(), lam])
    assert report.code == "differs" and "input 0 alone" in report.words, report


def test_what_was_not_tested_does_not_pass():
    kernel = fused().apply
    quiet = resurge.check_function(kernel, LINE, 0.01 * inputs())
    assert quiet.code == "undecided" and quiet.words == "no spike occurred; give larger inputs", quiet
    with pytest.raises(resurge.Undecided):
        quiet.raise_unless_matching()
    loud = resurge.check_function(kernel, LINE, 50 + inputs())
    assert loud.code == "undecided" and "every neuron" in loud.words, loud
    last = inputs()
    last[:-1] = 0
    late = resurge.check_function(kernel, LINE, 3 * last, sweep=False)
    assert late.code == "undecided" and "before the last step" in late.words, late

    def turned(function):
        return lambda x: function(x.transpose(0, 1)).transpose(0, 1)

    cell, batch_first = resurge._cell.read(LINE).run, 3 * last.transpose(0, 1).contiguous()
    late = resurge.check_function(turned(kernel), turned(cell), batch_first, axes=["BT"], sweep=False)
    assert late.code == "undecided" and "before the last step" in late.words, late
    flat = resurge.check_function(lambda x, w: (x * w.detach()).cumsum(0), lambda x, w: (x * w.detach()).cumsum(0),
                                  [inputs(), torch.rand(3, dtype=torch.float64)])  # fmt: skip
    assert flat.code == "undecided" and "input 1 is zero" in flat.words, flat


def test_a_definition_that_raises_for_a_size_is_said():
    def definition(x):
        if len(x) == 7:
            raise RuntimeError("not seven")
        return x.cumsum(0)

    report = resurge.check_function(lambda x: x.cumsum(0), definition, inputs())
    assert report.code == "undecided" and "not seven" in report.words


def test_a_spike_on_the_edge_is_not_held_against_the_kernel():
    x = inputs()
    x[0] = THETA  # exactly the threshold, which a spike has to exceed

    def other(current):  # the same cell, its input rounded otherwise
        return resurge._cell.read(LINE).run(current * (1 + 2.0**-52))

    report = resurge.check_function(other, LINE, x, sweep=False)
    assert report.code == "undecided" and "hangs on rounding" in report.words, report
    # With inputs that are drawn again, ten thresholds in a hundred places are few enough to be evaded or said.
    assert resurge.check_function(other, LINE, inputs()).code == "agrees"


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x.cumsum(0)[:, :1], "of the shape (9, 1, 3), and should be of (9, 4, 3)"),
        (lambda x: x.cumsum(0).float(), "float32, and should be float64"),
        (lambda x: (x.cumsum(0), x), "it returns 2 tensors, the definition 1"),
        (lambda x: x.detach().cumsum(0), "missing: it is None"),
        (lambda x: x.cumsum(0) / 0, "inf at (0, 0, 0), 108 of 108 numbers"),
        (lambda x: 3, "it raises InputError: it returned int, and no torch tensor"),
        (lambda x: x.cumsum(0) + (x * 0.5 - (x * 0.5).detach()) * torch.eye(9, 4)[:, :, None], "off by"),
    ],
)
def test_an_output_of_another_shape_or_kind_is_said(function, text):
    report = resurge.check_function(function, lambda x: x.cumsum(0), inputs(), sweep=False)
    assert report.code == "differs" and text in str(report), report


def test_a_coarser_kernel_agrees_as_far_as_is_said():
    half = fused("half precision").apply
    assert resurge.check_function(half, LINE, inputs()).code == "differs"
    assert resurge.check_function(half, LINE, inputs(), rtol=1e-3).code == "agrees"
    with pytest.raises(resurge.OptionError, match="rtol"):
        resurge.check_function(half, LINE, inputs(), rtol=-1)


@pytest.mark.parametrize("seed", range(3))
def test_sums_that_cancel_are_no_fault(seed):
    """A gradient by a weight, whose sum over steps and samples is taken in another order, in float32."""
    generator = torch.Generator().manual_seed(seed)
    x, w = torch.randn(40, 6, 3, generator=generator), torch.randn(3, generator=generator)

    def step_by_step(x, w):
        u, out = torch.zeros_like(x[0]) if len(x) else x, []
        for step in x:
            u = 0.9 * u + step * w
            out.append(u)
        return torch.stack(out) if out else x * w

    def at_once(x, w):
        t = torch.arange(len(x))
        kernel = torch.tril(0.9 ** (t[:, None] - t[None, :]).clamp(min=0).to(x.dtype))
        return torch.einsum("ts,sbn->tbn", kernel, x) * w

    report = resurge.check_function(at_once, step_by_step, [x, w], seed=seed)
    assert report.code == "agrees", report


def test_the_same_seed_gives_the_same_report():
    once, again = (str(resurge.check_function(fused("odd batch").apply, LINE, inputs(), seed=3)) for _ in range(2))
    assert once == again


def test_a_sweep_of_ones_own():
    kernel = fused("odd batch").apply
    even = resurge.check_function(kernel, LINE, inputs(), sweep={"batch": [2, 8], "use": []})
    assert even.code == "agrees", even
    assert resurge.check_function(kernel, LINE, inputs(), sweep=False).compared == 1
    turned = resurge.check_function(
        lambda x: kernel(x.transpose(0, 1)).transpose(0, 1),
        lambda x: resurge._cell.read(LINE).run(x.transpose(0, 1)).transpose(0, 1),
        inputs().transpose(0, 1).contiguous(),
        axes=["BT"],
    )
    assert "batch is 3, 33, 257" in " ".join(turned.data["where"]), turned


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((3, LINE, 0), resurge.InputError, "MyLIF.apply"),
        ((abs, 3, 0), resurge.InputError, "a cell such as"),
        ((abs, LINE, [3]), resurge.InputError, "no input is a torch tensor"),
        ((abs, LINE, [torch.ones(2, 2), torch.ones(2)]), resurge.InputError, "takes a current alone"),
        ((abs, LINE, torch.ones(2, 2, dtype=torch.float16)), resurge.DtypeError, "float16"),
        ((abs, LINE, torch.ones(0, 2)), resurge.InputError, "no number in it"),
        ((abs, LINE, torch.full((2, 2), torch.nan)), resurge.InputError, "NaN"),
        ((abs, LINE, torch.ones(2, 2, dtype=torch.int64)), resurge.InputError, "no gradient"),
        ((abs, "lif tau 5 rest zero", torch.ones(2, 2)), resurge.OptionError, "'rest'.*is not known; a cell is"),
        ((abs, "lfi", torch.ones(2, 2)), resurge.OptionError, "integrate-and-fire, then any of"),
        ((abs, "lif tau 0.5", torch.ones(2, 2)), resurge.OptionError, "no finite number from 1"),
        ((abs, "lif reset hard", torch.ones(2, 2)), resurge.OptionError, "zero-after-decay"),
        ((abs, "lif surrogate arctan 2", torch.ones(2, 2)), resurge.OptionError, "atan SLOPE"),
        ((abs, "lif tau 5 decay 0.8", torch.ones(2, 2)), resurge.OptionError, "give it once"),
    ],
)
def test_what_is_no_argument_says_what_to_do(arguments, error, text):
    with pytest.raises(error, match=text):
        resurge.check_function(*arguments)


@pytest.mark.parametrize("sweep", [3, {"time": [1]}, {"steps": [-1]}, {"dtype": ["float16"]}, {"layout": "odd"}])
def test_a_sweep_that_is_none_says_what_there_is(sweep):
    with pytest.raises(resurge.OptionError, match="sweep"):
        resurge.check_function(abs, LINE, inputs(), sweep=sweep)


@pytest.mark.parametrize("axes", [["TB", "B"], "TB", ["TX"], ["TBT"]])
def test_axes_that_are_none_say_what_there_is(axes):
    with pytest.raises(resurge.OptionError, match="axes"):
        resurge.check_function(abs, LINE, inputs(), axes=axes)


def test_the_example_of_its_documentation():
    text = resurge.check_function.__doc__.replace("  # doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(text, {}, "check_function", None, 0)
    assert len(example.examples) == 7
    assert doctest.DocTestRunner().run(example) == doctest.TestResults(0, 7)


def test_a_definition_with_a_state_is_refused():
    calls = []

    def counting(x):
        calls.append(1)
        return x * len(calls)

    with pytest.raises(resurge.NondeterminismError, match="fresh state"):
        resurge.check_function(counting, counting, inputs())
