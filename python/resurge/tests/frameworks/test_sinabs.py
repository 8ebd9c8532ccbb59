"""Networks of Sinabs in process."""

from __future__ import annotations

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
