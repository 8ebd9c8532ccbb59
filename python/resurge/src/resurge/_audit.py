"""`resurge.audit`: the gradients of a network in process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resurge._arrays import floating, number, whole
from resurge._errors import DtypeError, InputError, OptionError, ShapeError
from resurge._report import Report
from resurge.recording import Loss, Recording, read, write
from resurge.recording._errors import Unsupported, class_name
from resurge.recording._inside import Inside, one_argument

Claim = str | float | None
FRAMEWORKS = ("snntorch", "spikingjelly", "norse", "sinabs", "spyx")
CLAIMS = ("full", "detached", "spatial-only")


def audit(
    net: Any,
    x: Any,
    y: Any = None,
    loss: Loss | Callable[..., Any] | None = None,
    claim: Claim = None,
    *,
    gradients: Mapping[str, Any] | Sequence[Any] | None = None,
    steps: int | None = None,
    output: str = "spikes",
    framework: str | None = None,
    name: str | None = None,
    proof: bool = True,
    search: bool = True,
    seed: int = 1,
) -> Report:
    """Audits the gradients that a spiking network gets from its framework: which gradients are they?

    The network is run as `loss(net(x), y)`, followed layer by layer, rebuilt by Resurge, and its gradients are held
    against what is claimed. Nothing is written, and the network is left as it was.

    Parameters
    ----------
    net : module
        A network of snnTorch, SpikingJelly, Norse, Sinabs (torch modules), or a Sequential of Spyx. Its layers must
        follow one upon the other.
    x : array
        What the network is called with, in float32 or float64. A network that takes one step at a time is given those
        of the first axis, `[T, B, ...]`.
    y : array, optional
        The target; none where the loss has it already.
    loss : Loss or callable
        A function of what the network returns, and of `y` where that is given: `loss(net(x), y)`. Or a
        `resurge.Loss`, of the spikes of the last layer.
    claim : {"full", "detached", "spatial-only"} or float, optional
        Which gradient you want to have: with the reset's spike differentiated, without, without any path through the
        potential before, or with so much of the reset term. By default what the modules' own settings say.
    gradients : mapping of str to array, or sequence of array, optional
        Gradients of your own instead of the framework's: by the names of `net.named_parameters()`, or in the order of
        `net.parameters()`. None stands for zero.
    steps : int, optional
        Gives a network that takes one step at a time this constant `x` so many times.
    output : {"spikes", "potential"}
        What a `resurge.Loss` is of.
    framework : str, optional
        Of which framework the network is; found out by default.
    name : str, optional
        What the report calls the run; the network's class by default.
    proof, search : bool
        Whether the rebuilt network's gradient is proved on this input, and whether an explanation is searched for.
    seed : int
        Draws the directions of the proof.

    Returns
    -------
    Report
        The verdict.

    Raises
    ------
    Unsupported
        For a network that cannot be recorded: all obstacles, by layer, with what to do.
    DtypeError, ShapeError, InputError, OptionError
        For an argument that is none.

    Examples
    --------
    >>> import resurge
    >>> resurge.audit(None, None, loss=None)
    Traceback (most recent call last):
    ...
    resurge._errors.InputError: loss is None; give a function of what the network returns, or a resurge.Loss
    """
    if loss is None or not (isinstance(loss, Loss) or callable(loss)):
        raise InputError(f"loss is {loss!r}; give a function of what the network returns, or a resurge.Loss")
    rule = rule_of(claim)
    if output not in ("spikes", "potential"):
        raise OptionError(f"output is {output!r}; give 'spikes' or 'potential'")
    steps = None if steps is None else whole("steps", steps, 1)
    seed = whole("seed", seed)
    of = framework_of(net) if framework is None else framework
    if of not in FRAMEWORKS:
        raise OptionError(f"framework is {of!r}; give one of {', '.join(FRAMEWORKS)}")
    found = inside(of, net, x, y, loss, steps, output)
    recording = found.recording
    if gradients is not None:
        put_gradients(found, net, gradients)
    if rule is not None:
        claimed = [layer for layer in recording.description["layers"] if layer["kind"] == "neuron"]
        for layer in claimed:
            layer["reset_gradient"] = rule
    return Report(recording, name or class_name(net), rule is not None, proof, search, seed)


def rule_of(claim: Claim) -> Any:
    """The claim as a description has it."""
    if claim is None or (isinstance(claim, str) and claim in CLAIMS):
        return claim
    factor = number(claim)
    if factor is not None:
        return {"scaled": factor}
    raise OptionError(f"claim is {claim!r}; give one of {', '.join(CLAIMS)}, or a number: how much of the reset term")


def framework_of(net: Any) -> str:
    """The framework of a network's modules.

    Raises
    ------
    Unsupported
        Where none of the five, or more than one, is in it.
    """
    found = {
        name for cls in classes_in(net) for base in cls.__mro__ if (name := base.__module__.split(".")[0]) in FRAMEWORKS
    }
    if len(found) == 1:
        return found.pop()
    if not found:
        names = ", ".join(FRAMEWORKS)
        raise Unsupported(class_name(net), f"holds no neuron of {names}; pass a network of one of them")
    raise Unsupported(class_name(net), f"mixes {' and '.join(sorted(found))}; say which it is with framework=")


def classes_in(net: Any) -> list[type]:
    """The classes of a network's modules."""
    torch = sys.modules.get("torch")
    if isinstance(net, list | tuple):
        return [cls for child in net for cls in classes_in(child)]
    if torch is not None and isinstance(net, torch.nn.Module):
        return [type(module) for module in net.modules()]
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and isinstance(net, nnx.Module):
        return [type(node) for _, node in nnx.iter_graph(net) if isinstance(node, nnx.Module)]
    raise InputError(f"net is a {type(net).__name__}, which is no network: give a torch.nn.Module or a flax.nnx.Module")


