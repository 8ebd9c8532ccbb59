"""Times torch.autograd.gradcheck (f64, full Jacobian) on a smooth spiking network, for comparison with resurge-gradcheck.

    python benches/peers/gradcheck_torch.py --repeats 15

The network is 10-8-4, no biases, 112 parameters, T = 20, batch 3. Every spike is replaced by a sigmoid:

    u[t] = lam * u[t-1] * (1 - o[t-1]) + W x[t]         lam = 0.8
    o[t] = sigmoid((u[t] - theta) / 0.2)                theta = 1
    a[t] = beta * a[t-1] + (1 - beta) * o[t]            beta = 0.5; layers exchange a
    loss = 0.5 * sum over t, batch, neuron of (a - target)^2

Numbers come from one 64-bit linear congruential generator, so that another program can build the very same network:
    s <- s * 6364136223846793005 + 1442695040888963407 (mod 2^64), s = 1 at first;  uniform = (s >> 11) / 2^53
drawn in the order w1 [8, 10], w2 [4, 8], x [20, 3, 10], target [20, 3, 4], each row-major; w = 2 * uniform - 0.5 (w1), and
the same for w2; x = 1 where uniform < 0.3, else 0; target = uniform. `loss` and `grad_norm` in the output let the other
program confirm that it has the same network.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

STEPS, BATCH, SIZES = 20, 3, (10, 8, 4)
LAM, THETA, WIDTH, BETA = 0.8, 1.0, 0.2, 0.5


def uniforms() -> Iterator[float]:
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53


@dataclass
class Network:
    w1: Tensor
    w2: Tensor
    x: Tensor
    target: Tensor


def make_network() -> Network:
    source = uniforms()

    def draw(*shape: int) -> Tensor:
        count = torch.Size(shape).numel()
        return torch.tensor([next(source) for _ in range(count)], dtype=torch.float64).reshape(shape)

    n0, n1, n2 = SIZES
    w1, w2 = 2 * draw(n1, n0) - 0.5, 2 * draw(n2, n1) - 0.5
    x = (draw(STEPS, BATCH, n0) < 0.3).to(torch.float64)
    return Network(w1.requires_grad_(), w2.requires_grad_(), x, draw(STEPS, BATCH, n2))


def layer(w: Tensor, steps: list[Tensor]) -> list[Tensor]:
    u = o = a = torch.zeros(BATCH, w.shape[0], dtype=torch.float64)
    out = []
    for x in steps:
        u = LAM * u * (1 - o) + x @ w.T
        o = torch.sigmoid((u - THETA) / WIDTH)
        a = BETA * a + (1 - BETA) * o
        out.append(a)
    return out


def loss(w1: Tensor, w2: Tensor, net: Network) -> Tensor:
    a = torch.stack(layer(w2, layer(w1, list(net.x))))
    return 0.5 * ((a - net.target) ** 2).sum()


def times(work: Callable[[], object], repeats: int) -> list[float]:
    work()  # not counted: the first call loads what the later ones find
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def summary(seconds: list[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(seconds, n=4)
    return {
        "median_s": statistics.median(seconds),
        "quartile_low_s": low,
        "quartile_high_s": high,
        "min_s": min(seconds),
        "max_s": max(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15, help="timed calls, at least 2")
    parser.add_argument("--threads", type=int, help="torch's threads (its own default otherwise)")
    args = parser.parse_args()
    if args.repeats < 2:
        parser.error("--repeats must be at least 2")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    net = make_network()
    value = loss(net.w1, net.w2, net)
    grads = torch.autograd.grad(value, (net.w1, net.w2))

    def check() -> bool:
        return torch.autograd.gradcheck(lambda a, b: loss(a, b, net), (net.w1, net.w2), raise_exception=True)

    def gradient() -> object:
        return torch.autograd.grad(loss(net.w1, net.w2, net), (net.w1, net.w2))

    report = {
        "what": "torch.autograd.gradcheck, f64, full Jacobian, defaults (eps 1e-6, atol 1e-5, rtol 1e-3)",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "network": {"sizes": SIZES, "steps": STEPS, "batch": BATCH, "parameters": net.w1.numel() + net.w2.numel()},
        "loss": value.item(),
        "grad_norm": torch.cat([g.flatten() for g in grads]).norm().item(),
        "passed": check(),
        "repeats": args.repeats,
        "gradcheck": summary(times(check, args.repeats)),
        "one_gradient": summary(times(gradient, args.repeats)),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
