"""What is asked of every network that is accepted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resurge

torch = pytest.importorskip("torch")

STEPS, BATCH, INPUTS, HIDDEN, CLASSES = 15, 4, 20, 10, 3
TARGET = torch.tensor([0, 2, 1, 0])


def data(dtype: Any = None, *features: int) -> Any:
    """Spikes `[T, B, ...]`."""
    generator = torch.Generator().manual_seed(1)
    shape = (STEPS, BATCH, *(features or (INPUTS,)))
    return 2 * (torch.rand(shape, generator=generator) < 0.5).to(dtype or torch.float64)


def counts(spikes: Any, y: Any) -> Any:
    """Cross-entropy of the numbers of spikes."""
    return torch.nn.functional.cross_entropy(spikes.sum(0).flatten(1), y)


def own_gradients(net: Any, x: Any, y: Any, loss: Callable[..., Any], reset: Callable[[], Any]) -> dict[str, Any]:
    """What `.backward()` puts into `.grad`, of the network's own forward."""
    from resurge.recording._probe import doubles

    net.zero_grad()
    reset()
    with doubles(x.dtype == torch.float64):
        loss(net(x), y).backward()
    found = {name: None if p.grad is None else p.grad.clone() for name, p in net.named_parameters()}
    net.zero_grad()
    reset()
    return found


def examined(net: Any, x: Any, y: Any, loss: Callable[..., Any], gradient: str, reset: Callable[[], Any]) -> Any:
    """Audits a network whose gradient is of this kind, and everything that can be wrong with it.

    Each is named: one weight's gradient times 1.01, another claim, all gradients negated. What is recorded is the
    framework's own `.grad`.
    """
    report = resurge.audit(net, x, y, loss)
    assert report.matches and report.claim == gradient, str(report)
    assert report.data["proof"]["passed"]
    own = own_gradients(net, x, y, loss, reset)
    assert resurge.audit(net, x, y, loss, gradients=own).matches
    other = "detached" if gradient == "full" else "full"
    claimed = resurge.audit(net, x, y, loss, claim=other)
    assert not claimed.matches and claimed.code == gradient, str(claimed)
    negated = {name: None if g is None else -g for name, g in own.items()}
    assert resurge.audit(net, x, y, loss, gradients=negated).code == "gradient-scale -1"
    name = next(name for name, g in own.items() if g is not None and g.abs().max() > 0)
    wrong = own | {name: own[name].clone()}
    place = int(wrong[name].abs().argmax())
    wrong[name].view(-1)[place] *= 1.01
    found = resurge.audit(net, x, y, loss, gradients=wrong)
    assert not found.matches and int(found.table["wrong"].sum()) == 1, str(found)
    return report


def told(path: Path) -> int:
    """The exit status of the command on a file."""
    return subprocess.run([sys.executable, "-m", "resurge", "audit", str(path)], capture_output=True).returncode
