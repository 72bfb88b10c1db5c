"""What `cnnrun data info` says of a data set, as its task wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnrun.cli.tables import figure, print_table, print_text
from cnnrun.engine.names import format_size

if TYPE_CHECKING:
    from cnnrun.config.description import DataDescription

__all__ = ["print_description"]


def print_description(description: DataDescription) -> None:
    """Print shapes, samples of each class or figures of each number, range and statistics."""
    shape = f"{format_size(description.image_shape)} (height x width x channels)"
    print_text(f"{description.name}: images {shape}, {_learnt(description)}")
    splits, counts = description.samples, description.counts
    rows = [
        [name, *(str(split[number]) for split in counts.values())]
        for number, name in enumerate(description.class_names)
        if counts
    ]
    total = ["all", *map(str, splits.values())]
    print_table(
        "samples", ["class" if counts else "", *splits], [*rows, None, total], left=["class"]
    )
    if description.targets:
        columns = ["target", "split", "minimum", "mean", "maximum"]
        figures = [
            [entry.name, split, *map(figure, (entry.minimum, entry.mean, entry.maximum))]
            for number in range(len(description.class_names))
            for split, entries in description.targets.items()
            for entry in [entries[number]]
        ]
        print_table("numbers to be learnt", columns, figures, left=columns[:2], keys=2)
    if description.test_fraction is not None:
        share = f"{description.test_fraction:.4g}"
        print_text(f"no test split of its own: {share} of the training samples is held out as one")
    low, high = description.pixels
    zero, one = description.pixel_range
    print_text(f"pixels from {low:g} to {high:g}; {zero:g} means 0 and {one:g} means 1")
    mean, std = description.mean, description.std
    print_text(f"mean {', '.join(map(figure, mean))}  std {', '.join(map(figure, std))}")
    print(f"SHA-256 {description.sha256}")
    for note in description.notes:
        print_text(note)


def _learnt(description: DataDescription) -> str:
    """Return what is to be learnt, in words."""
    count = len(description.class_names)
    if description.target_shape:
        return f"to be made into images {format_size(description.target_shape)}"
    if description.task == "regression":
        return f"{count} number{'s' * (count != 1)} to be learnt of each"
    return f"{count} {'labels' if description.task == 'multi_label' else 'classes'}"
