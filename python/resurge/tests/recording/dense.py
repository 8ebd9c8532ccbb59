"""A small dense network of any neuron, its data, and what a test of it needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from resurge.recording import Loss, Unsupported, read

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools/goldens/audit"))
from replay import Variation, errors, replay  # noqa: E402

WEIGHTED = Loss("weighted-sum")


def dense(neuron: Any, bits: int = 64) -> Any:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 5), neuron(), nn.Linear(5, 3), neuron())
    for layer in (net[0], net[2]):
        with torch.no_grad():
            layer.weight += 0.3
            layer.weight *= 2
    return net.double() if bits == 64 else net


def data(bits: int = 64) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    dtype = torch.float64 if bits == 64 else torch.float32
    x = (torch.rand(15, 2, 6, generator=generator) < 0.4).to(dtype)
    return x, torch.randn(15, 2, 3, generator=generator, dtype=dtype)


def worst(path: Path, variation: Any = None) -> float:
    recording = read(path)
    found = errors(recording, replay(recording, variation or Variation()))
    return max(found.values())


def refused(record: Any, net: Any, path: Path, what: str, x: Any = None) -> None:
    given, y = data()
    with pytest.raises(Unsupported, match=what):
        record(net, given if x is None else x, y, WEIGHTED, path)
    assert not path.exists()
