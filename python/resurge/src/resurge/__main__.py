"""The command `resurge`, and `python -m resurge`."""

from __future__ import annotations

import signal
import sys

from resurge._native import native


def main() -> int:
    """Runs the command line.

    Returns
    -------
    int
        Its exit status.
    """
    # As for any other command, Ctrl-C ends it; those that save what is under way listen themselves.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return int(native().run(["resurge", *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
