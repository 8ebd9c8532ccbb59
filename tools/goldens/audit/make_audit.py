"""Makes the goldens and the damaged copies that `resurge audit` is tested on.

    tools/goldens/audit/run                   # makes all, in crates/resurge/tests/audit
    tools/goldens/audit/run --only norse      # one framework's goldens
    tools/goldens/audit/run --check           # writes nothing, compares with the files

Every golden is recorded by python/resurge from the real framework and held to replay.py, which computes it again
in f64 from the description alone: spikes equal, gradients to 1e-12 of their norm in f64 and 2e-5 in f32.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import resurge.recording as audit
import torch

from cases import Case
from replay import Replay, Variation, errors, relative, replay

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "crates/resurge/tests/audit"
TOLERANCE = {64: 1e-12, 32: 2e-5}
MARGIN = {64: 1e-7, 32: 2e-5}
RATES = (0.03, 0.85)
# How far the gradients with and without the reset term must be apart, so that one is not taken for the other.
APART = 0.01


def all_cases() -> list[Case]:
    from networks_spyx import spyx_cases
    from networks_torch import norse_cases, sinabs_cases, snntorch_cases, spikingjelly_cases

    return [*snntorch_cases(), *spikingjelly_cases(), *norse_cases(), *sinabs_cases(), *spyx_cases()]


def refusal(case: Case, recording: audit.Recording, replayed: Replay) -> str | None:
    """Why a network is no good golden, or None."""
    layers = recording.description["layers"]
    low, high = (RATES[0], RATES[1] * 3) if case.steps > 1 else (0.1, 3.0)
    for k, layer in enumerate(layers):
        if layer["kind"] != "neuron":
            continue
        rate = float(np.mean(recording.tensors[f"spikes.{k}"]))
        top = high if layer.get("firing") == "repeatedly" else RATES[1]
        if not low <= rate <= top:
            return f"rate {rate:.2f} of layer {k}"
        if replayed.margins[k] < MARGIN[case.bits]:
            return f"margin {replayed.margins[k]:.1e} of layer {k}"
    small = [n for n, g in replayed.gradients.items() if n.endswith("weight") and np.linalg.norm(g) < 1e-3]
    if small:
        return f"no gradient at {small[0]}"
    resets = any(layer.get("reset", {"kind": "none"})["kind"] != "none" for layer in layers)
    if case.steps > 1 and resets:
        both = [replay(recording, Variation(reset_gradient=claim)) for claim in ("full", "detached")]
        if apart(both[0], both[1]) < APART:
            return "the reset term makes no difference"
    return None


def apart(a: Replay, b: Replay) -> float:
    """The greatest distance of the gradients of two replays, over the parameters."""
    names = [name for name in a.gradients if name.startswith("layers.")]
    return max(relative(a.gradients[name], b.gradients[name]) for name in names)


def make(case: Case, folder: Path) -> audit.Recording:
    """The recording of the first seed that makes a good golden."""
    path, reason = folder / f"{case.stem}.safetensors", None
    for seed in range(600):
        recording = case.attempt(seed, path)
        replayed = replay(recording)
        reason = refusal(case, recording, replayed)
        if reason is None:
            found = errors(recording, replayed)
            worst = max(found, key=lambda name: found[name])
            assert found[worst] <= TOLERANCE[case.bits], f"{case.stem}: {worst} differs by {found[worst]:.1e}"
            return recording
    raise SystemExit(f"{case.stem}: no seed makes a good golden; the last: {reason}")


def entry(stem: str, recording: audit.Recording) -> dict[str, Any]:
    """A golden's line in the manifest."""
    layers = [layer["kind"] for layer in recording.description["layers"]]
    neurons = [layer for layer in recording.description["layers"] if layer["kind"] == "neuron"]
    return {
        "file": f"{stem}.safetensors",
        "framework": recording.description["framework"],
        "class": neurons[0].get("class", ""),
        "bits": recording.tensors["loss"].itemsize * 8,
        "steps": recording.tensors["input"].shape[0],
        "layers": layers,
        "reset": neurons[0]["reset"]["kind"] + " " + neurons[0]["reset"].get("timing", "before-decay"),
        "reset_gradient": neurons[0]["reset_gradient"],
        "surrogate": neurons[0]["surrogate"]["kind"],
        "loss": recording.description["loss"]["kind"],
        "expected": "match",
    }


def same(made: audit.Recording, kept: audit.Recording, name: str) -> None:
    """For --check: the description is equal, the tensors are close."""
    assert made.description["layers"] == kept.description["layers"], f"{name}: the layers differ"
    assert made.tensors.keys() == kept.tensors.keys(), f"{name}: the tensors differ"
    for tensor, values in made.tensors.items():
        limit = 1e-10 if values.dtype == np.float64 else 1e-5
        assert relative(values, kept.tensors[tensor].astype(np.float64)) <= limit, f"{name}: {tensor} differs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a framework, or a part of a golden's name; makes no manifest")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    args = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [case for case in all_cases() if not args.only or any(part in case.stem for part in args.only)]
    goldens = TESTS / "goldens"
    goldens.mkdir(parents=True, exist_ok=True)
    manifest, recordings = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for case in wanted:
            recording = make(case, Path(folder))
            recordings[case.stem] = recording
            manifest.append(entry(case.stem, recording))
            path = goldens / f"{case.stem}.safetensors"
            if args.check:
                same(recording, audit.read(path), case.stem)
            else:
                audit.write(path, recording)
            print(f"{case.stem:36} {path.stat().st_size:7d} bytes", flush=True)
    if args.only:
        return
    from damaged import damage_all, reference_trace

    recordings["reference-trace"] = reference_trace()
    manifest.append(entry("reference-trace", recordings["reference-trace"]))
    damage_all(recordings, TESTS, check=args.check)
    if not args.check:
        (goldens / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
