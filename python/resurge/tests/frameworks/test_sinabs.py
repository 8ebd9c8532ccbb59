"""Networks of Sinabs in process."""

from __future__ import annotations

import math
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


def test_a_pool_whose_gradient_is_not_that_of_a_sum_is_refused() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), sl.IAFSqueeze(batch_size=4), sl.SumPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    ).double()
    x = data(torch.float64, 1, 6, 6).movedim(0, 1).flatten(0, 1)
    with pytest.raises(resurge.Unsupported):
        resurge.audit(net, x, TARGET, lambda out, y: rates(out.unflatten(0, (4, 15)), y))


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
