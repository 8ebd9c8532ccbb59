"""Norse: 0.0.3 and 1.1.0 are pure Python; those between them need a C++ extension that is built against torch."""

from __future__ import annotations

from common import ABSENT, EXHIBITS, Absent, Exhibit, Finding, elementwise

PLACE = "https://github.com/norse/norse"
SOURCE = f"{PLACE}/blob/a7f426318c0eda23adab41985895b73f1eada1bd/norse/torch/functional/threshold.py"


def spiking(method: str, alpha: float, name: str, declared: str) -> Finding:
    import importlib

    import torch

    threshold = importlib.import_module("norse.torch.functional.threshold")
    function = getattr(threshold, name, None) or importlib.import_module("norse.torch.functional.superspike").SuperSpike
    return elementwise(lambda u: threshold.threshold(u, method, torch.as_tensor(alpha)), {function: declared}, 1.0)


EXHIBITS += [
    Exhibit(
        "norse-super", "norse", "1.1.0", "0.0.3", f"{PLACE}/pull/403",
        "super, the default, takes no notice of alpha (100 by default)",
        ("SuperSpike", "not that of the declared surrogate"),
        lambda: spiking("super", 10.0, "SuperSpike", "fast-sigmoid 10"),
    ),
    Exhibit(
        "norse-tanh", "norse", "1.1.0", None, SOURCE,
        "tanh has the slope 1 - tanh^2(kx) and documents 1/2 + tanh(kx)/2, whose slope is k/2 times that",
        ("HeaviTanh", "scaled by 0.4"),
        lambda: spiking("tanh", 5.0, "HeaviTanh", "tanh 5 scale peak 2.5"),
    ),
    Exhibit(
        "norse-erfc", "norse", "1.1.0", None, SOURCE,
        "heavi_erfc has 2/k times the slope of 1/2 + erf(kx)/2; it documents that with erfc, which falls",
        ("HeaviErfc", "scaled by 0.4"),
        lambda: spiking("heavi_erfc", 5.0, "HeaviErfc", "erf 5"),
    ),
    Exhibit(
        "norse-circ", "norse", "1.1.0", None, SOURCE,
        "circ has 2 alpha times the slope of the function that it documents",
        ("HeaviCirc", "scaled by 0.4"),
        lambda: spiking("circ", 0.2, "HeaviCirc", "algebraic 0.2 scale peak 2.5"),
    ),
]
ABSENT += [
    Absent("norse", "0.0.6", f"{PLACE}/issues/306", "LIF layers use super whatever method says, in a C++ extension",
           "the extension does not build against the torch of today", installs=False),
]
