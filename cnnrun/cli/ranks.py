"""What the command line does as one of several ranks that mpiexec has started."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ending_all_ranks"]

STOPPED = (129, 130, 143)
"""Exit codes after a signal, of which all ranks know: they end together by themselves."""


PASSING_ON = 0.3
"""Seconds in which the launcher passes on what a rank has printed, before it ends them all."""


@contextmanager
def ending_all_ranks() -> Iterator[None]:
    """End all ranks with this one's exit code if the body, which joined them, ends with an error.

    Those that wait for it would do so for ever. Its message has been printed.
    """
    try:
        yield
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if code and code not in STOPPED and "mpi4py.MPI" in sys.modules:
            from cnnrun.runs.mpi import abort

            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            time.sleep(PASSING_ON)
            abort(code)
        raise
