"""Runs EXODUS on the CPU in f64: its own Python layer and its own kernel source, neither of which is kept here.

sinabs-exodus is published as source for CUDA only, and its kernels accumulate in `float`. This module fetches the pinned
sdist with pip, compiles the two kernel headers for the CPU with g++ (`__global__` becomes nothing, the launch becomes two
loops, `float` becomes `double`), offers them under the name of the extension module that EXODUS imports (`exodus_cuda`),
and puts `sinabs.exodus` on the path. What is replaced is the launch and the precision; the arithmetic is EXODUS's.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tarfile
import types
from pathlib import Path

VERSION = "2.0.0"

SHIM = r"""
#include <algorithm>
#include <cstdio>
#include <math.h>
struct Dim { unsigned x, y, z; };
static Dim blockIdx, blockDim, threadIdx;
#define __global__
using std::min;
#define float double
"""

# One thread a block: blockIdx is the index, threadIdx is 0.
WRAPPERS = r"""
#undef float
template <class F> static void launch(unsigned nx, unsigned ny, F kernel) {
    blockDim = Dim{1, 1, 1};
    threadIdx = Dim{0, 0, 0};
    for (unsigned y = 0; y < ny; ++y)
        for (unsigned x = 0; x < nx; ++x) { blockIdx = Dim{x, y, 0}; kernel(); }
}
extern "C" {
void lif_forward(double* spikes, double* vmem, const double* in, const double* v0, const double* alpha, const double* sub,
                 const double* theta, const double* low, int apply_low, unsigned max_spikes, unsigned n, unsigned t) {
    auto k = [&] { lifForwardKernel<double>(spikes, vmem, in, v0, alpha, sub, theta, low, apply_low, max_spikes, n, t); };
    launch(n, 1, k);
}
void lif_backward(double* din, const double* dout, const double* surr, const double* keep, const double* alpha,
                  const double* sub, unsigned n, unsigned t) {
    launch(t, n, [&] { lifBackwardKernel<double>(din, dout, surr, keep, alpha, sub, n, t); });
}
void lif_backward_alpha(double* da, const double* dout, const double* post, const double* post0, const double* surr,
                        const double* keep, const double* alpha, const double* sub, unsigned n, unsigned t) {
    launch(n, 1, [&] { lifBackwardAlphaKernel<double>(da, dout, post, post0, surr, keep, alpha, sub, n, t); });
}
void leaky_forward(double* out, const double* in, const double* v0, const double* alpha, unsigned n, unsigned t) {
    launch(n, 1, [&] { leakyForwardKernel<double>(out, in, v0, alpha, n, t); });
}
void leaky_backward(double* din, const double* dout, const double* alpha, unsigned n, unsigned t) {
    launch(n, 1, [&] { leakyBackwardKernel<double>(din, dout, alpha, n, t); });
}
void leaky_backward_alpha(double* da, const double* dout, const double* out, const double* v0, const double* alpha,
                          unsigned n, unsigned t) {
    launch(n, 1, [&] { leakyBackwardAlphaKernel<double>(da, dout, out, v0, alpha, n, t); });
}
}
"""


def fetch(cache: Path) -> Path:
    """The unpacked sdist; pip reads its metadata by running its setup.py, which wants a CUDA_HOME with a lib64."""
    root = cache / f"sinabs-exodus-{VERSION}"
    if root.is_dir():
        return root
    fake_cuda = cache / "no-cuda"
    (fake_cuda / "lib64").mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--dest",
        str(cache),
        f"sinabs-exodus=={VERSION}",
    ]
    subprocess.run(command, check=True, env={**os.environ, "CUDA_HOME": str(fake_cuda)})
    with tarfile.open(cache / f"sinabs-exodus-{VERSION}.tar.gz") as archive:
        archive.extractall(cache, filter="data")
    return root


def compile_kernels(root: Path) -> ctypes.CDLL:
    kernels = [
        (root / "cuda" / name).read_text().split("// Host functions")[0] for name in ("lif_kernels.h", "leaky_kernels.h")
    ]
    # The two headers end inside their include guards once their host functions are cut off.
    source = root / "cpu.cpp"
    source.write_text(SHIM + "\n#endif\n".join(kernels) + "\n#endif\n" + WRAPPERS)
    library = root / "cpu.so"
    subprocess.run(
        ["g++", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-w", "-o", str(library), str(source)], check=True
    )
    return ctypes.CDLL(str(library))


def extension(lib: ctypes.CDLL) -> types.ModuleType:
    """The module `exodus_cuda`, with the functions that EXODUS calls."""
    import torch

    def call(function: str, tensors: list[torch.Tensor], *numbers: int) -> None:
        for tensor in tensors:
            assert tensor.dtype == torch.float64 and tensor.is_contiguous(), function
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        getattr(lib, function)(*pointers, *[ctypes.c_uint(number & 0xFFFFFFFF) for number in numbers])

    module = types.ModuleType("exodus_cuda")

    def lif_forward(spikes, vmem, inp, v0, alpha, sub, theta, low, apply_low, max_spikes):
        call("lif_forward", [spikes, vmem, inp, v0, alpha, sub, theta, low], int(apply_low), max_spikes, *inp.shape)

    def lif_backward(surr, dout, keep, alpha, sub):
        din = torch.empty_like(surr)
        call("lif_backward", [din, dout, surr, keep, alpha, sub], *surr.shape)
        return din

    def lif_backward_alpha(surr, dout, post, post0, keep, alpha, sub):
        da = torch.empty_like(alpha)
        call("lif_backward_alpha", [da, dout, post, post0, surr, keep, alpha, sub], *surr.shape)
        return da

    def leaky_forward(inp, v0, alpha):
        out = torch.empty_like(inp)
        call("leaky_forward", [out, inp, v0, alpha], *inp.shape)
        return out

    def leaky_backward(dout, alpha):
        din = torch.empty_like(dout)
        call("leaky_backward", [din, dout, alpha], *dout.shape)
        return din

    def leaky_backward_alpha(dout, out, v0, alpha):
        da = torch.empty_like(alpha)
        call("leaky_backward_alpha", [da, dout, out, v0, alpha], *out.shape)
        return da

    vars(module).update(
        lifForward=lif_forward,
        lifBackward=lif_backward,
        lifBackwardAlpha=lif_backward_alpha,
        leakyForward=leaky_forward,
        leakyBackward=leaky_backward,
        leakyBackwardAlpha=leaky_backward_alpha,
    )
    return module


def load(cache: Path) -> types.ModuleType:
    """`sinabs.exodus.layers.lif`, running on the CPU in f64; torch.Tensor.float must already mean double."""
    import sinabs

    cache.mkdir(parents=True, exist_ok=True)
    root = fetch(cache)
    sys.modules["exodus_cuda"] = extension(compile_kernels(root))
    sinabs.__path__.append(str(root / "sinabs"))
    from sinabs.exodus.layers import lif

    return lif
