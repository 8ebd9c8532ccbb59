"""Statistics, agreement, and Markdown tables, all from the JSON of the results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

LOSS_TOLERANCE, NORM_TOLERANCE = 1e-3, 2e-2  # relative; a spike that falls near the threshold may differ by rounding alone

Json = dict[str, Any]


def spread(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def milliseconds(values: list[float]) -> str:
    low, middle, high = spread(values)
    return f"{1e3 * middle:.1f} ({1e3 * low:.1f} to {1e3 * high:.1f})"


def paired_ratio(above: list[float], below: list[float]) -> str:
    """Ratio of the medians, then median and quartiles of the ratios of the same rounds."""
    low, middle, high = spread([a / b for a, b in zip(above, below, strict=True)])
    return f"{statistics.median(above) / statistics.median(below):.2f} ({middle:.2f}; {low:.2f} to {high:.2f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def reference(peers: dict[str, Json], rule: str) -> str | None:
    """Resurge, or the loop by hand where Resurge is not there."""
    names = ("resurge", "torch") if rule == "full" else ("resurge detached", "torch detached")
    return next((name for name in names if name in peers), None)


def disagreements(peers: dict[str, Json]) -> list[str]:
    """Losses of all, gradient norms of those with the same rule, against the reference."""
    found = []
    for name, peer in peers.items():
        base = reference(peers, "detached" if peer["rule"] == "detached" else "full")
        if base is None:
            continue
        expected = peers[base]["losses"][0]
        worst = max(peer["losses"], key=lambda loss: abs(loss - expected))
        if not abs(worst - expected) <= LOSS_TOLERANCE * abs(expected):
            found.append(f"{name}: loss {worst:.7g}, {base} has {expected:.7g}")
        if peer["rule"] == "other":
            continue
        norms = peers[base]["grad_norms"]
        if len(norms) != len(peer["grad_norms"]):
            found.append(f"{name}: {len(peer['grad_norms'])} gradients, {base} has {len(norms)}")
            continue
        for index, (got, wanted) in enumerate(zip(peer["grad_norms"], norms, strict=True)):
            if not abs(got - wanted) <= NORM_TOLERANCE * abs(wanted):
                found.append(f"{name}: norm of gradient {index} {got:.6g}, {base} has {wanted:.6g}")
    return found


def fastest(peers: dict[str, Json]) -> str:
    """The fastest framework with the full gradient that is not Resurge."""
    others = [n for n, p in peers.items() if p["rule"] == "full" and not n.startswith("resurge")]
    return min(others, key=lambda name: statistics.median(peers[name]["seconds"]))


def verdict(value: float, bar: float | None) -> str:
    return "" if bar is None else f"{'met' if value <= bar else 'MISSED'} (at most {bar:g})"


def peer_table(name: str, result: Json) -> str:
    peers = result["peers"]
    rows = []
    for peer_name, peer in peers.items():
        base = "resurge detached" if peer["rule"] == "detached" else "resurge"
        ratio = paired_ratio(peer["seconds"], peers[base]["seconds"]) if base in peers and base != peer_name else ""
        norms = ", ".join(f"{norm:.5g}" for norm in peer["grad_norms"])
        label = f"{peer_name} ({peer['note']})" if peer["note"] else peer_name
        rows.append([label, peer["rule"], milliseconds(peer["seconds"]), ratio, f"{peer['losses'][0]:.6f}", norms])
    head = ["peer", "gradient", "ms, median (quartiles)", "ratio to Resurge (paired)", "loss", "norms of gradients"]
    rates = ", ".join(f"{100 * rate:.1f} %" for rate in result["rates"])
    lines = [f"### {name}\n", f"Firing rates by layer: {rates}.\n", table(head, rows)]
    lines.append(f"Other programs used {100 * result['others_share']:.0f} % of the cores meanwhile.\n")
    lines += [f"- DISAGREES: {line}" for line in result["disagreements"]]
    return "\n".join(lines)


def limit_text(limits: Json | None) -> str:
    if limits is None:
        return ""
    event = "" if limits["event"] is None else f", event {1e3 * limits['event']:.2f}"
    return f"dense {1e3 * limits['dense']:.2f}{event}, bytes {1e3 * limits['bytes_only']:.2f}"


def summary_table(results: dict[str, Json], bars: dict[str, float]) -> str:
    rows = []
    for name, result in results.items():
        peers = result["peers"]
        best = fastest(peers)
        own, met, ratio = "", "", ""
        if "resurge" in peers:
            own = milliseconds(peers["resurge"]["seconds"])
            value = statistics.median(peers["resurge"]["seconds"]) / statistics.median(peers[best]["seconds"])
            ratio = paired_ratio(peers["resurge"]["seconds"], peers[best]["seconds"])
            met = verdict(value, bars.get(name))
        fast = f"{best}, {milliseconds(peers[best]['seconds'])}"
        rows.append([name, own, fast, ratio, met, limit_text(result["limits"])])
    head = [
        "workload",
        "Resurge, ms",
        "fastest peer with the full gradient, ms",
        "Resurge / fastest (paired)",
        "bar",
        "limit, ms",
    ]
    return "## Time\n\n" + table(head, rows)


def full_to_detached(results: dict[str, Json], bars: dict[str, float]) -> str:
    """E: what the full gradient costs over the detached one."""
    rows = []
    for name, result in results.items():
        peers = result["peers"]
        for full in ("resurge", "torch", "spikingjelly", "jax", "snntorch attached"):
            detached = full.removesuffix(" attached") + " detached"
            if full in peers and detached in peers:
                above, below = peers[full]["seconds"], peers[detached]["seconds"]
                value = statistics.median(above) / statistics.median(below)
                met = verdict(value, bars.get("E")) if full == "resurge" else ""
                rows.append([f"{name}, {full}", paired_ratio(above, below), met])
    return "## E: full / detached\n\n" + table(["workload, peer", "ratio of medians (paired)", "bar"], rows)


def memory_table(memory: dict[str, Json], bars: dict[str, float]) -> str:
    """F: RSS that one forward and backward pass on A10 adds."""
    least = min((m["added_bytes"] for n, m in memory.items() if not n.startswith("resurge")), default=math.nan)
    rows = []
    for name, found in memory.items():
        ratio = found["added_bytes"] / least
        met = verdict(ratio, bars.get("F")) if name.startswith("resurge") else ""
        rows.append([name, f"{found['added_bytes'] / 1e6:.1f}", f"{found['baseline_bytes'] / 1e6:.0f}", f"{ratio:.2f}", met])
    head = ["peer", "added, MB", "before, MB", "ratio to the least of the peers", "bar"]
    return "## F: peak memory on A10\n\n" + table(head, rows)


def log_log_slope(medians: dict[str, float]) -> float:
    """Least squares of log seconds over log steps."""
    x = [math.log(float(steps)) for steps in medians]
    y = [math.log(seconds) for seconds in medians.values()]
    return statistics.linear_regression(x, y).slope


def growth_table(growth: dict[str, dict[str, list[float]]], bars: dict[str, float]) -> str:
    """G: Resurge's time by number of steps."""
    rows = []
    steps = list(next(iter(growth.values())))
    for request, by_steps in growth.items():
        slope = log_log_slope({t: statistics.median(seconds) for t, seconds in by_steps.items()})
        cells = [milliseconds(by_steps[t]) for t in steps]
        rows.append([request, *cells, f"{slope:.3f}", verdict(slope, bars.get("G"))])
    return "## G: growth with T\n\n" + table(["gradient", *(f"T = {t}, ms" for t in steps), "slope", "bar"], rows)


def markdown(report: Json, bars: dict[str, float]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    parts = [
        "# Performance against peers\n",
        f"{report['date']}. {machine['cpu']}, {machine['cores_used']} of {machine['cores']} cores.",
        f"Load average {machine['load_before']} before, {machine['load_after']} after.",
        f"OMP_WAIT_POLICY: {report['omp_wait_policy']}.",
        f"{versions}. {report['repeats']} rounds, all peers in turn in each, each twice in a row; the second pass is timed.",
        "A paired ratio is the median of the ratios of the same rounds, with quartiles.\n",
    ]
    sections: list[tuple[str, Callable[[Any, dict[str, float]], str]]] = [
        ("workloads", summary_table),
        ("workloads", full_to_detached),
        ("memory", memory_table),
        ("growth", growth_table),
    ]
    parts += [write(report[key], bars) for key, write in sections if report[key]]
    if report["workloads"]:
        parts += ["## All peers\n", *(peer_table(name, result) for name, result in report["workloads"].items())]
    return "\n".join(parts)
