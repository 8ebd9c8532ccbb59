"""Deliberately damaged copies of the goldens, and what `resurge audit` has to say to each.

A wrong gradient comes from another run of the framework, or from replay.py with one thing changed; never from Rust.
For every gradient damage, all other variations are computed as well, and none may explain it.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import resurge.recording as audit
from resurge.recording import Recording
from resurge.recording._surrogate import area_of, derivative_of

from replay import Variation, relative, replay

Goldens = dict[str, Recording]


@dataclass(frozen=True)
class Damage:
    """A damaged copy: of which golden, how, and the expected diagnosis (None: found by replaying the description)."""

    name: str
    golden: str
    harm: Callable[[Recording, Goldens], None]
    expected: str | None = None


def gradient_names(recording: Recording) -> list[str]:
    return [name for name in recording.tensors if name.startswith("gradients.")]


def put(recording: Recording, gradients: dict[str, np.ndarray]) -> None:
    """Puts other gradients in the place of the recorded ones."""
    for name in gradient_names(recording):
        kept = recording.tensors[name]
        found = gradients[name.removeprefix("gradients.")]
        recording.tensors[name] = found.reshape(kept.shape).astype(kept.dtype)


def varied(**changes: Any) -> Callable[[Recording, Goldens], None]:
    return lambda recording, _: put(recording, replay(recording, Variation(**changes)).gradients)


def other_run(golden: str) -> Callable[[Recording, Goldens], None]:
    """The framework's own gradients on the same weights and data under its other switch: see `reruns`."""

    def harm(recording: Recording, goldens: Goldens) -> None:
        for name in gradient_names(recording):
            recording.tensors[name] = goldens[golden].tensors[name]

    return harm


def another_shape(kind: str, parameter: str) -> Callable[[Recording, Goldens], None]:
    """Another surrogate of the claimed one's value at 0 and area."""

    def harm(recording: Recording, _: Goldens) -> None:
        claimed = next(layer["surrogate"] for layer in recording.description["layers"] if layer["kind"] == "neuron")
        peak = float(derivative_of(claimed, np.zeros(1))[0])
        parameters = {k: v for k, v in claimed.items() if k not in ("kind", "scale")}
        shape_area = area_of(claimed["kind"], parameters)
        # Every area is a constant over the slope, or times the width.
        unit = area_of(kind, {parameter: 1.0})
        value = unit / shape_area if parameter == "slope" else shape_area / unit
        put(
            recording,
            replay(recording, Variation(surrogate={"kind": kind, parameter: value, "scale": {"peak": peak}})).gradients,
        )

    return harm


def unit_area(recording: Recording, _: Goldens) -> None:
    claimed = next(layer["surrogate"] for layer in recording.description["layers"] if layer["kind"] == "neuron")
    put(recording, replay(recording, Variation(surrogate=claimed | {"scale": "unit-area"})).gradients)


def scaled(factor: float, *names: str) -> Callable[[Recording, Goldens], None]:
    def harm(recording: Recording, _: Goldens) -> None:
        for name in names or gradient_names(recording):
            key = name if name.startswith("gradients.") else f"gradients.{name}"
            recording.tensors[key] = recording.tensors[key] * recording.tensors[key].dtype.type(factor)

    return harm


def by_batch(power: int) -> Callable[[Recording, Goldens], None]:
    def harm(recording: Recording, goldens: Goldens) -> None:
        scaled(float(recording.tensors["input"].shape[1]) ** power)(recording, goldens)

    return harm


def transposed(name: str) -> Callable[[Recording, Goldens], None]:
    def harm(recording: Recording, _: Goldens) -> None:
        recording.tensors[f"gradients.{name}"] = np.ascontiguousarray(recording.tensors[f"gradients.{name}"].T)

    return harm


