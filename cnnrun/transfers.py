"""Tells whoever listens how a download goes: the command line shows a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Transfer", "listening", "tell"]


@dataclass(frozen=True)
class Transfer:
    """How a download stands.

    Attributes:
        name: of the file.
        host: where it comes from.
        done, total: bytes; the total is None while nobody knows it.
    """

    name: str
    host: str
    done: int
    total: int | None


Listener = Callable[[Transfer], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` told of every piece that is downloaded in the body."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(transfer: Transfer) -> None:
    """Tell the listener, if there is one."""
    if listener := _listener.get():
        listener(transfer)
