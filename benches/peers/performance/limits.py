"""Lower bounds on the time of one forward and backward pass, from the machine's measured peaks.

The bound is max(bytes / bytes per second, FLOPs / FLOPs per second), both peaks being those of all cores that are used.
`copy_bytes_per_s` must count both sides of a copy: bytes read plus bytes written. FLOPs count a multiply-add as 2, and 16
operations per cell and step (4 forward, 12 backward).

n = T * B rows; a weight matrix is counted as 3 passes (read forward, read backward, gradient written).

MLP (A, G), rates r1, r2 of the layers, density d of the input:
  dense FLOPs   2 n (784*512 + 512*10) * 2 [forward and dW]  +  2 n 512*10 [do1]  +  16 n (512 + 10)
  event FLOPs   one addition per weight that an active input meets: n (784 d 512 + 512 r1 10) * 2, the rest as above
  bytes         2 * n 784 [the input as bytes, read twice]  +  8 n (512 + 10) [u written and read, f32]
                + 12 (784*512 + 512*10)
                Spikes follow from u. The adjoints are consumed as they are made and do not travel.
LIF (C), N = T * cells:
  FLOPs         16 N + 2 N [the loss]
  bytes         12 N: current and cotangent read, gradient written, f32. u need not travel: the cells are independent, and those
                of one tile fit in the cache for all T. An API whose backward pass starts only when the forward pass has ended
                for all cells cannot get below 20 N (u written, and read).
Conv (D), the image's own convolution once for all steps; multiply-adds per sample:
  conv1 15*24*24*25, conv2 40*8*8*375, 640*300, 300*10
  FLOPs         2 B conv1 * 2 [forward, dW]  +  2 n (conv2 + 640*300 + 300*10) * 3  +  16 n cells
                with cells = 15*24*24 + 40*8*8 + 310
  bytes         8 n cells [u written and read]  +  12 * weights; the image and its current are small and left out
  There is no event count: pooled spikes are not binary.
"""

from __future__ import annotations

from dataclasses import dataclass

from workloads import CLASSES, CONV_BATCH, HIDDEN, INPUTS, MLP_BATCH, Workload

CELL_FLOPS = 16


@dataclass
class Work:
    """What one forward and backward pass has to do at least."""

    bytes: float
    dense_flops: float
    event_flops: float | None

    def seconds(self, peaks: dict[str, float]) -> dict[str, float | None]:
        moved = self.bytes / peaks["copy_bytes_per_s"]

        def bound(flops: float | None) -> float | None:
            return None if flops is None else max(moved, flops / peaks["flops"])

        return {"bytes_only": moved, "dense": bound(self.dense_flops), "event": bound(self.event_flops)}


def mlp_work(workload: Workload, rates: list[float]) -> Work:
    n = workload.steps * MLP_BATCH
    first, second, cells = INPUTS * HIDDEN, HIDDEN * CLASSES, HIDDEN + CLASSES
    rest = 2 * n * second + CELL_FLOPS * n * cells
    dense = 2 * n * (first + second) * 2 + rest
    event = n * (first * workload.density + second * rates[0]) * 2 + rest
    return Work(2 * n * INPUTS + 8 * n * cells + 12 * (first + second), dense, event)


def lif_work(workload: Workload) -> Work:
    count = workload.tensors["current"].size
    return Work(12 * count, (CELL_FLOPS + 2) * count, None)


def conv_work(workload: Workload) -> Work:
    n = workload.steps * CONV_BATCH
    conv1, later = 15 * 24 * 24 * 25, 40 * 8 * 8 * 375 + 640 * 300 + 300 * 10
    cells = 15 * 24 * 24 + 40 * 8 * 8 + 300 + 10
    flops = 2 * CONV_BATCH * conv1 * 2 + 2 * n * later * 3 + CELL_FLOPS * n * cells
    return Work(8 * n * cells + 12 * sum(w.size for w in workload.weights), flops, None)


def work(workload: Workload, rates: list[float]) -> Work:
    if workload.kind == "mlp":
        return mlp_work(workload, rates)
    return lif_work(workload) if workload.kind == "lif" else conv_work(workload)
