"""Records what a spiking network computed and the gradients it got, for `resurge audit`.

    from resurge.recording import Loss, record_snntorch

    record_snntorch(net, x, y, Loss("cross-entropy", "sum"), "net.safetensors")

The format is docs/audit-format.md of Resurge. No framework is imported before one of the functions is called.
"""

from resurge.recording._errors import Unsupported
from resurge.recording._file import FORMAT_VERSION, Recording, read, write
from resurge.recording._loss import Loss
from resurge.recording._norse import record_norse
from resurge.recording._sinabs import record_sinabs
from resurge.recording._snntorch import record_snntorch
from resurge.recording._spikingjelly import record_spikingjelly
from resurge.recording._spyx import record_spyx

__all__ = [
    "FORMAT_VERSION",
    "Loss",
    "Recording",
    "Unsupported",
    "read",
    "record_norse",
    "record_sinabs",
    "record_snntorch",
    "record_spikingjelly",
    "record_spyx",
    "write",
]
