"""Records what a spiking network computed and the gradients it got, for `resurge audit`.

    from resurge_audit import Loss, record_snntorch

    record_snntorch(net, x, y, Loss("cross-entropy", "sum"), "net.safetensors")

The format is docs/audit-format.md of Resurge. No framework is imported before one of the functions is called.
"""

from resurge_audit._errors import Unsupported
from resurge_audit._file import FORMAT_VERSION, Recording, read, write
from resurge_audit._loss import Loss
from resurge_audit._norse import record_norse
from resurge_audit._sinabs import record_sinabs
from resurge_audit._snntorch import record_snntorch
from resurge_audit._spikingjelly import record_spikingjelly
from resurge_audit._spyx import record_spyx

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
