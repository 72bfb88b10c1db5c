"""Shows a download on stderr: a bar on a terminal, one plain line elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from cnnrun.cli.output import message
from cnnrun.transfers import Transfer

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["DownloadProgress"]


class DownloadProgress:
    """Listens to downloads; use it with `with`, which takes the last bar away."""

    def __init__(self) -> None:
        self.name = ""
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def __call__(self, transfer: Transfer) -> None:
        """Show how many bytes have come."""
        if transfer.name != self.name:
            self._close()
            self.name = transfer.name
            if not sys.stderr.isatty():
                message(f"downloading {transfer.name} from {transfer.host}")
        if sys.stderr.isatty():
            self._advance(transfer)

    def _advance(self, transfer: Transfer) -> None:
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(
                desc=transfer.name,
                unit="B",
                unit_scale=True,
                leave=False,
                dynamic_ncols=True,
                file=sys.stderr,
            )
        self.bar.total = transfer.total
        self.bar.update(transfer.done - self.bar.n)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
