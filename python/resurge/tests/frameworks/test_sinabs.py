"""Networks of Sinabs in process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from common import CLASSES, HIDDEN, INPUTS, TARGET, data, examined

import resurge

torch = pytest.importorskip("torch")
sl = pytest.importorskip("sinabs.layers")
import sinabs.activation as sa  # noqa: E402
from torch import nn  # noqa: E402


def dense(make: Any) -> Any:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), make(), nn.Linear(HIDDEN, CLASSES), make()).double()


def rates(spikes: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(spikes.sum(1), y)


@pytest.mark.parametrize(("reset", "gradient"), [(sa.MembraneSubtract(), "full"), (sa.MembraneReset(), "detached")])
def test_batch_first_networks(reset: Any, gradient: str) -> None:
    net = dense(lambda: sl.LIF(tau_mem=8.0, reset_fn=reset, spike_fn=sa.SingleSpike))

    def forget() -> None:
        for module in net:
            if hasattr(module, "reset_states"):
                module.reset_states()

    x = 2 * data().movedim(0, 1)
    report = examined(net, x, TARGET, rates, gradient, forget)
    assert report.recording.tensors["input"].shape == (15, 4, INPUTS)


def test_squeezed_layers() -> None:
    net = dense(lambda: sl.IAFSqueeze(batch_size=4))
    x = data().movedim(0, 1).flatten(0, 1)
    report = resurge.audit(net, x, TARGET, lambda out, y: rates(out.unflatten(0, (4, 15)), y))
    assert report.matches and report.claim == "full", str(report)


def forget(net: Any) -> None:
    for module in net:
        if hasattr(module, "reset_states"):
            module.reset_states()


def squeezed(out: Any, y: Any) -> Any:
    return rates(out.unflatten(0, (4, 15)), y)


def test_a_pool_whose_gradient_is_not_that_of_a_sum_says_so() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), sl.IAFSqueeze(batch_size=4), sl.SumPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    ).double()
    x = data(torch.float64, 1, 6, 6).movedim(0, 1).flatten(0, 1)
    report = examined(net, x, TARGET, squeezed, "full", lambda: forget(net))
    kinds = [layer["kind"] for layer in report.recording.description["layers"]]
    assert kinds == ["conv2d", "neuron", "sum-pool2d", "mask", "flatten", "linear"]
    # Where nothing fired in a window, its gradient is lost: that is the framework's, and said.
    assert (report.recording.tensors["layers.3.mask"] == 0).any()
    assert any("not the gradient of a sum" in note for note in report.notes)


@pytest.mark.parametrize("spike", [sa.SingleSpike, sa.MultiSpike])
@pytest.mark.parametrize("make", [sl.IAF, lambda **options: sl.LIF(tau_mem=6.0, **options)])
def test_a_potential_with_a_lower_bound(make: Any, spike: Any, tmp_path: Path) -> None:
    net = dense(lambda: make(min_v_mem=-0.2, spike_fn=spike))
    x = 2 * data().movedim(0, 1)
    report = examined(net, x, TARGET, rates, "full", lambda: forget(net))
    layer = report.recording.description["layers"][1]
    assert math.isclose(layer["min_potential"], -0.2, rel_tol=1e-7)
    # The bound holds in this run, and another would be another run.
    assert report.recording.tensors["potentials.1"].min() < -0.2
    del layer["min_potential"]
    assert not resurge.audit_file(resurge.save(report, tmp_path / "run.safetensors")).matches


def test_a_readout_with_a_lower_bound() -> None:
    torch.manual_seed(7)
    net = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN), sl.LIF(tau_mem=6.0), nn.Linear(HIDDEN, CLASSES), sl.ExpLeak(4.0, min_v_mem=-0.01)
    ).double()
    report = examined(net, 2 * data().movedim(0, 1), TARGET, rates, "full", lambda: forget(net))
    assert report.recording.tensors["potentials.3"].min() < -0.01


@pytest.mark.parametrize("between", [nn.BatchNorm1d(HIDDEN), nn.ReLU()])
def test_layers_between_squeezed_ones(between: Any) -> None:
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN), between, sl.LIFSqueeze(tau_mem=6.0, batch_size=4), nn.Linear(HIDDEN, CLASSES)
    ).double()
    if isinstance(between, nn.BatchNorm1d):
        nn.init.constant_(between.weight, 3.0)
    x = 2 * data().movedim(0, 1).flatten(0, 1)
    report = examined(net, x, TARGET, squeezed, "full", lambda: forget(net))
    if isinstance(between, nn.BatchNorm1d):
        # All steps go through it at once.
        assert report.recording.description["layers"][1]["over"] == "run"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: sl.LIF(tau_mem=5.0, norm_input=False, spike_fn=sa.SingleSpike), "fires at-or-above"),
        (lambda: sl.LIF(tau_mem=5.0, norm_input=False, spike_fn=sa.MultiSpike), "fires repeatedly"),
        (
            lambda: sl.ALIF(
                tau_mem=5.0, tau_adapt=4.0, adapt_scale=0.6, norm_input=False, spike_fn=sa.MultiSpike,
                surrogate_grad_fn=sa.SingleExponential(grad_width=0.5),
            ),
            f"fires repeatedly relative adaptation {math.exp(-1 / 4)!r} 0.6",
        ),
    ],
)  # fmt: skip
def test_a_cell_in_one_line_is_the_layer(make: Any, line: str) -> None:
    x = 1.5 * torch.rand(4, 9, 3, generator=torch.Generator().manual_seed(0))
    cell = (
        f"lif decay {math.exp(-1 / 5)!r} reset subtract-then-decay full surrogate exponential 0.5 scale peak 2 {line}"
    )

    def layer(current: Any) -> Any:
        return make()(current.transpose(0, 1)).transpose(0, 1)

    sweep = {"steps": [1, 20], "batch": [1, 3], "dtype": [], "layout": []}
    report = resurge.check_function(layer, cell, x.transpose(0, 1).contiguous(), sweep=sweep)
    assert report.code == "agrees", report
