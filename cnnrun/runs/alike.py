"""Whether runs that are taken together had the same data and the same plug-ins.

No setting says either: a file keeps its name when its content changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnnrun.runs.folder import Run

__all__ = ["other_data", "other_sources"]


def other_data(runs: Iterable[Run]) -> Iterator[str]:
    """Yield that not all runs had the same data, if so."""
    if len({run.record.get("dataset", {}).get("sha256", "") for run in runs}) > 1:
        yield "not all of these runs have the same data, nor the same test samples"


def other_sources(runs: Iterable[Run]) -> Iterator[str]:
    """Yield which plug-ins did not have the same source in all runs."""
    digests: dict[str, set[str]] = {}
    for run in runs:
        for segment in run.record.get("segments", []):
            for plugin in segment.get("plugins", []):
                digests.setdefault(plugin["name"], set()).add(plugin["sha256"])
    for name, sources in digests.items():
        if len(sources) > 1:
            yield f"not all of these runs have the same source of the plug-in {name}"
