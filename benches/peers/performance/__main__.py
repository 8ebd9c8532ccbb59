"""Times Resurge side by side with snnTorch, SpikingJelly, Norse, torch by hand, and JAX as Spyx uses it.

    python benches/peers/performance --resurge target/release/workload --out results.json --markdown results.md
    python benches/peers/performance --only A10,C --repeats 5     (if the binary is not there: the peers alone)

Workloads A10, A2, A50, C, D are timed in interleaved rounds (`workloads.py` has their definitions). E is the ratio full /
detached of the same rounds; F, peak memory on A10, a fresh process each; G, Resurge's time for T = 25, 100, 400, 1600.
`--bars` names a JSON file of upper bounds, for example {"A10": 1.0, "E": 1.1, "F": 0.5, "G": 1.05}: for A10, A2, A50, C, D of
Resurge's median over that of the fastest peer with the full gradient; for E of full / detached; for F of Resurge's memory over
the least of the peers; for G of the log-log slope. `--peaks` names a JSON file {"copy_bytes_per_s": ..., "flops": ...}, for the
limits of `limits.py`. Ends with 1 if losses or gradients disagree; a missed bar is reported and does not change the exit code.

Run it on a quiet machine: torch's threads wait for each other at every step, so a second program on the same cores slows torch
down many times more than it does XLA. The report says what share of the cores went to others. OMP_WAIT_POLICY=passive in the
environment makes torch's threads sleep instead of spin, which is better on a busy machine; it is recorded.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

CORES = 2
if (have := sorted(os.sched_getaffinity(0)))[CORES:]:
    os.sched_setaffinity(0, have[:CORES])  # holds everyone to the same cores, XLA's threads and Resurge's process included

import torch  # XLA takes its number of threads from the affinity at import

import limits
import measure
import report
import torch_peers
import workloads

PACKAGES = ("torch", "snntorch", "spikingjelly", "norse", "jax", "spyx", "numpy")
NAMES = (*workloads.TIMED, "F", "G")


def machine() -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": os.cpu_count(), "cores_used": CORES, "load_before": f"{os.getloadavg()[0]:.1f}"}


class Others:
    """How much of the cores other programs use: what /proc/stat counts as busy less our own and our ended children's."""

    def __init__(self) -> None:
        self.start = self.counters()

    @staticmethod
    def counters() -> tuple[float, float, float]:
        """Seconds: all cores busy, we and our children, all cores in total."""
        ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        idle = ticks[3] + ticks[4]
        hertz = os.sysconf("SC_CLK_TCK")
        return (sum(ticks) - idle) / hertz, sum(os.times()[:4]), sum(ticks) / hertz

    def share(self) -> float:
        busy, own, total = (now - then for now, then in zip(self.counters(), self.start, strict=True))
        return max(0.0, busy - own) / total


def timed_result(name: str, command: list[str] | None, repeats: int, peaks: dict[str, float] | None) -> dict:
    workload = workloads.make(name)
    rates = torch_peers.firing_rates(workload)
    others = Others()
    peers = {
        peer.name: {key: getattr(peer, key) for key in ("rule", "note", "seconds", "losses", "grad_norms", "rates")}
        for peer in measure.measure(workload, command, repeats)
    }
    bounds = None if peaks is None else limits.work(workload, rates).seconds(peaks)
    return {
        "rates": rates,
        "peers": peers,
        "limits": bounds,
        "disagreements": report.disagreements(peers),
        "others_share": others.share(),
    }


def everything(chosen: list[str], command: list[str] | None, repeats: int, peaks: dict[str, float] | None) -> Iterator[dict]:
    """The results so far, after each workload: hours of them must not be lost to the last."""
    found: dict = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
        "repeats": repeats,
        "peaks": peaks,
        "workloads": {},
        "memory": {},
        "growth": {},
    }
    for name in chosen:
        if name == "F":
            found["memory"] = measure.measure_memory(command)
        elif name == "G" and command is not None:
            found["growth"] = measure.measure_growth(command, repeats)
        elif name in workloads.TIMED:
            found["workloads"][name] = timed_result(name, command, repeats, peaks)
        found["machine"]["load_after"] = f"{os.getloadavg()[0]:.1f}"
        yield found


def resurge_command(args: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str] | None:
    if args.fake:
        return [sys.executable, "-W", "ignore", str(Path(__file__).parent / "fake_resurge.py")]
    if args.resurge is None:
        default = Path("target/release/workload")
        return [str(default)] if default.exists() else None
    if not args.resurge.exists():
        parser.error(f"{args.resurge} does not exist")
    return [str(args.resurge)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resurge", type=Path, help="Resurge's server (default: target/release/workload if there)")
    parser.add_argument("--fake", action="store_true", help="a stand-in on torch in Resurge's place, to try this program")
    parser.add_argument("--repeats", type=int, default=9, help="rounds that count")
    parser.add_argument("--only", default=",".join(NAMES), help="some of " + ",".join(NAMES))
    parser.add_argument("--peaks", type=Path, help="JSON of the machine's peaks")
    parser.add_argument("--bars", type=Path, help="JSON of upper bounds")
    parser.add_argument("--out", type=Path, default=Path("results.json"), help="all raw times")
    parser.add_argument("--markdown", type=Path, help="where to write the tables that are printed")
    parser.add_argument("--memory-of", choices=measure.memory_names(), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(CORES)
    if args.memory_of is not None:
        print(json.dumps(measure.memory_of(args.memory_of)))
        return
    chosen = args.only.split(",")
    if unknown := set(chosen) - set(NAMES):
        parser.error(f"unknown in --only: {', '.join(sorted(unknown))}")
    if args.repeats < 1:
        parser.error("--repeats must be at least 1")
    peaks, bars = (None if path is None else json.loads(path.read_text()) for path in (args.peaks, args.bars))
    results: dict = {}
    for results in everything(chosen, resurge_command(args, parser), args.repeats, peaks):
        args.out.write_text(json.dumps(results, indent=2) + "\n")
    text = report.markdown(results, bars or {})
    print(text)
    if args.markdown is not None:
        args.markdown.write_text(text)
    wrong = [f"{name}: {line}" for name, result in results["workloads"].items() for line in result["disagreements"]]
    if wrong:
        sys.exit("\n".join(["Results disagree:", *wrong]))


if __name__ == "__main__":
    main()
