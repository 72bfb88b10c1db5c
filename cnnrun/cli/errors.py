"""The one place where an exception becomes a message on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from cnnrun.errors import CnnrunError
from cnnrun.untrusted import visible

__all__ = ["reported"]

INTERNAL = 70
"""The exit code for a bug in cnnrun: EX_SOFTWARE of sysexits.h, which no verb uses otherwise."""

PIPE_CLOSED = 141
"""What a shell reports of a program that SIGPIPE stopped."""

NO_ROOM = "failed to map segment"
"""What the system's loader says of a library that finds no room in memory."""


@contextmanager
def reported(debug: bool) -> Iterator[None]:
    """End the program with a message and an exit code for any exception of the body.

    Args:
        debug: print the traceback before the message.

    Raises:
        SystemExit: whatever the exception was.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # a reader that is gone shows here, not after the last handler
    except BrokenPipeError:  # the reader went away, as `head` does
        _silence(sys.stdout.fileno())
        raise SystemExit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        text, code = _describe(error)
        print(visible(text), file=sys.stderr)
        raise SystemExit(code) from None


def _describe(error: Exception) -> tuple[str, int]:
    """Return the message and the exit code of an exception."""
    if isinstance(error, CnnrunError):
        return f"error: {error}", error.exit_code
    if isinstance(error, MemoryError):
        return "error: not enough memory; a smaller batch or network needs less", 2
    if isinstance(error, ImportError) and NO_ROOM in str(error):
        return f"error: not enough memory to load a library ({error})", 2
    from cnnrun.config import describe_fault, loaded_plugins  # which takes a while

    if fault := describe_fault(error):
        return f"error: {fault} (--debug shows more)", 2
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"error: {place}{error.strerror or error}", 2
    kind = type(error).__name__
    names = ", ".join(plugin.name for plugin in loaded_plugins())
    hint = f"; if {names} is to blame, gradcheck may tell" if names else ""
    return f"internal error: {kind}: {error} (--debug shows where{hint})", INTERNAL


def _silence(descriptor: int) -> None:
    """Discard what is still buffered, or Python reports at its exit that it cannot be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
