"""The command `cnnrun`."""

from __future__ import annotations

import signal
import sys

from cnnrun.launchers import is_ranked

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    if "train" in sys.argv and is_ranked():
        # An interrupted rank would leave the others waiting: `stop_on_signals` lets signals in.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    try:
        from cnnrun.cli.app import run

        run()
    except KeyboardInterrupt:  # while modules are still being imported
        sys.exit(130)


if __name__ == "__main__":
    main()
