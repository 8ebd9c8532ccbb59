"""Which networks of a folder of scripts are audited in process, or checked as programs, and what stops the others.

    python python/resurge/tests/survey.py FOLDER [NAME ...] [--python FAMILY=PATH ...] [--check [SEEDS]]

Each script has `build() -> (net, x, y, loss)`; the loss is `loss(net(x))`. A script's name begins with its framework,
and each framework runs in a process of its own, of this Python or of the one that is given for it. Prints for each
script the verdict and how far the gradients of the file are from those that `.backward()` gives, or what stops it; then
how many scripts each obstacle alone stops. Exits with 1 where an accepted network is not a match to 1e-10.

With `--check` each goes through `resurge.check` instead, once for each seed, from which the seconds are counted: of the
recording, the tape and the proof together. Exits with 1 where one is neither proved nor stopped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

TOLERANCE = 1e-10


def families(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The scripts by their framework."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.py")):
        if not path.stem.startswith("_") and (not names or path.stem in names):
            found.setdefault(path.stem.split("_")[0], []).append(path.stem)
    return found


def distance(net: Any, value: Any, recording: Any, names: dict[int, list[str]]) -> float:
    """How far the gradients that `.backward()` leaves are from those of the file, relative to the largest."""
    import numpy as np

    for parameter in net.parameters():
        parameter.grad = None
    value.backward()
    worst = 0.0
    for parameter in net.parameters():
        places = names.get(id(parameter))
        if parameter.grad is None or not places:
            continue
        mine = parameter.grad.detach().numpy()
        file = recording.tensors[f"gradients.{places[0]}"].reshape(mine.shape)
        worst = max(worst, float(np.abs(mine - file).max() / max(np.abs(mine).max(), 1e-300)))
    return worst


def forget_neurons() -> None:
    """snnTorch's `utils.reset` walks all neurons that were ever made in the process."""
    if "snntorch" in sys.modules:
        from snntorch._neurons.neurons import SpikingNeuron

        SpikingNeuron.instances.clear()


def one(name: str) -> dict[str, Any]:
    """What becomes of a script."""
    import resurge
    from resurge import _audit

    forget_neurons()
    net, x, _, loss = importlib.import_module(name).build()
    kept: list[Any] = []
    inside = _audit.inside

    def keeping(*arguments: Any) -> Any:
        kept.append(inside(*arguments))
        return kept[-1]

    _audit.inside = keeping
    try:
        report = resurge.audit(net, x, None, loss)
    except resurge.Unsupported as refusal:
        return {"name": name, "obstacles": [list(each) for each in refusal.obstacles]}
    finally:
        _audit.inside = inside
    found = {"name": name, "code": report.code, "matches": report.matches, "words": report.words, "distance": 0.0}
    if hasattr(net, "parameters"):
        forget_neurons()
        again, x, _, loss = importlib.import_module(name).build()
        pairs = zip(again.parameters(), net.parameters(), strict=True)
        names = {id(p): kept[0].names.get(id(q), []) for p, q in pairs}
        found["distance"] = distance(again, loss(again(x)), report.recording, names)
    return found


def checked(name: str, seeds: int) -> dict[str, Any]:
    """What `resurge.check` says of a script, of several inputs: the first that is not proved, and all times."""
    import resurge

    seconds: list[float] = []
    for seed in range(seeds):
        forget_neurons()
        net, x, _, loss = importlib.import_module(name).build()
        if seed:
            x = shuffled(x, seed)
        start = time.perf_counter()
        if hasattr(net, "parameters"):
            report = resurge.check(lambda loss=loss, net=net, x=x: loss(net(x)), net)
        else:
            report = resurge.check(lambda net, x, loss=loss: loss(net(x)), net, x)
        seconds.append(time.perf_counter() - start)
        if report.code != "proved":
            break
    found = {"name": name, "code": report.code, "matches": report.matches, "words": report.words}
    return found | {"seconds": seconds, "seeds": len(seconds), "operations": report.data["nodes"]}


def shuffled(x: Any, seed: int) -> Any:
    """The same numbers in another order, so that each input is one that the script might have drawn."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(int(np.prod(x.shape)))
    return x.reshape(-1)[order].reshape(x.shape)


def child(folder: Path, names: list[str], seeds: int) -> None:
    """Prints one line of JSON for each script."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(folder))
    for name in names:
        try:
            found = checked(name, seeds) if seeds else one(name)
        except Exception as error:  # a script may raise whatever it likes
            found = {"name": name, "obstacles": [["error", f"{type(error).__name__}: {error}"]]}
        print("survey " + json.dumps(found), flush=True)


def kind_of(what: str, why: str) -> str:
    """An obstacle without the names and numbers of the one network."""
    place = re.sub(r"layer \d+ \(`[^`]*`\)(: )?", "", what)
    return re.sub(r"`[^`]*`", "`…`", re.sub(r"\d[\d.e+-]*", "N", f"{place} {why}"))[:150]


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="survey.py")
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("names", nargs="*")
    parser.add_argument("--python", action="append", default=[], metavar="FAMILY=PATH")
    parser.add_argument("--check", nargs="?", type=int, const=1, default=0, metavar="SEEDS")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    """The survey."""
    said = options(arguments)
    if said.child:
        child(said.folder, said.names, said.check)
        return 0
    pythons = dict(each.split("=", 1) for each in said.python)
    results: list[dict[str, Any]] = []
    for family, scripts in families(said.folder, said.names).items():
        python = pythons.get(family, sys.executable)
        command = [python, "-W", "ignore", __file__, str(said.folder), *scripts, "--child", "--check", str(said.check)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("survey ")]
        results += [json.loads(line.removeprefix("survey ")) for line in lines]
        for name in scripts[len(lines) :]:
            results.append({"name": name, "obstacles": [["error", (done.stderr or "no output")[-200:]]]})
        for found in results[-len(scripts) :]:
            show(found)
    accepted = [found for found in results if "code" in found]
    alone = Counter(kind_of(*found["obstacles"][0]) for found in results if len(found.get("obstacles", [])) == 1)
    print("\nwhat alone stops a network:")
    for kind, count in alone.most_common():
        print(f"{count:4}  {kind}")
    if said.check:
        right = [found for found in accepted if found["code"] == "proved"]
        times = sorted(second for found in accepted for second in found["seconds"]) or [0.0]
        print(f"\n{len(accepted)} of {len(results)} recorded, {len(right)} of them proved on {said.check} inputs each")
        print(f"seconds of {len(times)} checks: median {statistics.median(times):.2f}, longest {times[-1]:.2f}")
    else:
        right = [found for found in accepted if found["matches"] and found["distance"] <= TOLERANCE]
        print(f"\n{len(accepted)} of {len(results)} audited in process, {len(right)} of them a match to {TOLERANCE:g}")
    return 0 if len(right) == len(accepted) else 1


def show(found: dict[str, Any]) -> None:
    """The line of a script."""
    if "code" in found:
        detail = f"{found['distance']:.1e}" if "distance" in found else of_checks(found)
        print(f"{found['name']:28} {found['code']:12} {detail}  {found['words'][:90]}", flush=True)
        return
    print(f"{found['name']:28} refused", flush=True)
    for what, why in found["obstacles"]:
        print(f"    {what}: {why}"[:230], flush=True)


def of_checks(found: dict[str, Any]) -> str:
    """How large the program is, on how many inputs it was checked, and in how many seconds at the most."""
    return f"{found['operations']:6} operations, {found['seeds']:2} inputs, {max(found['seconds']):6.2f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
