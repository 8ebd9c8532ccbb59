"""Golden gradients of spiking layers, computed by the real frameworks in f64.

    tools/goldens/run                          # makes the environment, regenerates tools/goldens/data
    python make_goldens.py                        # the same, in an environment that has requirements.txt
    python make_goldens.py --only snntorch        # one framework: snntorch, spikingjelly, norse, sinabs, exodus, spyx
    python make_goldens.py --case leaky-zero      # cases whose name contains this
    python make_goldens.py --check                # write nothing; compare with the committed files to 1e-12

Each case builds a small two-layer network (linear -> neuron -> linear -> neuron), runs it in the framework, differentiates
    loss = sum(c * spikes of the last layer) + sum(d * potentials of the last layer)
(the second sum only where the file holds `d`) and writes data/<framework>-<case>.safetensors. Before anything is written the
same network is computed by reference.py (plain loops, hand-written adjoint), which must agree to 1e-12 of the norm; firing
rates must lie in 10-40 %, no potential within 1e-9 of the threshold, and the attached and detached gradients must differ.

snnTorch, Sinabs and EXODUS cast spikes with `.float()`, which would round every gradient that reaches a spike to f32. So
torch.Tensor.float is made to mean `double`, and torch's default dtype is f64 (Sinabs's Gaussian builds pi in it). Nothing
else of a framework is altered; EXODUS's kernels are its own source compiled for the CPU, see exodus_cpu.py.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

import reference as ref
from common import BATCH, Case, Data, Result, run_torch, use_f64
from reference import Array, Cell, Network, Weights

HERE = Path(__file__).resolve().parent
FORMAT = 1
STEPS, SIZES = 12, (6, 5, 3)
RATES = (0.10, 0.40)
TOLERANCE = 1e-12
MARGIN = 1e-9


def make_data(framework: str, case: Case) -> Data:
    """Inputs and weights, deterministic in the names; gains are raised until every layer fires in the wanted band."""
    for attempt in range(400):
        rng = np.random.default_rng([zlib.crc32(f"{framework}-{case.name}".encode()), attempt])
        bernoulli = attempt % 2 == 0
        shape = (STEPS, BATCH, SIZES[0])
        x = (rng.random(shape) < 0.4).astype(np.float64) if bernoulli else rng.normal(0.3, 0.7, shape)
        weights: list[Weights] = []
        h = x
        for n_in, n_out in zip(SIZES[:-1], SIZES[1:]):
            w = rng.normal(0.35, 1.0, (n_out, n_in)) / np.sqrt(n_in)
            b = rng.normal(0.0, 0.1, n_out) if case.bias else None
            rec = rng.normal(0.0, 0.3 / np.sqrt(n_out), (n_out, n_out)) if case.recurrent else None
            layer = best_gain(case.cell, w, b, rec, h)
            if layer is None:
                break
            weights.append(layer)
            h = ref.forward(case.cell, layer, h).y
        if len(weights) == len(SIZES) - 1:
            traces = Network([case.cell] * len(weights), weights).run(x)
            if margin(case.cell, traces) > 1e-4 and case.accept(traces):
                shape = (STEPS, BATCH, SIZES[-1])
                return Data(x, weights, rng.normal(0, 1, shape), rng.normal(0, 1, shape) if case.potential_loss else None)
    raise RuntimeError(f"{framework}-{case.name}: no data found that fires in the wanted band")


def best_gain(cell: Cell, w: Array, b: Array | None, rec: Array | None, h: Array) -> Weights | None:
    """The layer whose firing rate is nearest to 25 %, if it is within 14-36 % and most neurons take part."""
    best: tuple[float, Weights] | None = None
    for gain in np.geomspace(0.3, 30, 60):
        layer = Weights(gain * w, b if b is None else gain * b, rec if rec is None else gain * rec)
        o = ref.forward(cell, layer, h).o
        rate = float(o.mean())
        if 0.14 < rate < 0.36 and (o.sum(axis=(0, 1)) > 0).mean() >= 0.6:
            if best is None or abs(rate - 0.25) < best[0]:
                best = (abs(rate - 0.25), layer)
    return None if best is None else best[1]


def margin(cell: Cell, traces: list[ref.Trace]) -> float:
    """The least distance of a potential from a threshold, a multiple of it (multi-spike) or a kink of the surrogate."""
    least = np.inf
    for tr in traces:
        x = tr.u - tr.thr
        least = min(least, float(np.abs(x).min()), *(float(np.abs(np.abs(x) - k).min()) for k in cell.surrogate.kinks))
        if cell.multi_spike:
            q = tr.u / tr.thr
            least = min(least, float(np.abs(q - np.round(q)).min()))
        if cell.residual:
            least = min(least, float(np.abs(tr.m - tr.thr).min()))
    return least


def relative(a: Array, b: Array) -> float:
    """|a - b| / |b| in the 2-norm, or |a| where b = 0."""
    scale = float(np.linalg.norm(b))
    return float(np.linalg.norm(a - b)) / (scale if scale > 0 else 1.0)


def reference_grads(case: Case, network: Network, traces: list[ref.Trace], data: Data) -> dict[str, Array]:
    grads = network.gradients(traces, data.c, data.d)
    named = {"x": grads[0].x}
    for k, g in enumerate(grads):
        named[f"w.{k}"] = g.w
        if case.bias:
            named[f"b.{k}"] = g.b
        if case.recurrent:
            named[f"rec.{k}"] = g.rec
        for p in case.params:
            named[f"{p.name}.{k}"] = np.array([sum(d * g.cell[f] for f, d in p.jacobian.items())])
    return named


@dataclass
class Checked:
    worst: float
    attached_share: float
    rates: list[float]
    margin: float


def check(name: str, case: Case, data: Data, result: Result) -> Checked:
    """The framework against the reference; every promise of the module's docstring."""
    network = Network([case.cell] * len(data.weights), data.weights)
    traces = network.run(data.x)
    for k, tr in enumerate(traces):
        assert np.array_equal(tr.y, result.spikes[k]), f"{name}: spikes of layer {k} differ from the reference's"
        assert relative(result.potentials[k], tr.u) < TOLERANCE, f"{name}: potentials of layer {k} differ"
    loss = network.loss(traces, data.c, data.d)
    assert abs(loss - result.loss) < TOLERANCE * max(1.0, abs(loss)), f"{name}: loss {result.loss} against {loss}"
    expected = reference_grads(case, network, traces, data)
    assert expected.keys() == result.grads.keys(), (name, expected.keys(), result.grads.keys())
    errors = {key: relative(result.grads[key], expected[key]) for key in expected}
    worst = max(errors, key=lambda key: errors[key])
    assert errors[worst] < TOLERANCE, f"{name}: grad.{worst} is off by {errors[worst]:.3e} of its norm"
    other = reference_grads(case, network.with_attached(not case.cell.attached), traces, data)
    share = relative(other["w.0"], expected["w.0"])
    assert share > 1e-3 or not case.differs, f"{name}: attached and detached differ by only {share:.1e}"
    # The reference's o, not the file's spikes: with an output delay the first output is always 0.
    rates = [float(tr.o.mean()) for tr in traces]
    assert all(RATES[0] <= rate <= RATES[1] for rate in rates), f"{name}: firing rates {rates}"
    least = margin(case.cell, traces)
    assert least > MARGIN, f"{name}: a potential lies {least:.1e} from a threshold"
    return Checked(errors[worst], share, rates, least)


