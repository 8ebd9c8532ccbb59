"""Runs the peers of one workload in turn, round after round, and the memory and growth measurements."""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import jax_peer
import torch_peers
import workloads
from resurge_peer import Server, forget_peak, memory, status_bytes
from workloads import Workload

# What a peer is compared in: its loss and gradient ("full", "detached"), or its loss alone ("other").
RULES = {"torch": "full", "spikingjelly": "full", "snntorch attached": "full", "norse": "other"}
QUIET_SECONDS = 0.02  # before each run, so that the threads of the peer before have stopped spinning


class Result(Protocol):
    loss: float

    def grad_norms(self) -> list[float]: ...


@dataclass
class Peer:
    """One entry of the round, and what it has measured so far."""

    name: str
    rule: str
    run: Callable[[], tuple[float, float, list[float]]]  # seconds, loss, norms of the gradients
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def record(self, keep: bool) -> None:
        """Times the second of two passes in a row: in a training one follows the other, while the first here finds the caches and
        the memory as another peer has left them."""
        gc.collect()
        time.sleep(QUIET_SECONDS)
        self.run()
        seconds, loss, self.grad_norms = self.run()
        self.losses.append(loss)
        if keep:
            self.seconds.append(seconds)


def timed(run: Callable[[], Result]) -> Callable[[], tuple[float, float, list[float]]]:
    def timed_run() -> tuple[float, float, list[float]]:
        start = time.perf_counter()
        result = run()
        seconds = time.perf_counter() - start
        return seconds, result.loss, result.grad_norms()

    return timed_run


def python_peers(workload: Workload) -> list[Peer]:
    peers = []
    for name, cell in torch_peers.CELLS.items():
        rule = "detached" if name.endswith("detached") else RULES[name]
        peers.append(Peer(name, rule, timed(torch_peers.make_run(cell, workload))))
    form = jax_peer.fastest_form(workload)
    for name, rule in (("jax", "full"), ("jax detached", "detached")):
        run = jax_peer.make_run(workload, form, detach=rule == "detached")
        peers.append(Peer(name, rule, timed(run), form))
    return peers


def resurge_peers(server: Server) -> list[Peer]:
    def peer(rule: str) -> Peer:
        def run() -> tuple[float, float, list[float]]:
            answer = server.ask(rule)
            made.rates = answer["rates"]
            return answer["seconds"], answer["loss"], answer["grad_norms"]

        made = Peer("resurge" if rule == "full" else "resurge detached", rule, run)
        return made

    return [peer("full"), peer("detached")]


def measure(workload: Workload, command: list[str] | None, repeats: int) -> list[Peer]:
    """One run of each that is not counted, then `repeats` rounds of all in turn."""
    with ExitStack() as stack:
        peers = python_peers(workload)
        if command is not None:
            peers += resurge_peers(stack.enter_context(Server(command, workload)))
        for round_number in range(-1, repeats):
            for peer in peers:
                peer.record(keep=round_number >= 0)
            print(f"{workload.name}: round {round_number + 1} of {repeats}", file=sys.stderr, flush=True)
    return peers


def memory_names() -> list[str]:
    return [*torch_peers.CELLS, *(f"jax, {form}" for form in jax_peer.FORMS["mlp"])]


def memory_of(name: str) -> dict[str, int]:
    """Of one forward and backward pass on A10 in this process, which must be fresh."""
    workload = workloads.make("A10")
    if name.startswith("jax, "):
        run: Callable[[], Result] = jax_peer.make_run(workload, name.removeprefix("jax, "), detach=False)
    else:
        run = torch_peers.make_run(torch_peers.CELLS[name], workload)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what imports and compilation left free must not hide what the run needs
    forget_peak()
    baseline = status_bytes("VmRSS")
    result = run()
    peak = status_bytes("VmHWM")
    del result
    return {"baseline_bytes": baseline, "peak_bytes": peak, "added_bytes": peak - baseline}


def measure_memory(command: list[str] | None) -> dict[str, dict[str, int]]:
    """A fresh process for each peer."""
    found = {}
    for name in memory_names():
        again = [sys.executable, "-W", "ignore", str(Path(__file__).parent), "--memory-of", name]
        found[name] = json.loads(subprocess.run(again, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        print(f"memory of {name}", file=sys.stderr, flush=True)
    if command is not None:
        workload = workloads.make("A10")
        for request in ("full", "detached", "full checkpoint", "detached checkpoint"):
            found[f"resurge, {request}"] = memory(command, workload, request)
    return found


def measure_growth(command: list[str], repeats: int) -> dict[str, dict[str, list[float]]]:
    """Resurge's seconds on A10 by number of steps; all servers run at once, so that the rounds can be interleaved."""
    found: dict[str, dict[str, list[float]]] = {"full": {}, "full checkpoint": {}}
    with ExitStack() as stack:
        servers = {t: stack.enter_context(Server(command, workloads.make(f"G{t}"))) for t in workloads.GROWTH_STEPS}
        for round_number in range(-1, repeats):
            for steps, server in servers.items():
                for request, by_steps in found.items():
                    seconds = server.ask(request)["seconds"]
                    if round_number >= 0:
                        by_steps.setdefault(str(steps), []).append(seconds)
            print(f"G: round {round_number + 1} of {repeats}", file=sys.stderr, flush=True)
    return found
