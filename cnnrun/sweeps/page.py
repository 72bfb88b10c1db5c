"""The page of a sweep: what was best, what mattered, and every trial, in one file."""

from __future__ import annotations

from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.report.blocks import Charts, Code, Section, Table, Text, shown, shown_figure
from cnnrun.report.page import render
from cnnrun.report.verdict import Line
from cnnrun.runs.files import replace_file
from cnnrun.sweeps.charts import coordinates_chart, importance_chart, objective_chart
from cnnrun.sweeps.points import overrides_of
from cnnrun.sweeps.status import SweepStatus, importance_of, status_of
from cnnrun.sweeps.study import Sweep
from cnnrun.sweeps.trials import TrialView

__all__ = ["write_sweep_report"]

MOST_ROWS = 500


def write_sweep_report(
    sweep: Sweep, file: Path | str | None = None, runs_dir: Path | str = "runs"
) -> Path:
    """Write a sweep's page; return the file, which is replaced whole or not at all.

    Args:
        sweep: it.
        file: where the page goes; by default `RUNS/sweeps/NAME.html`.
        runs_dir: the folder of runs.

    Raises:
        RunError: the storage stays away, or the file cannot be written.
    """
    path = Path(runs_dir) / "sweeps" / f"{sweep.name}.html" if file is None else Path(file)
    page = page_of(sweep)
    try:
        if file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def page_of(sweep: Sweep) -> str:
    """Return the page."""
    status, shares = status_of(sweep), importance_of(sweep)
    charts = [
        objective_chart(status),
        coordinates_chart(status, sweep.plan.search),
        importance_chart(shares),
    ]
    drawn = Charts([chart for chart in charts if chart is not None])
    sections = [_best(status)]
    if drawn.charts:
        sections.append(Section("Pictures", [drawn], {"importance": shares}))
    sections += [_trials(status), Section("Configuration", [Code(sweep.plan.base)])]
    counts = ", ".join(f"{count} {name}" for name, count in status.counts.items())
    seeds = f", {status.seeds} seeds each" if status.seeds > 1 else ""
    subtitle = f"{status.points} points ({status.sampler}){seeds}: {counts}"
    return render(status.name, subtitle, _verdict(status), sections, **status.to_dict())


def _verdict(status: SweepStatus) -> list[Line]:
    best, lines = status.best, []
    if best is None:
        lines.append(Line("No trial is finished"))
    else:
        value = shown_figure(status.metric, best.value)
        lines.append(Line(f"Best: {status.metric.replace('_', ' ')} {value}, point {best.point}",
                          True))  # fmt: skip
    if status.stop_reason:
        lines.append(Line(f"Stopped: {status.stop_reason}", False))
    if status.best is not None:
        lines.append(
            Line("The best of many on one validation split is better there than on new data; "
                 "the test split, which decided nothing, says how good it is")
        )  # fmt: skip
    return lines


def _best(status: SweepStatus) -> Section:
    best = status.best
    if best is None:
        return Section("Best")
    rows = [[key, shown(value)] for key, value in best.settings.items()]
    runs = ", ".join(str(run.get("folder")) for run in best.runs)
    command = " ".join(["cnnrun train CONFIG", *overrides_of(best.settings)])
    return Section(
        "Best", [Table("", ["setting", "value"], rows, words=True), Text(f"Run {runs}"),
                 Code(command)],
    )  # fmt: skip


def _trials(status: SweepStatus) -> Section:
    order = {one.number: place for place, one in enumerate(status.ranked)}
    trials = sorted(
        status.trials.values(), key=lambda one: (order.get(one.number, len(order)), one.number)
    )
    columns = ["point", "status", *(key.rpartition(".")[2] for key in status.keys),
               status.metric.replace("_", " "), "epochs", "seconds", "attempt", "run"]  # fmt: skip
    rows = [_row(status, trial) for trial in trials[:MOST_ROWS]]
    left_out = len(trials) - len(rows)
    section = Section("Trials", [Table("finished ones first, by rank", columns, rows)])
    if left_out:
        section.blocks.append(Text(f"{left_out:,} more stand in the page's JSON."))
    errors = [f"Point {one.point} failed: {one.error}" for one in trials if one.error]
    section.blocks += [Text(error) for error in errors[:10]]
    return section


def _row(status: SweepStatus, trial: TrialView) -> list[str]:
    return [
        str(trial.point),
        trial.status,
        *(shown(trial.settings.get(key)) for key in status.keys),
        shown_figure(status.metric, trial.value),
        str(max(trial.epochs, default=0)),
        shown(trial.seconds),
        str(trial.attempt + 1),
        ", ".join(Path(str(run.get("folder"))).name for run in trial.runs) or "-",
    ]
