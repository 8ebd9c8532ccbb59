"""Wrong backward functions: each is caught, and its function is named. Right ones are not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from program_check import check, write  # noqa: E402

from resurge._program_torch import record, record_function  # noqa: E402

LAM, THETA, WIDTH, TRACE = 0.8, 1.25, 0.5, 0.6


def slope(u):
    """Of unit area: a sigmoid whose scale is a fifth of the width."""
    s = torch.sigmoid(u / WIDTH)
    return s * (1 - s) / WIDTH


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad * slope(ctx.saved_tensors[0])


def stepwise(reset: str, detached: bool, trace: bool):
    """The definition: a leaky neuron, step by step."""

    def run(x):
        u, o, i, out = torch.zeros_like(x[0]), torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
        for step in x:
            held = o.detach() if detached else o
            i = TRACE * i + step if trace else step
            u = LAM * u * (1 - held) + i if reset == "zero" else LAM * u + i - THETA * held
            o = Spike.apply(u - THETA)
            out.append(o)
        return torch.stack(out)

    return run


def fused(fault: str, reset: str = "subtract", detached: bool = False, trace: bool = False):
    """The same as one function with a backward of its own, which has a fault."""

    class Fused(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            u, o, i, us, os = torch.zeros_like(x[0]), torch.zeros_like(x[0]), torch.zeros_like(x[0]), [], []
            for step in x:
                i = TRACE * i + step if trace else step
                u = LAM * u * (1 - o) + i if reset == "zero" else LAM * u + i - THETA * o
                o = ((u - THETA) > 0).to(u.dtype)
                us.append(u)
                os.append(o)
            ctx.save_for_backward(torch.stack(us), torch.stack(os))
            return torch.stack(os)

        @staticmethod
        def backward(ctx, grad):
            us, os = ctx.saved_tensors
            steps = us.shape[0]
            du, _held, grads = torch.zeros_like(us[0]), torch.zeros_like(us[0]), [None] * steps
            path = torch.zeros_like(us[0])
            for t in reversed(range(steps)):
                at = us[min(t + 1, steps - 1)] if fault == "u[t+1]" else us[t]
                s = slope(at - THETA)
                if fault == "missing 1/width":
                    s = s * WIDTH
                theta = 1.0 if fault == "missing theta" else THETA
                lam = 1.0 if fault == "missing lambda" else LAM
                into_o = grad[t]
                if not (detached and fault != "a detach too few") and fault != "missing reset":
                    into_o = into_o - (LAM * us[t] * du if reset == "zero" else theta * du)
                keep = 1.0
                if reset == "zero":
                    keep = os[t] if fault == "o for 1 - o" else 1 - os[t]
                if fault == "truncated" and t < steps - 4:
                    du = torch.zeros_like(du)
                du = into_o * s + lam * keep * du
                path = du + (TRACE * path if trace and fault != "trace forgotten" else 0)
                grads[t] = path
            out = torch.stack(grads)
            if fault == "scaled":
                out = out * 1.01
            elif fault == "sign":
                out = -out
            elif fault == "one step late":
                out = torch.cat([torch.zeros_like(out[:1]), out[:-1]])
            elif fault == "one sample":
                out = out.clone()
                out[:, 1] *= 1.5
            elif fault == "batch":
                out = out if out.shape[1] % 32 == 0 else out * 0.5
            elif fault == "f32":
                out = out * 1.1 if out.dtype == torch.float32 else out
            elif fault == "1 + 1e-6":
                out = out * (1 + 1e-6)
            return out

    return Fused


FUSED = [
    ("scaled", {}, "scaled by 1.01"),
    ("sign", {}, "of the other sign"),
    ("one step late", {}, "one step late"),
    ("missing lambda", {}, ""),
    ("missing theta", {}, ""),
    ("missing 1/width", {}, ""),
    ("o for 1 - o", {"reset": "zero"}, ""),
    ("trace forgotten", {"trace": True}, ""),
    ("u[t+1]", {}, ""),
    ("one sample", {}, "wrong at index 1 of axis 1 alone"),
    ("batch", {}, "scaled by 0.5"),
    ("f32", {}, "scaled by 1.1"),
    ("missing reset", {}, ""),
    ("missing reset", {"reset": "zero"}, ""),
    ("a detach too few", {"detached": True}, ""),
    ("truncated", {}, ""),
    ("1 + 1e-6", {}, "scaled by 1.000001"),
]


def recorded_fused(fault, options, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(7, 5, 3, generator=generator, dtype=torch.float64) * 1.5).to(dtype).requires_grad_()
    made = fused(fault, **options)
    definition = stepwise(**({"reset": "subtract", "detached": False, "trace": False} | options))
    return made, record_function(made.apply, definition, [x])


@pytest.mark.parametrize(("fault", "options", "how"), FUSED)
def test_a_wrong_fused_function_is_named(tmp_path, fault, options, how):
    _, data = recorded_fused(fault, options, torch.float32 if fault == "f32" else torch.float64)
    report = check(write(tmp_path, data))
    assert report["code"] == "fault", report["words"]
    first = report["faults"][0]
    assert first["function"].endswith("fused.<locals>.Fused")
    assert "test_program_faults.py" in first["place"] or "_program_record.py" in first["place"]
    assert how in first["how"], first


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"reset": "zero"}, {"detached": True}, {"trace": True}])
def test_a_right_fused_function_is_proved(tmp_path, options, dtype, seed):
    _, data = recorded_fused("none", options, dtype, seed)
    report = check(write(tmp_path, data))
    assert report["code"] == "proved", report["words"]


def test_without_a_definition_it_is_taken_at_its_word(tmp_path):
    x = (torch.rand(7, 5, 3, dtype=torch.float64) * 1.5).requires_grad_()
    made = fused("scaled")
    report = check(write(tmp_path, record(lambda: made.apply(x).sum(), {"x": x})))
    assert report["code"] == "trusted", report["words"]
    assert report["trusted"][0]["function"].endswith("Fused")


def smooth(name: str, right: bool):
    """Functions without a jump, whose forward pass says what their gradient is."""

    class Smooth(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            if name == "tanh":
                return torch.tanh(x @ w)
            if name == "matmul":
                return x @ w
            if name == "square":
                return (x @ w) ** 2
            if name == "norm":
                y = x @ w
                return y - y.mean(1, keepdim=True)
            return torch.softmax(x @ w, 1)

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            y = x @ w
            if name == "tanh":
                grad = grad * (1 - torch.tanh(y) ** 2) if right else grad * (1 - torch.tanh(y))
            elif name == "square":
                grad = grad * y * (2 if right else 1)
            elif name == "norm":
                grad = grad - grad.mean(1, keepdim=True) if right else grad
            elif name == "softmax":
                s = torch.softmax(y, 1)
                grad = s * (grad - (grad * s).sum(1, keepdim=True)) if right else s * grad
            dw = x.T @ grad
            return grad @ w.T, (dw if right or name != "matmul" else dw.T)

    return Smooth


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", ["tanh", "matmul", "square", "norm", "softmax"])
def test_a_function_without_a_jump_is_held_against_its_forward_pass(tmp_path, name, right):
    torch.manual_seed(1)
    x = torch.randn(4, 3, dtype=torch.float64)
    w = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    goal = torch.randn(4, 3, dtype=torch.float64)
    made = smooth(name, right)
    report = check(write(tmp_path, record(lambda: ((made.apply(x, w) - goal) ** 2).sum(), {"w": w})))
    if right:
        assert report["code"] == "proved", report["words"]
        return
    assert report["code"] == "fault", report["words"]
    assert report["faults"][0]["function"].endswith("smooth.<locals>.Smooth")
    if name == "matmul":
        assert "transposed" in report["faults"][0]["how"]


def spiking(fault: str):
    """Spikes, number by number, of a sigmoid's slope."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, u):
            ctx.save_for_backward(u)
            return (u > 0).to(u.dtype)

        @staticmethod
        def backward(ctx, grad):
            (u,) = ctx.saved_tensors
            s = slope(u)
            if fault == "neighbour":
                return grad.roll(1, -1) * s
            if fault == "mean over the batch":
                return (grad * s).mean(0, keepdim=True).expand_as(grad)
            if fault == "clipped":
                return (grad * s).clamp(-0.05, 0.05)
            if fault == "negative":
                return -grad * s
            if fault == "scaled":
                s = s * 1.2
            elif fault == "width":
                s = torch.sigmoid(u / 0.6) * (1 - torch.sigmoid(u / 0.6)) / 0.6
            elif fault == "off centre":
                s = slope(u - 0.3)
            elif fault == "one sample":
                s = s.clone()
                s[1] *= 2
            elif fault == "f32" and u.dtype == torch.float32:
                s = s * 1.1
            return grad * s

    return Own


