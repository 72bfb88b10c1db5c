"""Every error that cnnrun raises on purpose, and the exit code that each one ends a command with.

CnnrunError                 2   the root: catch this one to catch them all
├── ConfigError             2   a configuration, an override or an option is wrong
│   └── OptionError         2   one option of one building block breaks a rule
├── ShapeError              2   a layer does not fit its input
├── LayerError              2   a layer breaks its protocol
├── DataError               2   a data set or an image cannot be used
├── CheckpointError         2   a checkpoint is damaged, foreign or missing
├── RunError                2   a run cannot be found, named or written
├── PluginError             2   a plug-in cannot be imported, or fails
├── WorkerError             2   a worker was killed or cannot be started, for want of memory
├── GradientError           1   a check found a wrong gradient
├── PreflightError          1   a check before training failed
├── DivergedError           3   a loss or a gradient is no longer finite
└── UnresolvedError         4   a check could resolve nothing
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import Repr
from typing import Any

__all__ = [
    "CheckpointError",
    "CnnrunError",
    "ConfigError",
    "DataError",
    "DivergedError",
    "GradientError",
    "LayerError",
    "OptionError",
    "PluginError",
    "PreflightError",
    "RunError",
    "ShapeError",
    "UnresolvedError",
    "WorkerError",
    "excerpt",
    "note_place",
    "noted_place",
    "placing",
    "shortened",
]


def excerpt(value: Any, limit: int = 60) -> str:
    """Return a value as a message shows it: as Python writes it, and never long."""
    if isinstance(value, str):
        text = repr(value[: limit + 1])
    else:
        inner = Repr()
        inner.maxstring = inner.maxlong = inner.maxother = limit
        inner.maxlist = inner.maxtuple = inner.maxdict = 20
        text = inner.repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def shortened(text: str, limit: int = 400) -> str:
    """Return a message's text, the middle of a long one left out."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


PLACE = "in "
"""What the note of a place opens with."""


def note_place(error: Exception, path: str) -> None:
    """Note on any exception which part of a configuration it came from, `network[3].conv2d`.

    A part around one that is noted already puts its own path before it.
    """
    notes = [note for note in getattr(error, "__notes__", []) if not note.startswith(PLACE)]
    inner = noted_place(error)
    error.__notes__ = [*notes, f"{PLACE}{path}.{inner}" if inner else f"{PLACE}{path}"]


def noted_place(error: Exception) -> str:
    """Return what `note_place` has noted; empty if nothing."""
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith(PLACE)]
    return notes[0].removeprefix(PLACE) if notes else ""


@contextmanager
def placing(path: str) -> Iterator[None]:
    """Note the place on whatever the body raises."""
    try:
        yield
    except Exception as error:
        note_place(error, path)
        raise


class CnnrunError(Exception):
    """The root of the tree; `exit_code` is what the command line ends with."""

    exit_code = 2


class ConfigError(CnnrunError):
    """A configuration, an override or an option is wrong."""


class OptionError(ConfigError):
    """One option of a building block breaks a rule.

    `option` is its name, so that a configuration file can be pointed at by line and column.
    """

    def __init__(self, option: str, message: str) -> None:
        super().__init__(f"{option} {message}")
        self.option = option
        self.message = message


class ShapeError(CnnrunError):
    """A layer does not fit its input.

    `path` names the layer as a configuration does (`network[3].conv2d`); it is empty for a layer
    built by hand. `option` names the option to change, when it is a single one. `is_uneven` says
    that two paths of a block differ in height or width, so that images of another size may fit.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        option: str | None = None,
        is_uneven: bool = False,
    ) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.option = option
        self.is_uneven = is_uneven


class LayerError(CnnrunError):
    """A layer breaks its protocol, such as a backward pass that leaves out a gradient."""


class DataError(CnnrunError):
    """A data set or an image cannot be used."""


class CheckpointError(CnnrunError):
    """A checkpoint is damaged, foreign or missing."""


class RunError(CnnrunError):
    """A run cannot be found, named or written."""


class PluginError(CnnrunError):
    """A plug-in cannot be imported, or fails."""


class WorkerError(CnnrunError):
    """A worker process cannot be started, or was killed, perhaps for want of memory."""


class GradientError(CnnrunError):
    """A check found a wrong gradient."""

    exit_code = 1


class PreflightError(CnnrunError):
    """A check before training failed."""

    exit_code = 1


class DivergedError(CnnrunError):
    """A loss or a gradient is no longer finite."""

    exit_code = 3


class UnresolvedError(CnnrunError):
    """A check could resolve nothing."""

    exit_code = 4
