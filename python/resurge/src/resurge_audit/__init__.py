"""The former name of `resurge.recording`, for one version: import that."""

import warnings

from resurge.recording import (
    FORMAT_VERSION,
    Loss,
    Recording,
    Unsupported,
    read,
    record_norse,
    record_sinabs,
    record_snntorch,
    record_spikingjelly,
    record_spyx,
    write,
)

warnings.warn("resurge_audit is resurge.recording now", DeprecationWarning, stacklevel=2)

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