def recorded_spiking(fault, seed=1):
    torch.manual_seed(seed)
    dtype = torch.float32 if fault == "f32" else torch.float64
    x = torch.randn(6, 4, 3, dtype=dtype)
    w = torch.randn(3, 5, dtype=dtype, requires_grad=True)
    made = spiking(fault)

    def loss():
        u, total = torch.zeros(4, 5, dtype=dtype), 0
        for step in x:
            u = LAM * u + step @ w
            o = made.apply(u - THETA)
            u = u - THETA * o.detach()
            total = total + (o * torch.arange(5, dtype=dtype)).sum()
        return total

    return record(loss, {"w": w}, surrogates={made: "sigmoid 0.5"})


SPIKING = [
    "neighbour",
    "mean over the batch",
    "clipped",
    "negative",
    "scaled",
    "width",
    "off centre",
    "one sample",
    "f32",
]


@pytest.mark.parametrize("fault", SPIKING)
def test_a_wrong_surrogate_is_named(tmp_path, fault):
    report = check(write(tmp_path, recorded_spiking(fault)))
    assert report["code"] == "fault", report["words"]
    first = report["faults"][0]
    assert first["function"].endswith("spiking.<locals>.Own")
    assert "test_program_faults.py" in first["place"]


@pytest.mark.parametrize("seed", range(10))
def test_a_right_surrogate_is_proved_and_named(tmp_path, seed):
    report = check(write(tmp_path, recorded_spiking("none", seed)))
    assert report["code"] == "proved", report["words"]
    assert report["surrogates"][0]["family"] == "sigmoid 0.5"
    assert len(FUSED) + len(SPIKING) + 5 > 30
