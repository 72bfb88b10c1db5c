"""The report of several runs: what differs between them, and where they disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.errors import CnnrunError
from cnnrun.report.blocks import Card, Cards, Charts, Section, Table, Text, shown, shown_figure
from cnnrun.report.curves import overlaid_charts, thinned
from cnnrun.report.images import embedded
from cnnrun.report.page import render
from cnnrun.report.verdict import Line
from cnnrun.runs import Comparison, Run, compare
from cnnrun.runs.moved import prepare_data
from cnnrun.runs.sample_comparison import SampleComparison, compare_samples
from cnnrun.statistics import paired_shares_interval

__all__ = ["page_of_several"]

MOST_SHOWN = 24
"""Of the samples on which two runs disagree."""


def page_of_several(runs: Sequence[Run], workers: int | None) -> str:
    """Return the page of runs side by side; the others are compared with the first."""
    sides = compare(runs, samples=False)
    pairs, notes = _pairs(runs, workers)
    verdict = [Line(pair.verdict) for pair in pairs] + [Line(note) for note in notes]
    logs = {run.name: thinned(run.metrics, None) for run in runs}
    sections = [_results(sides), _settings(sides)]
    if charts := overlaid_charts(logs):
        sections.append(Section("Training", [Charts(charts)], {"metrics": logs}))
    if pairs:
        sections.append(_differences(pairs))
    for pair, other in zip(pairs, runs[1:], strict=False):
        sections.append(_disagreements(pair, other))
    names = ", ".join(run.name for run in runs)
    return render(f"{len(runs)} runs side by side", names, verdict, sections, runs=sides.runs)


def _pairs(runs: Sequence[Run], workers: int | None) -> tuple[list[SampleComparison], list[str]]:
    """Return the others against the first, sample by sample; and why that could not be done."""
    pairs: list[SampleComparison] = []
    for other in runs[1:]:
        try:
            pairs.append(compare_samples(runs[0], other, workers=workers))
        except CnnrunError as error:
            return pairs, [f"Not compared sample by sample: {error}"]
    return pairs, []


def _results(sides: Comparison) -> Section:
    rows = [
        [key.replace("_", " "), *(shown_figure(key, value) for value in values)]
        for key, values in sides.results.items()
    ]
    return Section("Results", [Table("", ["", *sides.runs], rows)], {"results": sides.results})


def _settings(sides: Comparison) -> Section:
    section = Section("Settings that differ", numbers={"settings": sides.settings})
    if sides.settings:
        rows = [[path, *map(_value, values)] for path, values in sides.settings.items()]
        section.blocks.append(Table("", ["setting", *sides.runs], rows, words=True))
    else:
        section.blocks.append(Text("No setting differs."))
    return section


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {option}" for key, option in value.items()) or "yes"
    return shown(value)


def _differences(pairs: Sequence[SampleComparison]) -> Section:
    """Return how the others differ from the first on the same samples, with intervals."""
    rows, numbers = [], []
    for pair in pairs:
        low, high = paired_shares_interval(pair.only_first, pair.only_second, pair.samples)
        points = (pair.only_second - pair.only_first) / pair.samples
        rows.append(
            [
                pair.names[1],
                f"{100 * points:+.2f}",
                f"{100 * low:+.2f} to {100 * high:+.2f}",
                f"{pair.only_second:,}",
                f"{pair.only_first:,}",
                f"{pair.p_value:.2g}",
            ]
        )
        document = pair.to_dict()
        numbers.append({"run": pair.names[1], "difference_interval": [low, high], **document})
    first = pairs[0].names[0]
    columns = (
        "run", "points", "95% interval", "it alone right", f"{first} alone right",
        "p (McNemar)",
    )  # fmt: skip
    caption = (
        f"share of right samples, less that of {first}, on the same {pairs[0].samples:,} tested"
    )
    return Section("Paired differences", [Table(caption, columns, rows)], {"pairs": numbers})


def _disagreements(pair: SampleComparison, run: Run) -> Section:
    """Return the samples of which the two say different things; where one is right, first."""
    first, second = pair.names
    section = Section(f"Where {first} and {second} disagree")
    every = sorted(pair.disagreements, key=lambda sample: sample.right is None)
    if not every:
        section.blocks.append(Text("They say the same of every test sample."))
        return section
    model = run.model()
    samples = prepare_data(model.experiment, model.statistics).test
    scaled = samples.split.pixel_range.scaled
    cards = []
    for sample in every[:MOST_SHOWN]:
        pixels = np.asarray(scaled(samples.split.images[sample.index]))
        name = sample.file or f"test sample {sample.index}"
        lines = [
            f"{name}: {sample.true}",
            f"{first}: {sample.first}{' (right)' * (sample.right == 'first')}",
            f"{second}: {sample.second}{' (right)' * (sample.right == 'second')}",
        ]
        cards.append(Card([embedded(pixels, name)], lines))
    shown_of = f"{len(cards)} of {len(every):,} samples" if len(cards) < len(every) else "All"
    section.blocks += [Text(f"{shown_of} are shown."), Cards(cards)]
    return section
