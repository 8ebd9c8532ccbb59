"""`resurge.check`: any code of torch, recorded and checked in process."""

import pytest

import resurge

torch = pytest.importorskip("torch")


class Spike(torch.autograd.Function):
    """A step whose slope is that of atan(2); `factor` makes it another."""

    factor = 1.0

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        return grad * Spike.factor / (1 + (torch.pi * u) ** 2)


class Net(torch.nn.Module):
    """One layer of leaky neurons in a loop of one's own, whose reset is detached."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, x):
        u = torch.zeros(x.shape[1], 3, dtype=x.dtype)
        o = torch.zeros_like(u)
        total = 0
        for step in x:
            u = 0.9 * u * (1 - o.detach()) + self.linear(step)
            o = Spike.apply(u - 1)
            total = total + o
        return total


@pytest.fixture
def run():
    torch.manual_seed(3)
    net = Net()
    x = 4 * torch.rand(8, 5, 4, dtype=torch.float64)
    return net, lambda: (net(x) ** 2).sum()


def test_a_loop_of_ones_own_is_proved_and_its_cut_is_named(run):
    net, loss = run
    report = resurge.check(loss, net)
    assert report and (report.matches, report.code) == (True, "proved"), report
    assert set(report.gradients["name"]) == {"linear.weight", "linear.bias"}
    cut = max(report.cuts, key=lambda row: row["omitted"])
    assert cut["kind"] == "detach" and "test_programs.py" in cut["place"]
    # The last step's spikes reset nothing, and before the first there is nothing to reset.
    assert cut["omitted"] > 0.01 and cut["cosine"] < 1
    assert report.data["surrogates"][0]["family"] == "atan 2"
    assert str(report).startswith(report.code) or report.code in str(report)
    report.raise_unless_matching()
    assert net.linear.weight.grad is None


def test_a_gradient_that_is_not_that_of_the_program_is_found(run, monkeypatch):
    net, loss = run
    report = resurge.check(loss, net, surrogates={Spike: "atan 2"})
    assert report.code == "proved"
    monkeypatch.setattr(Spike, "factor", 1.01)
    report = resurge.check(loss, net, surrogates={Spike: "atan 2"})
    assert not report, report
    with pytest.raises(resurge.GradientMismatch):
        report.raise_unless_matching()


def test_a_file_of_it_is_read_by_the_command(run, tmp_path, capfd):
    net, loss = run
    path = tmp_path / "program.safetensors"
    path.write_bytes(resurge.check(loss, net).recorded)
    from resurge import _resurge

    assert _resurge.run(["resurge", "audit", str(path)]) == 0
    assert "proved" in capfd.readouterr().out


def test_what_cannot_be_recorded_says_what_to_do(run):
    net, _ = run
    with pytest.raises(resurge.InputError, match="a function is needed"):
        resurge.check(3, net)
    with pytest.raises(resurge.InputError, match="loss of one number"):
        resurge.check(lambda: net(torch.rand(2, 1, 4, dtype=torch.float64)), net)


class Unstable(torch.autograd.Function):
    """A sigmoid's slope by exponentials, which overflow far below the threshold."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        return grad * 25 * torch.exp(-25 * u) / (torch.exp(-25 * u) + 1) ** 2


def test_a_gradient_that_is_no_number_is_named():
    x = torch.tensor([0.5, -5.0, -0.1], requires_grad=True)
    with pytest.raises(resurge.NonFiniteError, match=r"Unstable at test_programs.py:\d+.* nan at 1 of 3 .* is -5"):
        resurge.check(lambda: Unstable.apply(x).sum(), {"x": x})
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    with pytest.raises(resurge.NonFiniteError, match=r"sqrt at test_programs.py:\d+.* becomes inf .* 1 of 2"):
        resurge.check(lambda: (3 * x.sqrt()).sum(), {"x": x})
    with pytest.raises(resurge.NonFiniteError, match=r"value of log at test_programs.py:\d+.* is -inf"):
        resurge.check(lambda: x.log().sum(), {"x": x})
    assert x.grad is None
