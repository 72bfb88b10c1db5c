"""The sections of a verb's help: which option stands under which heading, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["MOST_UNSORTED", "sections"]

MOST_UNSORTED = 6
"""So many options, `--help` left out, are read in one look and stand under one heading."""

REST = "How"

SECTIONS: dict[str, tuple[str, ...]] = {
    "What": (
        "--resume", "--checkpoint", "--split", "--data", "--index", "--image", "--class",
        "--compare", "--layer", "--input", "--layers", "--kinds", "--samples", "--loss",
        "--optimizer", "--transform", "--dataset", "--filter", "--pool", "--inputs", "--units",
        "--channels", "--filters", "--element", "--values",
    ),
    REST: (),
    "How fast": ("--workers", "--budget", "--seconds"),
    "Where": ("--data-root", "--plugin", "--runs-dir"),
    "Result": (
        "--output", "--format", "--junit", "--maps", "--picture", "--max-channels", "--no-png",
        "--json", "--csv", "--markdown", "--quiet", "--help",
    ),
}  # fmt: skip
"""Headings in their order, and what stands under each; what is named nowhere is a `How`."""


def sections(options: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the options of a verb by heading, in the headings' order, none of them empty."""
    options = list(options)
    if len(options) <= MOST_UNSORTED + 1:
        return {"Options": options}
    heading_of = {name: heading for heading, names in SECTIONS.items() for name in names}
    sorted_out: dict[str, list[Any]] = {heading: [] for heading in SECTIONS}
    for option in options:
        name = next((each for each in option.opts if each in heading_of), "")
        sorted_out[heading_of.get(name, REST)].append(option)
    return {heading: under for heading, under in sorted_out.items() if under}