def flipped_spike(layer: int, at: tuple[int, ...]) -> Callable[[Recording, Goldens], None]:
    def harm(recording: Recording, _: Goldens) -> None:
        recording.tensors[f"spikes.{layer}"][at] ^= 1

    return harm


def moved_potential(layer: int, at: tuple[int, ...]) -> Callable[[Recording, Goldens], None]:
    def harm(recording: Recording, _: Goldens) -> None:
        recording.tensors[f"potentials.{layer}"][at] += 0.05

    return harm


def described(layer: int, **changes: Any) -> Callable[[Recording, Goldens], None]:
    """A wrong description of what was run."""
    return lambda recording, _: recording.description["layers"][layer].update(changes)


def wrong_loss(recording: Recording, _: Goldens) -> None:
    recording.tensors["loss"] = recording.tensors["loss"] * 2


def damages() -> list[Damage]:
    hard, soft = "spikingjelly-lif-zero", "spikingjelly-lif-soft"
    leaky = "snntorch-leaky-zero"
    cut = lambda what: varied(cut=frozenset({what}))  # noqa: E731
    gate = {"kind": "zero", "timing": "after-input"}
    return [
        Damage("detached-rerun", hard, other_run("rerun-detached"), "detached"),
        Damage("full-rerun", "rerun-detached-claim", other_run("rerun-full"), "full"),
        Damage("detached-soft", soft, varied(reset_gradient="detached"), "detached"),
        Damage("detached-spyx", "spyx-lif-default", varied(reset_gradient="detached"), "detached"),
        Damage("detached-f32", "norse-lif-values", varied(reset_gradient="detached"), "detached"),
        Damage("full-snntorch", leaky, varied(reset_gradient="full"), "full"),
        Damage("full-norse-recurrent", "norse-recurrent", varied(reset_gradient="full"), "full"),
        Damage("scaled-half", hard, varied(reset_gradient={"scaled": 0.5}), "scaled 0.5"),
        Damage("scaled-f32", "spikingjelly-lif-default", varied(reset_gradient={"scaled": 0.25}), "scaled 0.25"),
        Damage("scaled-adaptive", "sinabs-alif", varied(reset_gradient={"scaled": 0.5}), "scaled 0.5"),
        Damage("spatial-only", hard, varied(reset_gradient="spatial-only"), "spatial-only"),
        Damage("surrogate-scale-2", hard, varied(factor=2.0), "surrogate-scale 2"),
        Damage("surrogate-scale-f32", "snntorch-leaky-default", varied(factor=0.5), "surrogate-scale 0.5"),
        Damage("surrogate-width-2", hard, varied(width=2.0), "surrogate-width 2"),
        Damage("surrogate-width-half", "norse-box-tanh", varied(width=0.5), "surrogate-width 0.5"),
        Damage("surrogate-triangle", hard, another_shape("triangle", "width"), "surrogate triangle"),
        Damage("surrogate-sigmoid", leaky, another_shape("sigmoid", "width"), "surrogate sigmoid"),
        Damage("surrogate-unit-area", leaky, unit_area, "surrogate-unit-area"),
        Damage("gradient-twice", soft, scaled(2.0), "gradient-scale 2"),
        Damage("gradient-negative", "sinabs-lif-default", scaled(-1.0), "gradient-scale -1"),
        Damage("batch-sum", hard, by_batch(1), "batch-sum"),
        Damage("batch-mean", soft, by_batch(-1), "batch-mean"),
        Damage("truncated-5", hard, varied(truncated=5), "truncated 5"),
        Damage("truncated-10-f32", "snntorch-leaky-long", varied(truncated=10), "truncated 10"),
        Damage("time-shift", hard, varied(time_shift=1), "time-shift 1"),
        Damage("time-shift-conv", "snntorch-leaky-conv", varied(time_shift=1), "time-shift 1"),
        Damage("detached-decay", hard, cut("decay"), "detached-decay"),
        Damage("detached-synapse", "sinabs-lif-synapse", cut("synapse"), "detached-synapse"),
        Damage("detached-adaptation", "sinabs-alif", cut("adaptation"), "detached-adaptation"),
        Damage("detached-trace", "reference-trace", cut("trace"), "detached-trace"),
        Damage("gated", leaky, varied(reset=gate), "reset zero after-input"),
        Damage(
            "delayed",
            "spyx-cubalif-three-layers",
            varied(reset={"kind": "subtract", "timing": "after-decay"}),
            "reset subtract after-decay",
        ),
        Damage("zeroed", hard, scaled(0.0, "layers.0.weight"), "zeroed layers.0.weight"),
        Damage("zeroed-plif", "spikingjelly-plif-zero", scaled(0.0, "layers.1.w"), "zeroed layers.1.w"),
        Damage("transposed", soft, transposed("layers.0.weight"), "transposed layers.0.weight"),
        Damage("sign", hard, scaled(-1.0, "layers.2.weight"), "sign layers.2.weight"),
        Damage("parameter-scale", leaky, scaled(3.0, "layers.2.bias"), "parameter-scale layers.2.bias 3"),
        Damage("spike", hard, flipped_spike(1, (3, 1, 2)), "forward layer=1 step=3 sample=1 neuron=2"),
        Damage(
            "spike-conv",
            "snntorch-leaky-conv",
            flipped_spike(4, (5, 0, 1, 1, 0)),
            "forward layer=4 step=5 sample=0 neuron=6",
        ),
        Damage("potential", leaky, moved_potential(3, (7, 0, 1)), "forward layer=3 step=7 sample=0 neuron=1"),
        Damage("threshold", leaky, described(1, threshold=1.25)),
        Damage("decay", "spikingjelly-lif-reset-value", described(1, decay=0.5)),
        Damage("late-reset", soft, described(1, reset={"kind": "subtract", "timing": "after-decay"})),
        Damage("no-delay", "spyx-cubalif", described(1, output_delay=False)),
        Damage("loss", "sinabs-lif-default", wrong_loss, "loss"),
    ]


