"""Networks of snnTorch in process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import BATCH, CLASSES, HIDDEN, INPUTS, STEPS, TARGET, counts, data, examined, own_gradients, told

import resurge

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples/first_audit.ipynb"


class Tutorial(nn.Module):
    """A forward of its own, with states handed on; its layers in alphabetical order are another network."""

    def __init__(self, make: Any = None, between: Any = None, **options: Any) -> None:
        super().__init__()
        make = make or (lambda: snn.Leaky(beta=0.9, **options))
        torch.manual_seed(0)
        self.lif2, self.fc2 = make(), nn.Linear(HIDDEN, CLASSES)
        self.fc1, self.lif1 = nn.Linear(INPUTS, HIDDEN), make()
        self.between = between or (lambda x: x)
        self.double()

    def forward(self, x: Any) -> Any:
        m1, m2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, potentials = [], []
        for step in x:
            s1, m1 = self.lif1(self.fc1(step), m1)
            s2, m2 = self.lif2(self.between(self.fc2(s1)), m2)
            spikes.append(s2)
            potentials.append(m2)
        return torch.stack(spikes), torch.stack(potentials)


def first(returned: Any, y: Any) -> Any:
    return counts(returned[0], y)


def nothing() -> None:
    pass


def test_a_forward_of_its_own() -> None:
    examined(Tutorial(), data(), TARGET, first, "detached", nothing)
    examined(Tutorial(reset_mechanism="zero"), data(), TARGET, first, "detached", nothing)
    examined(Tutorial(reset_mechanism="zero", reset_delay=False), data(), TARGET, first, "full", nothing)


def test_a_factor_between_layers_is_not_lost() -> None:
    report = examined(Tutorial(between=lambda x: 0.5 * x), data(), TARGET, first, "detached", nothing)
    kinds = [layer["kind"] for layer in report.recording.description["layers"]]
    assert kinds == ["linear", "neuron", "linear", "linear", "neuron"]
    assert np.allclose(report.recording.tensors["layers.3.weight"], 0.5 * np.eye(CLASSES))
    with pytest.raises(resurge.Unsupported, match=r"layer 3 \(`lif2`\): .*in between"):
        resurge.audit(Tutorial(between=lambda x: x * x), data(), TARGET, first)
    with pytest.raises(resurge.Unsupported, match="gradient in the network's own forward is another"):
        resurge.audit(Tutorial(between=lambda x: 0.5 * (x + x.detach())), data(), TARGET, first)


def test_losses_of_potentials_and_of_both() -> None:
    net, x = Tutorial(), data()

    def membrane(returned: Any, y: Any) -> Any:
        return sum(nn.functional.cross_entropy(step, y) for step in returned[1])

    def both(returned: Any, y: Any) -> Any:
        return counts(returned[0], y) + 0.1 * (returned[1] ** 2).mean()

    for loss in (membrane, both):
        report = examined(net, x, TARGET, loss, "detached", nothing)
        assert "loss.potential_weight" in report.recording.tensors
    named = resurge.audit(net, x, TARGET, resurge.Loss("cross-entropy", "max"), output="potential")
    assert named.matches and named.recording.description["layers"][-1]["output"] == "potential"


def test_terms_of_the_loss_on_the_weights_are_refused() -> None:
    net = Tutorial()
    with pytest.raises(resurge.Unsupported, match=r"fc1\.weight.*is another"):
        resurge.audit(net, data(), TARGET, lambda out, y: first(out, y) + (net.fc1.weight**2).sum())


def test_a_constant_input_and_a_loop_inside() -> None:
    class Static(Tutorial):
        def forward(self, x: Any) -> Any:
            return super().forward(x.flatten(1).unsqueeze(0).expand(STEPS, -1, -1))

    x = torch.rand(BATCH, 4, 5, dtype=torch.float64)
    examined(Static(), 3 * x, TARGET, first, "detached", nothing)

    class Once(Tutorial):
        def forward(self, x: Any) -> Any:
            m1, m2, current = self.lif1.init_leaky(), self.lif2.init_leaky(), self.fc1(x)
            spikes = []
            for _ in range(STEPS):
                s1, m1 = self.lif1(current, m1)
                s2, m2 = self.lif2(self.fc2(s1), m2)
                spikes.append(s2)
            return torch.stack(spikes)

    examined(Once(), 3 * torch.rand(BATCH, INPUTS, dtype=torch.float64), TARGET, counts, "detached", nothing)


def test_images_with_functions_between() -> None:
    class Images(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.conv, self.norm = nn.Conv2d(1, 4, 3, padding="same"), nn.BatchNorm2d(4)
            self.lif1, self.lif2 = snn.Leaky(beta=0.8, threshold=0.5), snn.Leaky(beta=0.8, threshold=0.5)
            self.fc, self.drop = nn.Linear(16, CLASSES), nn.Dropout(0.5)
            self.norm.running_mean.normal_()
            self.norm.running_var.uniform_(0.5, 2)
            self.double().eval()

        def forward(self, x: Any) -> Any:
            m1, m2 = self.lif1.init_leaky(), self.lif2.init_leaky()
            spikes = []
            for step in x:
                s1, m1 = self.lif1(nn.functional.max_pool2d(self.norm(self.conv(step)), 2), m1)
                s2, m2 = self.lif2(self.fc(self.drop(nn.functional.avg_pool2d(s1, 2)).view(BATCH, -1)), m2)
                spikes.append(s2)
            return torch.stack(spikes)

    net, x = Images(), 2 * data(torch.float64, 1, 8, 8)
    report = resurge.audit(net, x, TARGET, counts)
    assert report.matches, str(report)
    kinds = [layer["kind"] for layer in report.recording.description["layers"]]
    assert kinds == ["conv2d", "conv2d", "max-pool2d", "neuron", "avg-pool2d", "flatten", "linear", "neuron"]
    assert any("BatchNorm2d" in note for note in report.notes) and "BatchNorm2d" in str(report)
    assert resurge.audit(net, x, TARGET, counts, claim="full").code == "detached"
    net.train()
    trained = resurge.audit(net, x, TARGET, counts)
    assert trained.matches and trained.recording.description["layers"][1]["over"] == "step", str(trained)
    kinds = [layer["kind"] for layer in trained.recording.description["layers"]]
    assert kinds[:4] == ["conv2d", "batch-norm", "max-pool2d", "neuron"]
    assert kinds[4:] == ["avg-pool2d", "mask", "flatten", "linear", "neuron"]


@pytest.mark.parametrize(
    "between",
    [
        nn.Dropout(0.5),
        lambda x: nn.functional.dropout(x, 0.4),
        nn.BatchNorm1d(CLASSES),
        nn.LeakyReLU(0.3),
        lambda x: nn.functional.relu(2 * x),
    ],
)
def test_what_a_run_decides_between_layers(between: Any) -> None:
    class Drawn(Tutorial):
        def forward(self, x: Any) -> Any:
            torch.manual_seed(5)
            return super().forward(x)

    examined(Drawn(between=between), 2 * data(), TARGET, first, "detached", nothing)


def test_a_relu_of_spikes_has_no_gradient_where_there_is_none() -> None:
    """The values are those of the spikes, the gradient is not."""

    class Rectified(Tutorial):
        def __init__(self) -> None:
            super().__init__()
            self.fc2 = nn.Sequential(nn.ReLU(), self.fc2)

    report = examined(Rectified(), data(), TARGET, first, "detached", nothing)
    assert [layer["kind"] for layer in report.recording.description["layers"]][2] == "mask"
    spikes, mask = report.recording.tensors["spikes.1"], report.recording.tensors["layers.2.mask"]
    assert (spikes == mask).all()


def test_a_pool_of_features() -> None:
    net = Tutorial(between=lambda x: nn.functional.max_pool1d(x, 2))
    net.fc2 = nn.Linear(HIDDEN, 2 * CLASSES).double()
    report = examined(net, data(), TARGET, first, "detached", nothing)
    kinds = [layer["kind"] for layer in report.recording.description["layers"]]
    assert kinds == ["linear", "neuron", "linear", "mask", "linear", "neuron"]


def test_a_penalty_on_hidden_spikes_and_none_on_hidden_potentials() -> None:
    class Open(Tutorial):
        def forward(self, x: Any) -> Any:
            m1, m2 = self.lif1.init_leaky(), self.lif2.init_leaky()
            hidden, out = [], []
            for step in x:
                s1, m1 = self.lif1(self.fc1(step), m1)
                s2, m2 = self.lif2(self.fc2(s1), m2)
                hidden.append((s1, m1))
                out.append(s2)
            return torch.stack(out), *(torch.stack(each) for each in zip(*hidden, strict=True))

    def spikes(returned: Any, y: Any) -> Any:
        return counts(returned[0], y) + 0.1 * (returned[1].mean(0) ** 2).sum()

    def potentials(returned: Any, y: Any) -> Any:
        return counts(returned[0], y) + 0.1 * (returned[2] ** 2).mean()

    report = examined(Open(), data(), TARGET, spikes, "detached", nothing)
    assert report.recording.tensors["loss.weight.1"].any()
    with pytest.raises(resurge.Unsupported, match=r"depends on output 1 of layer 1 \(`lif1`\)"):
        resurge.audit(Open(), data(), TARGET, potentials)


class Sign(torch.autograd.Function):
    """A binary weight, with the gradient passed on."""

    @staticmethod
    def forward(ctx: Any, w: Any) -> Any:
        return w.sign()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g.clone()


class Binary(nn.Linear):
    def forward(self, x: Any) -> Any:
        return nn.functional.linear(x, 0.3 * Sign.apply(self.weight), self.bias)


def test_weights_that_a_layer_makes_of_others() -> None:
    net = Tutorial()
    net.fc1 = Binary(INPUTS, HIDDEN).double()
    nn.utils.parametrizations.weight_norm(net.fc2)
    report = resurge.audit(net, data(), TARGET, first)
    assert report.matches and report.claim == "detached", str(report)
    assert resurge.audit(net, data(), TARGET, first, claim="full").code == "detached"
    # The file has the weights that are used, and their gradients.
    weight, gradient = (report.recording.tensors[f"{of}layers.0.weight"] for of in ("", "gradients."))
    assert np.allclose(abs(weight), 0.3)
    own = own_gradients(net, data(), TARGET, first, nothing)["fc1.weight"].numpy()
    assert np.allclose(0.3 * gradient, own, rtol=1e-10, atol=0)

    class Twice(nn.Linear):
        def forward(self, x: Any) -> Any:
            return 2 * super().forward(x)

    net.fc1 = Twice(INPUTS, HIDDEN).double()
    with pytest.raises(resurge.Unsupported, match=r"layer 0 \(`fc1`\).*forward"):
        resurge.audit(net, data(), TARGET, first)


def test_the_network_is_left_as_it_was() -> None:
    net, x = Tutorial(), data()
    net.fc1.weight.grad = torch.ones_like(net.fc1.weight)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    resurge.audit(net, x, TARGET, first, claim="full")
    assert torch.equal(state, torch.get_rng_state()) and not net.fc1._forward_hooks
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert bool((net.fc1.weight.grad == 1).all()) and net.fc2.weight.grad is None and x.grad is None


def test_kinds_of_input() -> None:
    for dtype in (torch.float32, torch.float64):
        net, x = Tutorial().to(dtype), data(dtype)
        strided = x.repeat_interleave(2, 2)[:, :, ::2]
        assert not strided.is_contiguous()
        for given in (x, strided, x.clone().requires_grad_(True)):
            assert resurge.audit(net, given, TARGET, first).matches
    net, x = Tutorial(), data()
    with pytest.raises(resurge.DtypeError, match="bfloat16"):
        resurge.audit(net.bfloat16(), x.bfloat16(), TARGET, first)
    with pytest.raises(resurge.InputError, match="ndarray"):
        resurge.audit(Tutorial(), x.numpy(), TARGET, first)
    with pytest.raises(resurge.ShapeError):
        resurge.audit(Tutorial(), x[:, :0], TARGET, first)
    with pytest.raises(resurge.Unsupported, match="fc1"):
        resurge.audit(Tutorial().float(), x, TARGET, first)
    with pytest.raises(resurge.Unsupported, match="holds no neuron"):
        resurge.audit(nn.Linear(3, 3), x, TARGET, first)
    with pytest.raises(resurge.OptionError, match="claim is 'whole'"):
        resurge.audit(Tutorial(), x, TARGET, first, claim="whole")


def test_gradients_of_my_own() -> None:
    net, x = Tutorial(), data()
    own = own_gradients(net, x, TARGET, first, nothing)
    assert resurge.audit(net, x, TARGET, first, gradients=[own[name] for name, _ in net.named_parameters()]).matches
    zeroed = resurge.audit(net, x, TARGET, first, gradients=own | {"fc1.bias": None})
    assert not zeroed.matches and "layers.0.bias" in zeroed.code, str(zeroed)
    for gradients, error in (
        ({"fc1.weight": own["fc1.weight"]}, resurge.ShapeError),
        (own | {"fc9.weight": own["fc1.weight"]}, resurge.OptionError),
        (own | {"fc1.weight": own["fc2.weight"]}, resurge.ShapeError),
        (own | {"fc1.weight": own["fc1.weight"].float()}, resurge.DtypeError),
        ([own["fc1.weight"]], resurge.ShapeError),
        ("text", resurge.InputError),
    ):
        with pytest.raises(error):
            resurge.audit(net, x, TARGET, first, gradients=gradients)


def test_a_saved_run_is_that_of_the_command(tmp_path: Path) -> None:
    net, x = Tutorial(), data()
    right = resurge.save(resurge.audit(net, x, TARGET, first), tmp_path / "right.safetensors")
    wrong = resurge.save(resurge.audit(net, x, TARGET, first, claim="full"), tmp_path / "wrong.safetensors")
    assert (told(right), told(wrong)) == (0, 1)
    assert resurge.audit_file(wrong).code == "detached" and resurge.audit_file(wrong, claim="detached").matches


def test_gradcheck_of_torch() -> None:
    a, b = torch.randn(3, 4, dtype=torch.float64), torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert resurge.gradcheck(lambda a, b: torch.tanh(a @ b), (a, b)).compared == 12
    assert resurge.gradcheck(lambda a: (a * a, a.sum()), a.clone().requires_grad_(True))
    assert resurge.gradcheck(torch.nn.functional.softplus, torch.randn(3, requires_grad=True))

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] ** 2 * g

    with pytest.raises(resurge.GradientMismatch, match=r"every entry is 0\.66666"):
        resurge.gradcheck(lambda b: Wrong.apply(b).sum(), b)
    with pytest.raises(resurge.GradientMismatch, match="detached"):
        resurge.gradcheck(lambda b: (b * b.detach()).sum() * 0 + (b.detach() ** 2).sum(), b)
    with pytest.raises(resurge.DtypeError, match="bfloat16"):
        resurge.gradcheck(torch.sin, a.bfloat16().requires_grad_(True))


def test_the_time_that_a_call_takes() -> None:
    net, x = Tutorial(), data()

    def timed(call: Any) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    beyond = timed(lambda: resurge.audit(net, x, TARGET, first, claim="full"))
    # A smoke test: a loaded machine is some times slower than the 20 ms that it should be.
    assert beyond < 2.0, beyond


@pytest.mark.skipif(not NOTEBOOK.is_file(), reason="the notebook is not beside the tests")
def test_the_notebook_runs() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["report"].code == "detached" and not names["own"].matches
    lags = names["report"].by_lag
    assert (lags["reset_term"] > 0).any() and len(lags) > 25


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: snn.Leaky(beta=0.9, threshold=1.2), "decay 0.9 threshold 1.2 reset subtract detached"),
        (lambda: snn.Leaky(beta=0.9, reset_mechanism="zero"), "decay 0.9 reset zero detached"),
        (lambda: snn.Leaky(beta=0.9, reset_mechanism="none"), "decay 0.9 reset none"),
        (lambda: snn.Leaky(beta=0.8, reset_mechanism="zero", reset_delay=False), "decay 0.8 reset zero full"),
        (lambda: snn.Synaptic(alpha=0.7, beta=0.8), "decay 0.8 synapse 0.7 reset subtract detached"),
        (lambda: snn.Synaptic(alpha=0.7, beta=0.8, reset_mechanism="zero"), "synapse 0.7 reset gated detached"),
    ],
)
def test_a_cell_in_one_line_is_the_layer(make: Any, line: str) -> None:
    # Spikes of snnTorch are f32, and so is what flows through them.
    cell = make()

    def layer(current: Any) -> Any:
        states = [torch.zeros_like(current[0])] * (2 if isinstance(cell, snn.Synaptic) else 1)
        spikes = []
        for step in current:
            out, *states = cell(step, *states)
            spikes.append(out.to(step.dtype))
        return torch.stack(spikes)

    x = torch.rand(9, 4, 3, generator=torch.Generator().manual_seed(0))
    sweep = {"steps": [1, 20], "batch": [1, 3], "dtype": [], "layout": []}
    report = resurge.check_function(layer, f"lif {line} surrogate atan 2", x, sweep=sweep)
    assert report.code == "agrees", report
