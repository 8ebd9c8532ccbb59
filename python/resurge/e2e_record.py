"""Records one network of each framework into a folder, a detached one that claims the full gradient, and a bad file."""

from __future__ import annotations

import sys
from pathlib import Path

import jax.numpy as jnp
import norse.torch as norse
import numpy as np
import sinabs.layers as sinabs
import snntorch as snn
import torch
from flax import nnx
from spikingjelly.activation_based import neuron as jelly
from spyx import nn as spyx
from torch import nn

import resurge.recording as audit

STEPS, BATCH, FEATURES, HIDDEN, CLASSES = 25, 4, 20, 10, 3


def dense(neuron: object) -> nn.Sequential:
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), neuron(), nn.Linear(HIDDEN, CLASSES), neuron())


def main() -> None:
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    x = (torch.rand(STEPS, BATCH, FEATURES) < 0.5).float() * 3
    y = torch.tensor([0, 2, 1, 0])
    loss = audit.Loss("cross-entropy", "sum")

    audit.record_snntorch(dense(lambda: snn.Leaky(beta=0.9)), x, y, loss, folder / "snntorch.safetensors")
    audit.record_spikingjelly(dense(lambda: jelly.LIFNode()), x, y, loss, folder / "spikingjelly.safetensors")
    fast = norse.LIFParameters(tau_mem_inv=torch.tensor(400.0))
    audit.record_norse(dense(lambda: norse.LIFCell(fast)), x, y, loss, folder / "norse.safetensors")
    audit.record_sinabs(dense(lambda: sinabs.LIF(4.0)), x, y, loss, folder / "sinabs.safetensors")

    rngs = nnx.Rngs(0)
    net = spyx.Sequential(
        nnx.Linear(FEATURES, HIDDEN, rngs=rngs),
        spyx.LIF((HIDDEN,), 0.9, rngs=rngs),
        nnx.Linear(HIDDEN, CLASSES, rngs=rngs),
        spyx.LI((CLASSES,), 0.9, rngs=rngs),
    )
    audit.record_spyx(
        net, jnp.asarray(x.numpy()), jnp.asarray(y.numpy()), loss, folder / "spyx.safetensors", record_currents=True
    )

    for framework in ("snntorch", "spikingjelly", "norse", "sinabs", "spyx"):
        recording = audit.read(folder / f"{framework}.safetensors")
        gradient = np.linalg.norm(recording.tensors["gradients.layers.0.weight"])
        assert recording.tensors["spikes.1"].any() and gradient > 0, f"{framework}: nothing to audit"

    detached = dense(lambda: jelly.LIFNode(detach_reset=True))
    path = folder / "detached-claimed-full.safetensors"
    audit.record_spikingjelly(detached, x, y, loss, path)
    recording = audit.read(path)
    for layer in recording.description["layers"]:
        if layer["kind"] == "neuron":
            assert layer["reset_gradient"] == "detached"
            layer["reset_gradient"] = "full"
    audit.write(path, recording)

    recording.description["layers"][1]["thresold"] = 1.0
    audit.write(folder / "misspelt.safetensors", recording)


if __name__ == "__main__":
    main()