def describe_cell(cell: Cell) -> dict[str, Any]:
    """The `lif` layer of the metadata: the reference's own terms, see reference.py."""
    s = cell.surrogate
    return {
        "kind": "lif",
        "decay": cell.decay,
        "input_gain": cell.gain,
        "constant": cell.constant,
        "threshold": cell.theta,
        "initial_potential": cell.v0,
        "synapse": None if cell.synapse is None else asdict(cell.synapse),
        "adaptation": None if cell.adaptation is None else asdict(cell.adaptation),
        "reset": cell.reset,
        "v_reset": cell.v_reset,
        "reset_timing": cell.timing,
        "attached": cell.attached,
        "gates_input": cell.timing == "after_input",
        "residual_reset": cell.residual,
        "fires_at": cell.fires_at,
        "multi_spike": cell.multi_spike,
        "output_delay": int(cell.output_delay),
        "surrogate": {"name": s.name, "params": s.params, "formula": s.formula},
    }


def metadata(framework: str, package: str, version: str, case: Case, checked: Checked) -> dict[str, str]:
    layers: list[dict[str, Any]] = []
    for _ in SIZES[1:]:
        layers += [{"kind": "linear", "bias": case.bias}, {**describe_cell(case.cell), "recurrent": case.recurrent}]
    golden = {
        "format": FORMAT,
        "framework": framework,
        "package": package,
        "version": version,
        "class": case.cls,
        "source_file": case.source,
        "settings": case.settings,
        "network": {"sizes": list(SIZES), "layers": layers},
        "parameters": {p.name: {"value": p.value, "d_cell": p.jacobian} for p in case.params},
        "loss": "sum(c * spikes.1)" + (" + sum(d * potentials.1)" if case.potential_loss else ""),
        "potentials": "before the reset: what the threshold is compared with",
        "states": case.state or None,
        "equation": case.equation,
        "checked": {
            "against_reference": checked.worst,
            "attached_against_detached": checked.attached_share,
            "firing_rates": checked.rates,
            "least_distance_from_threshold": checked.margin,
        },
    }
    return {"resurge_golden": json.dumps(golden, ensure_ascii=False)}