def inside(of: str, net: Any, x: Any, y: Any, loss: Any, steps: int | None, output: str) -> Inside:
    """The recording of a network of a framework."""
    if not isinstance(loss, Loss) and one_argument(loss):
        bound = loss

        def both(made: Any, _: Any) -> Any:
            return bound(made)

        loss = both
    if of == "spyx":
        from resurge.recording._spyx_call import recorded_call

        return Inside(recorded_call(net, x, y, loss, steps))
    from resurge.recording import _norse, _sinabs, _snntorch, _spikingjelly
    from resurge.recording._inside import record_inside

    frameworks = {
        "snntorch": _snntorch.SNNTORCH,
        "spikingjelly": _spikingjelly.SPIKINGJELLY,
        "norse": _norse.NORSE,
        "sinabs": _sinabs.SINABS,
    }
    return record_inside(frameworks[of], net, x, y, loss, steps, "potential" if output == "potential" else "spikes")


def put_gradients(found: Inside, net: Any, gradients: Mapping[str, Any] | Sequence[Any]) -> None:
    """Puts gradients of the caller's in the place of the framework's.

    Raises
    ------
    ShapeError, DtypeError, InputError
        For one that is missing, too many, or not of its parameter's shape; for one that the file has otherwise.
    """
    parameters = dict(net.named_parameters()) if hasattr(net, "named_parameters") else None
    if parameters is None or not found.names:
        raise InputError("gradients can be given for a torch module whose own forward is followed; this is none")
    given = by_name(parameters, gradients)
    tensors = found.recording.tensors
    tensors.pop("gradients.input", None)
    for name, parameter in parameters.items():
        places = found.names.get(id(parameter))
        if places is None:
            if parameter.requires_grad and name in given:
                why = "is not a tensor of the file as it stands, since the layer makes its weights of it; leave it out"
                raise Unsupported(f"`{name}`", why)
            continue
        if name not in given:
            raise ShapeError(f"there is no gradient of {name}; give one for each parameter that is learned")
        for place in places:
            tensors[f"gradients.{place}"] = of_parameter(given[name], name, parameter, tensors[f"gradients.{place}"])


def by_name(parameters: Mapping[str, Any], gradients: Any) -> dict[str, Any]:
    """The gradients by the parameters' names."""
    if isinstance(gradients, Mapping):
        unknown = [name for name in gradients if name not in parameters]
        if unknown:
            raise OptionError(f"there is no parameter {unknown[0]!r}; there are {', '.join(parameters)}")
        return dict(gradients)
    if isinstance(gradients, str | bytes) or not isinstance(gradients, Sequence):
        raise InputError(f"gradients is a {type(gradients).__name__}; give a dictionary by name, or a list")
    if len(gradients) != len(parameters):
        raise ShapeError(f"there are {len(gradients)} gradients and {len(parameters)} parameters")
    return dict(zip(parameters, gradients, strict=True))


def of_parameter(value: Any, name: str, parameter: Any, recorded: Any) -> Any:
    """A gradient as the file has it."""
    if value is None:
        return np.zeros_like(recorded)
    array = floating(value, f"the gradient of {name}")
    if array.shape != tuple(parameter.shape):
        raise ShapeError(f"the gradient of {name} has the shape {array.shape}, its parameter {tuple(parameter.shape)}")
    if recorded.dtype == np.float64 and array.dtype == np.float32:
        raise DtypeError(f"the gradient of {name} is float32, the network's float64; compute it in float64")
    return array.reshape(recorded.shape).astype(recorded.dtype)


def audit_file(
    path: str | os.PathLike[str], claim: Claim = None, *, proof: bool = True, search: bool = True, seed: int = 1
) -> Report:
    """Audits a file: one of `resurge.save`, or any that docs/audit-format.md describes.

    Parameters
    ----------
    path : path
        The file.
    claim : str or float, optional
        As in `audit`; by default what the file claims.
    proof, search, seed
        As in `audit`.

    Returns
    -------
    Report
        The verdict.

    Raises
    ------
    FileError
        For a file that is not one.
    OSError
        For a file that cannot be read.
    """
    rule = rule_of(claim)
    seed = whole("seed", seed)
    recording = read(path)
    layers = recording.description.get("layers")
    if rule is not None and isinstance(layers, list):
        for layer in layers:
            if isinstance(layer, dict) and layer.get("kind") == "neuron":
                layer["reset_gradient"] = rule
    return Report(recording, os.fspath(path), True, proof, search, seed)


def save(report: Report | Recording, path: str | os.PathLike[str]) -> Path:
    """Writes what was audited, for `resurge.audit_file` and the command `resurge audit`: whole, or not at all.

    Parameters
    ----------
    report : Report or Recording
        What to write.
    path : path
        The file; one that is there is replaced.

    Returns
    -------
    pathlib.Path
        The file.
    """
    recording = report.recording if isinstance(report, Report) else report
    if not isinstance(recording, Recording):
        raise InputError(f"a {type(report).__name__} cannot be saved; give a Report of resurge.audit")
    return write(path, recording)
