"""The function behind `cnnrun report`: looks at a run again, and writes its page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.data import PreparedData
from cnnrun.errors import CheckpointError, ConfigError, DataError, RunError, excerpt
from cnnrun.report.blocks import Card, Cards, Charts, Section, Table, Text, shown, shown_figure
from cnnrun.report.circumstances import environment_section, network_section, settings_section
from cnnrun.report.curves import curve_charts, thinned
from cnnrun.report.data_card import data_card
from cnnrun.report.images import first_filters
from cnnrun.report.number_charts import MOST_COLUMNS, heat_maps
from cnnrun.report.outcome import MOST_MISTAKES, mistake_section, outcome_sections
from cnnrun.report.page import render
from cnnrun.report.scales import evenly
from cnnrun.report.several import page_of_several
from cnnrun.report.verdict import verdict_lines
from cnnrun.runs import Evaluation, Model, Run, Session, find_run
from cnnrun.runs.files import replace_file
from cnnrun.runs.measures import ClassFigures
from cnnrun.runs.moved import prepare_data

__all__ = ["report_training", "write_report"]


def write_report(
    runs: Run | str | Sequence[Run | str] = "last",
    file: Path | str | None = None,
    *,
    workers: int | None = None,
    runs_dir: Path | str = "runs",
) -> Path:
    """Measure a run on its test split, and write all there is to say of it into one HTML page.

    Of several runs it says what differs between them, and where the others disagree with the first.
    What cannot be shown, because data or weights are missing, is left out, and the page says why.

    Args:
        runs: a run, or its name or folder; or several.
        file: where the page goes; by default `RUN/report.html`, and of several runs
            `comparison.html` in the folder that the first is in.
        workers: parts of a batch computed at once; by default as many as there are processors.
        runs_dir: where a run of that name is looked for.

    Returns:
        The file, which is replaced whole or not at all.

    Raises:
        ConfigError: no run is named.
        RunError: there is no such run, it is damaged, or the file cannot be written.
    """
    named = [runs] if isinstance(runs, Run | str) else list(runs)
    if not named:
        raise ConfigError("name a run, to report on it")
    opened = [find_run(run, Path(runs_dir)) if isinstance(run, str) else run for run in named]
    first = opened[0].folder
    with threadpool_limits(1, user_api="blas"):  # several threads wait longer for each other
        if len(opened) == 1:
            path = first / "report.html"
            page = _page_of(opened[0], _look_at(opened[0], workers))
        else:
            path, page = first.parent / "comparison.html", page_of_several(opened, workers)
    return _written(path if file is None else Path(file), page)


def report_training(session: Session) -> Path:
    """Write the report of a run that has just been trained, of what was measured then.

    Raises:
        RunError: the training has not come to its end, or the file cannot be written.
    """
    if session.tested is None:
        raise RunError(f"{session.run.folder}: not trained to its end; nothing was measured")
    model, evaluation = session.tested
    with threadpool_limits(1, user_api="blas"):
        page = _page_of(session.run, _Seen(model, session.data, evaluation))
    return _written(session.run.folder / "report.html", page)


@dataclass(frozen=True)
class _Seen:
    """What there is of a run to look at: its weights, its data, and what they come to.

    `missing` says why there is none of one.
    """

    model: Model | None = None
    data: PreparedData | None = None
    evaluation: Evaluation | None = None
    missing: str = ""


def _look_at(run: Run, workers: int | None) -> _Seen:
    """Measure the weights that were tested; of a run that was not, the best."""
    which = (run.record.get("test") or {}).get("checkpoint", "best")
    try:
        model = run.model(which)
    except (CheckpointError, ConfigError, RunError) as error:
        return _Seen(missing=str(error))
    try:
        data = prepare_data(model.experiment, model.statistics)
        return _Seen(model, data, model.measure(data.test, workers=workers))
    except DataError as error:
        return _Seen(model, missing=str(error))


def _written(path: Path, page: str) -> Path:
    try:
        replace_file(path, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _page_of(run: Run, seen: _Seen) -> str:
    record, lines = run.record, run.metrics
    model, data, evaluation = seen.model, seen.data, seen.evaluation
    if evaluation is not None:
        evaluation = replace(evaluation, split="test")
    best = (record.get("best") or {}).get("epoch")
    sections = [_summary(record, lines, evaluation)]
    if seen.missing:
        sections[0].blocks.append(Text(f"Left out: {seen.missing}"))
    drawn = thinned(lines, best)
    if charts := curve_charts(drawn, best):
        sections.append(Section("Training", [Charts(charts)], {"metrics": drawn}))
    if len(drawn) < len(lines):
        words = f"{len(drawn)} of {len(lines):,} epochs are drawn; metrics.jsonl has all."
        sections[-1].blocks.append(Text(words))
    if evaluation is not None and model is not None and data is not None:
        sections += outcome_sections(evaluation)
        sections.append(mistake_section(evaluation, model, _worst_inputs(evaluation, data)))
    if data is not None:
        sections.append(data_card(data, record.get("dataset", {}).get("sha256", "")))
    layers = _layer_lines(run)
    if charts := heat_maps(layers):
        sections.append(Section("Flow of gradients", [Charts(charts)], {"layers": layers}))
    if model is not None:
        sections += [_filters(model), settings_section(model.experiment)]
        sections.append(network_section(model.network))
    sections += environment_section(run, record)
    subtitle = f"{record['status']}, {shown(record.get('parameters'))} parameters"
    verdict = verdict_lines(run, record, evaluation)
    return render(run.name, subtitle, verdict, sections, run=run.name, record=record)


def _summary(
    record: dict[str, Any], lines: Sequence[dict[str, Any]], evaluation: Evaluation | None
) -> Section:
    """Return the table of the best and the last epoch."""
    best, last = record.get("best"), lines[-1] if lines else None
    if last is None:
        return Section("Summary", [Text("No epoch has been finished.")])
    columns = [("last epoch", last)]
    if best is not None:
        columns.insert(0, ("best epoch", best))
    keys = [key for key in last if key not in ("kind", "step") and last[key] is not None]
    rows = [
        [key.replace("_", " "), *(shown_figure(key, line.get(key)) for _, line in columns)]
        for key in keys
    ]
    test = record.get("test") or {}
    for key in ("loss", "accuracy"):
        value = test.get(key) if evaluation is None else getattr(evaluation, key)
        if value is not None:
            rows.append([f"test {key}", shown_figure(key, value), *[""] * (len(columns) - 1)])
    rows.append(["seconds in all", shown(record.get("seconds")), *[""] * (len(columns) - 1)])
    return Section("Summary", [Table("", ["", *(words for words, _ in columns)], rows)])


def _worst_inputs(evaluation: Evaluation, data: PreparedData) -> Any:
    """Return the inputs of the mistakes that are shown; None where there are none."""
    figures = evaluation.figures
    if not isinstance(figures, ClassFigures) or not figures.mistakes:
        return None
    indices = [mistake.index for mistake in figures.mistakes[:MOST_MISTAKES]]
    return data.test.batch(np.array(indices))[0]


def _filters(model: Model) -> Section:
    drawn = first_filters(model.network)
    if drawn is None:
        return Section("First filters")
    name, picture = drawn
    words = (
        "Each filter has a scale of its own: red is positive, blue negative; "
        "filters of three channels are shown in colour."
    )
    return Section(f"Filters of {name}", [Text(words), Cards([Card([picture], [])])])


def _layer_lines(run: Run) -> list[dict[str, Any]]:
    """Return what `layers.jsonl` says of so many steps as can be drawn; nothing if there is none.

    Raises:
        RunError: a line is damaged.
    """
    try:
        written = run.layers.read_bytes().split(b"\n")[:-1]  # what follows is a cut line
    except OSError:
        return []
    lines = []
    for place in evenly(len(written), MOST_COLUMNS):
        try:
            entry = json.loads(written[place])
            is_whole = all(isinstance(layer["layer"], str) for layer in entry["layers"])
            is_whole = is_whole and {"epoch", "step"} <= entry.keys()
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
            is_whole = False
        if not is_whole:
            words = excerpt(written[place].decode("utf-8", "replace"))
            raise RunError(f"{run.layers}:{place + 1}: not a line of layers: {words}")
        lines.append(entry)
    return lines
