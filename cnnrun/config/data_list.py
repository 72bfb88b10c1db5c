"""Lists the data sets that a configuration can name, and where each is or would come from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from cnnrun.config.hints import is_required
from cnnrun.config.plugins import load_plugins
from cnnrun.data import DATASETS

__all__ = ["ListedData", "list_data"]


@dataclass(frozen=True)
class ListedData:
    """A data set, or a way to read files, that a configuration can name.

    Attributes:
        name: what it is called there.
        summary: what it is, in a line.
        licence: of its images, where it is one set of them.
        where: it is, or would be downloaded from; empty where the options say.
    """

    name: str
    summary: str
    licence: str
    where: str


def list_data(plugins: tuple[Path | str, ...] = ()) -> list[ListedData]:
    """Return all data sets and sources by name, also those of plug-ins."""
    load_plugins(plugins)
    return [_listed(name) for name in DATASETS]


def _listed(name: str) -> ListedData:
    source = DATASETS.get(name)
    required = any(is_required(field) for field in dataclasses.fields(source))
    where = "" if required else source().whereabouts(Path())
    return ListedData(name, source.summary, source.licence, where)
