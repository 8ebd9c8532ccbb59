"""A stand-in for Resurge's server (the loop by hand on torch), to try the comparison without the binary: --fake."""

from __future__ import annotations

import json
import resource
import sys
import time

import torch
from safetensors import safe_open

import torch_peers
from workloads import Workload


def load(path: str) -> Workload:
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in list(file.keys())}
    return Workload("fake", metadata["workload"], int(metadata["steps"]), tensors)


def main() -> None:
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    workload = load(sys.argv[1])
    runs = {rule: torch_peers.make_run(torch_peers.CELLS[name], workload) for rule, name in RULES.items()}
    rates = torch_peers.firing_rates(workload)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "memory":
            answer: dict = {"peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        else:
            start = time.perf_counter()
            result = runs[line.split()[0]]()
            seconds = time.perf_counter() - start
            answer = {"seconds": seconds, "loss": result.loss, "grad_norms": result.grad_norms(), "rates": rates}
        print(json.dumps(answer), flush=True)


RULES = {"full": "torch", "detached": "torch detached"}

if __name__ == "__main__":
    main()