def reruns(kept: Recording) -> Goldens:
    """SpikingJelly's LIFNode on the weights and data of one golden, with and without `detach_reset`."""
    import tempfile

    import torch
    from spikingjelly.activation_based import neuron, surrogate

    found = {}
    kept = audit.read(
        Path(__file__).resolve().parents[3] / "crates/resurge/tests/audit/goldens/spikingjelly-lif-zero.safetensors"
    )
    tensors = {name: torch.from_numpy(np.array(values)) for name, values in kept.tensors.items()}
    for name, detach in (("rerun-full", False), ("rerun-detached", True)):
        layers: list[Any] = []
        for k in (0, 2):
            weight = tensors[f"layers.{k}.weight"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
            layer.load_state_dict({"weight": weight, "bias": tensors[f"layers.{k}.bias"]})
            node = neuron.LIFNode(decay_input=False, detach_reset=detach, surrogate_function=surrogate.ATan())
            layers += [layer, node]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.safetensors"
            x, y = tensors["input"].double(), tensors["target"]
            audit.record_spikingjelly(
                torch.nn.Sequential(*layers), x, y, audit.Loss("cross-entropy", "sum"), path, record_currents=True
            )
            found[name] = audit.read(path)
    found["rerun-detached-claim"] = found["rerun-detached"]
    return found


def reference_trace() -> Recording:
    """A network that no framework has: traces, a refractory period and a scaled reset; computed by replay.py."""
    rng = np.random.default_rng(5)
    neuron = {
        "kind": "neuron", "decay": 0.8, "trace_decay": 0.5, "output": "trace", "refractory": 2,
        "reset": {"kind": "zero"}, "reset_gradient": {"scaled": 0.5}, "surrogate": {"kind": "sigmoid", "width": 0.3},
    }  # fmt: skip
    linear = {"kind": "linear", "bias": False}
    tensors = {
        "input": (rng.random((20, 2, 6)) < 0.5).astype(np.float64),
        "layers.0.weight": rng.normal(0.25, 0.4, (5, 6)),
        "layers.2.weight": rng.normal(0.6, 1.2, (3, 5)),
        "loss.weight": rng.normal(size=(20, 2, 3)),
    }
    description = {
        "version": 1, "framework": {"name": "reference", "version": "1"},
        "layers": [linear, neuron, linear, neuron], "loss": {"kind": "weighted-sum"},
    }  # fmt: skip
    recording = Recording(description, tensors)
    found = replay(recording)
    tensors["loss"] = np.array([found.loss])
    for k in (1, 3):
        tensors[f"potentials.{k}"] = found.potentials[k]
        assert 0.1 < found.outputs[k].mean() < 0.5 and found.margins[k] > 1e-5
    for name in ("layers.0.weight", "layers.2.weight", "input"):
        tensors[f"gradients.{name}"] = found.gradients[name]
    return recording


def first_divergence(recording: Recording) -> str:
    """Where the run that the description means first differs from the recorded one."""
    found = replay(recording)
    places = []
    for k, layer in enumerate(recording.description["layers"]):
        if layer["kind"] != "neuron":
            continue
        u = recording.tensors[f"potentials.{k}"].astype(np.float64)
        tolerance = 1e-10 if recording.tensors["loss"].dtype == np.float64 else 1e-4
        differs = np.abs(found.potentials[k] - u) > tolerance * np.abs(u).max()
        differs |= recording.tensors[f"spikes.{k}"] != found.outputs[k]
        for t, b, *n in np.argwhere(differs.reshape(*differs.shape[:2], -1)):
            places.append((int(t), k, int(b), int(n[0])))
    t, k, b, n = min(places)
    return f"forward layer={k} step={t} sample={b} neuron={n}"


def explanations(recording: Recording) -> dict[str, dict[str, Any]]:
    """The variations of a whole gradient that a damage could be taken for."""
    found: dict[str, dict[str, Any]] = {"match": {}}
    for claim in ("full", "detached", "spatial-only"):
        found[claim] = {"reset_gradient": claim}
    for alpha in (0.25, 0.5, 0.75):
        found[f"scaled {alpha:g}"] = {"reset_gradient": {"scaled": alpha}}
    for factor in (0.5, 2.0):
        found[f"surrogate-scale {factor:g}"] = {"factor": factor}
        found[f"surrogate-width {factor:g}"] = {"width": factor}
    for steps in (1, 2, 5, 10):
        if steps < recording.tensors["input"].shape[0]:
            found[f"truncated {steps}"] = {"truncated": steps}
    for what in ("decay", "synapse", "trace", "adaptation"):
        found[f"detached-{what}"] = {"cut": frozenset({what})}
    found["time-shift 1"] = {"time_shift": 1}
    return found


def check_unique(name: str, recording: Recording, expected: str) -> None:
    """No variation but the expected one explains the gradients, and neither does the claim."""
    limit = 1e-10 if recording.tensors["loss"].dtype == np.float64 else 1e-4
    claims = [layer["reset_gradient"] for layer in recording.description["layers"] if layer["kind"] == "neuron"]
    for explanation, changes in explanations(recording).items():
        if {explanation, expected} == {"truncated 1", "spatial-only"}:
            continue  # the same where nothing but the membrane has a memory
        if explanation == expected or (changes.get("reset_gradient") in claims):
            continue
        gradients = replay(recording, Variation(**changes)).gradients
        worst = max(
            relative(recording.tensors[n], gradients[n.removeprefix("gradients.")].reshape(recording.tensors[n].shape))
            for n in gradient_names(recording)
        )
        assert worst > 10 * limit, f"{name}: {explanation} explains it as well, to {worst:.1e}"


def damage_all(goldens: Goldens, tests: Path, check: bool) -> None:
    """Makes every damaged copy, its line in the manifest, and the files that are no audit files."""
    goldens = goldens | reruns(goldens["spikingjelly-lif-zero"])
    folder = tests / "damaged"
    folder.mkdir(parents=True, exist_ok=True)
    if not check:
        audit.write(tests / "goldens/reference-trace.safetensors", goldens["reference-trace"])
    manifest = []
    for damage in damages():
        recording = copy.deepcopy(goldens[damage.golden])
        damage.harm(recording, goldens)
        expected = damage.expected or first_divergence(recording)
        if not expected.startswith(("forward", "loss")):
            check_unique(damage.name, recording, expected)
        path = folder / f"{damage.name}.safetensors"
        if check:
            kept = audit.read(path)
            for name, values in recording.tensors.items():
                limit = 1e-9 if values.dtype == np.float64 else 1e-5
                assert relative(values, kept.tensors[name].astype(np.float64)) <= limit, f"{damage.name}: {name}"
        else:
            audit.write(path, recording)
        manifest.append({"file": path.name, "golden": damage.golden, "expected": expected})
        print(f"{damage.name:28} {expected}", flush=True)
    if not check:
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        unusable(goldens["spikingjelly-lif-soft-one-step"], tests / "unusable")


def unusable(golden: Recording, folder: Path) -> None:
    """Files that must be refused, with a part of the error."""
    folder.mkdir(exist_ok=True)
    whole = audit.write(folder / "whole.safetensors", golden).read_bytes()
    manifest = []

    def keep(name: str, data: bytes, names: str) -> None:
        (folder / f"{name}.safetensors").write_bytes(data)
        manifest.append({"file": f"{name}.safetensors", "names": names})

    def rewritten(change: Callable[[dict[str, Any]], None], tail: Callable[[bytes], bytes] = lambda data: data) -> bytes:
        (size,) = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + tail(whole[8 + size :])

    def describe(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
        def apply(header: dict[str, Any]) -> None:
            description = json.loads(header["__metadata__"]["resurge_audit"])
            change(description)
            header["__metadata__"]["resurge_audit"] = json.dumps(description)

        return apply

    def not_a_number(header: dict[str, Any]) -> Callable[[bytes], bytes]:
        begin = header["gradients.layers.0.weight"]["data_offsets"][0]
        return lambda data: data[:begin] + struct.pack("<f", float("nan")) + data[begin + 4 :]

    (size,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + size])
    keep("truncated", whole[:-100], "")
    keep("huge-header", struct.pack("<Q", 1 << 40) + whole[8:], "")
    keep("not-a-number", rewritten(lambda _: None, not_a_number(header)), "gradients.layers.0.weight")
    keep("no-description", rewritten(lambda h: h["__metadata__"].pop("resurge_audit")), "resurge_audit")
    keep("version-3", rewritten(describe(lambda d: d.update(version=3))), "version")
    keep("misspelt-key", rewritten(describe(lambda d: d["layers"][1].update(thresold=1.0))), "thresold")
    keep("unknown-kind", rewritten(describe(lambda d: d["layers"][1].update(kind="nuron"))), "nuron")
    keep(
        "missing-gradient",
        rewritten(lambda h: h.update({"gradients.layers.0.wieght": h.pop("gradients.layers.0.weight")})),
        "gradients.layers.0.w",
    )
    keep("wrong-shape", rewritten(lambda h: h["layers.0.weight"]["shape"].reverse()), "layers.0.weight")
    keep("wrong-type", rewritten(lambda h: h["layers.0.bias"].update(dtype="I64")), "layers.0.bias")
    keep(
        "overlapping",
        rewritten(lambda h: h["layers.0.bias"].update(data_offsets=h["layers.2.bias"]["data_offsets"])),
        "",
    )
    (folder / "whole.safetensors").unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
