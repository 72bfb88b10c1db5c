"""A data set that a test makes itself."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.data import Dataset, DatasetSource


@dataclass(frozen=True)
class Given(DatasetSource):
    """A data set that a test has in its hands."""

    data: Dataset | None = None

    def load(self, base):
        return self.data
