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


def test_a_claim_is_a_verdict_of_its_own(run):
    net, loss = run
    report = resurge.check(loss, net, claim="detached")
    assert (report.code, report.claim, report.claim_holds, report.reset) == ("proved", "detached", True, "detached")
    for claim in ("full", "spatial-only", "scaled:0.5", 0.5):
        report = resurge.check(loss, net, claim=claim)
        assert (report.code, report.matches, report.claim_holds) == ("claim", False, False), report
        assert "detach at test_programs.py" in report.words or claim == "spatial-only", report.words
        with pytest.raises(resurge.GradientMismatch):
            report.raise_unless_matching()
    report = resurge.check(loss, net)
    assert (report.claim, report.claim_holds) == (None, None)
    place = report.cuts["place"][0].split(" ")[0]
    assert resurge.check(loss, net, claim={place: "detached"}).code == "proved"
    assert resurge.check(loss, net, claim={place: "attached"}).code == "claim"
    assert resurge.check(loss, net, claim={place: 0.5}).code == "claim"


def test_a_claim_of_nothing_says_what_there_is(run):
    net, loss = run
    with pytest.raises(resurge.OptionError, match="it must be one of: full, detached"):
        resurge.check(loss, net, claim="half")
    with pytest.raises(resurge.OptionError, match=r"there are test_programs.py:\d+"):
        resurge.check(loss, net, claim={"nowhere.py:3": "detached"})
    with pytest.raises(resurge.InputError, match="the claim is list"):
        resurge.check(loss, net, claim=["full"])
    with pytest.raises(resurge.InputError, match="names no place"):
        resurge.check(loss, net, claim={})


def test_cuts_by_lag_and_adjoints_by_step(run):
    net, loss = run
    report = resurge.check(loss, net)
    reset = [row for row in report.by_lag if row["omitted"] > 0]
    assert report.cuts["role"].tolist() == ["reset"] and len(report.by_lag) == 8
    assert report.by_lag["omitted"][0] == 0 and len(reset) == 7
    assert report.by_step["step"].tolist() == list(range(8)) and (report.by_step["adjoint"] > 0).all()
    assert "the reset, by lag from 0 on" in str(report)


def test_a_report_is_a_page(run, tmp_path):
    net, loss = run
    report = resurge.check(loss, net)
    page = report.html()
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == 1
    assert "linear.weight" in page and "u = 0.9 * u * (1 - o.detach()) + self.linear(step)" in page
    assert "attached" in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert report._repr_html_().startswith("<iframe srcdoc=")
    from resurge import _resurge

    path, out = tmp_path / "program.safetensors", tmp_path / "page.html"
    path.write_bytes(report.recorded)
    assert _resurge.run(["resurge", "audit", str(path), "--html", str(out), "--claim", "full"]) == 1
    assert "1 program right" in out.read_text() and ">claim<" in out.read_text()