OWN_NAMES = {"x", "w", "b", "rec", "c", "d", "loss", "spikes", "potentials", "states"}


def tensors(case: Case, data: Data, result: Result) -> dict[str, Array]:
    # A parameter of the framework's that is called `w` would take the place of the weights.
    assert not OWN_NAMES & {p.name for p in case.params}, f"{case.name}: {[p.name for p in case.params]}"
    out = {"x": data.x, "c": data.c, "loss": np.array([result.loss])}
    if data.d is not None:
        out["d"] = data.d
    for k, weights in enumerate(data.weights):
        out[f"w.{k}"] = weights.w
        if weights.b is not None:
            out[f"b.{k}"] = weights.b
        if weights.rec is not None:
            out[f"rec.{k}"] = weights.rec
        for p in case.params:
            out[f"{p.name}.{k}"] = np.array([p.value])
        out[f"spikes.{k}"] = result.spikes[k]
        out[f"potentials.{k}"] = result.potentials[k]
        if result.states:
            out[f"states.{k}"] = result.states[k]
    out |= {f"grad.{key}": value for key, value in result.grads.items()}
    assert all(a.dtype == np.float64 for a in out.values())
    return {key: np.ascontiguousarray(value) for key, value in out.items()}


def compare(path: Path, made: dict[str, Array]) -> None:
    """--check: what was just computed against the committed file."""
    kept = load_file(path)
    assert kept.keys() == made.keys(), f"{path.name}: tensors differ: {sorted(kept.keys() ^ made.keys())}"
    for key, value in made.items():
        assert relative(value, kept[key]) < TOLERANCE, f"{path.name}: {key} differs by {relative(value, kept[key]):.1e}"


FRAMEWORKS: dict[str, str] = {  # name -> the package that has the version
    "snntorch": "snntorch",
    "spikingjelly": "spikingjelly",
    "norse": "norse",
    "sinabs": "sinabs",
    "exodus": "sinabs-exodus",
    "spyx": "spyx",
}


def cases_of(framework: str, cache: Path) -> tuple[list[Case], Callable[[Case, Data], Result]]:
    """The framework's cases and how to run one; imports only that framework."""
    match framework:
        case "snntorch":
            from cases_snntorch import snntorch_cases

            return snntorch_cases(), run_torch
        case "spikingjelly":
            from cases_spikingjelly import spikingjelly_cases

            return spikingjelly_cases(), run_torch
        case "norse":
            from cases_norse import norse_cases

            return norse_cases(), run_torch
        case "sinabs":
            from cases_sinabs import sinabs_cases

            return sinabs_cases(), run_torch
        case "exodus":
            from cases_sinabs import exodus_cases

            return exodus_cases(cache), run_torch
        case "spyx":
            from cases_spyx import run_spyx, spyx_cases

            return spyx_cases(), run_spyx
    raise ValueError(framework)


def version_of(framework: str) -> str:
    if framework == "exodus":
        import exodus_cpu

        return exodus_cpu.VERSION
    return importlib.metadata.version(FRAMEWORKS[framework])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FRAMEWORKS, action="append", help="this framework (may be repeated)")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    parser.add_argument("--out", type=Path, default=HERE / "data")
    parser.add_argument(
        "--cache", type=Path, default=Path("/tmp/resurge-goldens"), help="where EXODUS's source is unpacked and built"
    )
    args = parser.parse_args()
    use_f64()
    args.out.mkdir(parents=True, exist_ok=True)
    total = 0
    for framework in args.only or FRAMEWORKS:
        version = version_of(framework)
        cases, run = cases_of(framework, args.cache)
        for case in cases:
            if args.case not in case.name:
                continue
            name = f"{framework}-{case.name}"
            data = make_data(framework, case)
            result = run(case, data)
            checked = check(name, case, data, result)
            path = args.out / f"{name}.safetensors"
            made = tensors(case, data, result)
            if args.check:
                compare(path, made)
            else:
                save_file(made, path, metadata(framework, FRAMEWORKS[framework], version, case, checked))
            size = path.stat().st_size
            total += size
            print(
                f"{name:48} reference {checked.worst:.1e}  attached/detached {checked.attached_share:8.1e}  rates "
                f"{' '.join(f'{rate:.2f}' for rate in checked.rates)}  margin {checked.margin:.1e}  {size:6d} B",
                flush=True,
            )
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
