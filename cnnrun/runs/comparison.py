"""Runs or groups side by side: the settings in which they differ, the results, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnrun.config import to_dict
from cnnrun.errors import CnnrunError, ConfigError, RunError
from cnnrun.notebook import cell, html_table
from cnnrun.runs.alike import other_data, other_sources
from cnnrun.runs.differences import differences
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.group_comparison import SeedDifference, compare_seeds, spreads_of
from cnnrun.runs.groups import Group, find_group, is_group
from cnnrun.runs.keeping import tags_of
from cnnrun.runs.plugins import load_run_experiment
from cnnrun.runs.sample_comparison import SampleComparison, compare_samples

__all__ = ["FIGURES", "Comparison", "compare", "flat", "sort_summaries", "summarize_run"]

FIGURES = ("name", "status", "epochs", "val_loss", "val_accuracy", "test_accuracy", "seconds")


@dataclass(frozen=True)
class Comparison:
    """Several runs, or groups of runs, side by side.

    Attributes:
        runs: their names.
        settings: by path, such as `network[0].conv2d.filters`, the value in each run; only those
            that differ. Where the layers are others, those of a kind are matched, and counted from
            1: `network.conv2d#2.filters`; one that a run does not have is None there.
        results: by figure, the value of each run; of groups the mean and deviation over the seeds.
        differences: of two groups, by figure: how far they differ, and whether that is shown.
        samples: of two runs, what they say of the same test samples; None where `notes` say why.
        notes: why something could not be compared, or not fairly.
    """

    runs: list[str]
    settings: dict[str, list[Any]]
    results: dict[str, list[Any]]
    differences: dict[str, SeedDifference] = field(default_factory=dict)
    samples: SampleComparison | None = None
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> list[str]:
        """Which one is better, and whether that is shown, in sentences."""
        sentences = [f"test {key}: {of.verdict}" for key, of in self.differences.items()]
        return [*sentences, *([self.samples.verdict] if self.samples else []), *self.notes]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "runs": self.runs,
            "settings": self.settings,
            "results": self.results,
            "differences": {key: of.to_dict() for key, of in self.differences.items()},
            "samples": self.samples.to_dict() if self.samples else None,
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a column for each run."""
        rows = [
            (name, *map(cell, values))
            for name, values in (*self.settings.items(), *self.results.items())
        ]
        differ = f"{len(self.settings)} settings differ"
        summary = "; ".join([differ, *self.verdicts])
        return html_table("runs side by side", summary, ("", *self.runs), rows)


def compare(
    runs: Sequence[Run | Group | str],
    runs_dir: Path | str = "runs",
    *,
    samples: bool = True,
    workers: int | None = None,
) -> Comparison:
    """Return what differs between runs, or between groups of runs, and what came of each.

    Two groups are compared by seed, and two runs by sample: both are measured on the test split.

    Args:
        runs: two or more: runs, or groups, or their names or folders.
        runs_dir: where one of that name is looked for.
        samples: whether two runs are compared by sample, for which their data are loaded.
        workers: for that, as `train` takes them.

    Raises:
        ConfigError: there is nothing to compare, or runs and groups are mixed.
        RunError: there is no such run or group, or it is damaged.
    """
    if isinstance(runs, Run | Group | str) or len(runs) < 2:
        raise ConfigError("name two runs or more, to compare them")
    opened = [_opened(run, Path(runs_dir)) if isinstance(run, str) else run for run in runs]
    groups = [one for one in opened if isinstance(one, Group)]
    singles = [one for one in opened if isinstance(one, Run)]
    if groups and singles:
        raise ConfigError(
            f"{groups[0].name} is a group and {singles[0].name} a run; compare groups with groups"
        )
    return _groups(groups) if groups else _runs(singles, samples, workers)


def _opened(name: str, runs_dir: Path) -> Run | Group:
    return find_group(name, runs_dir) if is_group(name, runs_dir) else find_run(name, runs_dir)


def _groups(groups: Sequence[Group]) -> Comparison:
    documents = [{**to_dict(group.base(check_network=False)), "seed": None} for group in groups]
    settings = differences(documents)
    sides = Comparison([group.name for group in groups], settings, spreads_of(groups))
    if len(groups) != 2:
        return sides
    surely = compare_seeds(*groups)
    notes = [
        f"not compared: no run of {group.name} is finished, nor tested"
        for group in groups
        if not group.figures
    ]
    notes += [
        note
        for group, document in zip(groups, documents, strict=True)
        for note in _trained_otherwise(group, document)
    ]
    if any(key == "loss" or key.startswith("loss.") for key in settings):
        surely.pop("loss", None)
        notes.append("test loss: not compared, since they are trained with different losses")
    runs = [run for group in groups for run in group.runs.values()]
    notes += [*other_data(runs), *other_sources(runs)]
    return replace(sides, differences=surely, notes=tuple(notes))


def _trained_otherwise(group: Group, document: dict[str, Any]) -> Iterator[str]:
    """Yield which runs of a group have other settings: those that were given more epochs since."""
    for run in group.runs.values():
        own = to_dict(load_run_experiment(run, check_network=False))
        same = {key: document[key] for key in ("name", "seed")}
        if others := differences([document, {**own, **same}]):
            yield f"{run.name} was trained otherwise than its group: {', '.join(others)}"


def _runs(runs: Sequence[Run], samples: bool, workers: int | None) -> Comparison:
    settings = [to_dict(load_run_experiment(run, check_network=False)) for run in runs]
    rows = [summarize_run(run) for run in runs]
    results = {figure: [row[figure] for row in rows] for figure in (*FIGURES[1:], "parameters")}
    sides = Comparison([run.name for run in runs], differences(settings), results)
    whole = [run for run, row in zip(runs, rows, strict=True) if row["status"] != "damaged"]
    sides = replace(sides, notes=tuple(other_sources(whole)))
    if len(runs) != 2 or not samples:
        return sides
    try:
        return replace(sides, samples=compare_samples(*runs, workers=workers))
    except CnnrunError as error:
        return replace(sides, notes=(*sides.notes, f"not compared by sample: {error}"))


def summarize_run(run: Run) -> dict[str, Any]:
    """Return a run's figures by the names of `FIGURES`, its number of parameters, and its tags.

    The figures whose names begin with `val_` are those of its best epoch.
    """
    try:
        record, tags = run.record, tags_of(run)
    except RunError:
        return {
            **dict.fromkeys((*FIGURES, "parameters")),
            "name": run.name,
            "status": "damaged",
            "tags": [],
            "reproduces": None,
            "group": None,
        }
    best, final = record.get("best") or {}, record.get("final") or {}
    return {
        "name": run.name,
        "status": record.get("status"),
        "epochs": final.get("epoch", 0),
        "val_loss": best.get("val_loss"),
        "val_accuracy": best.get("val_accuracy"),
        "test_accuracy": (record.get("test") or {}).get("accuracy"),
        "seconds": record.get("seconds"),
        "parameters": record.get("parameters"),
        "tags": tags,
        "reproduces": (record.get("reproduces") or {}).get("run"),
        "group": record.get("group") or (record.get("sweep") or {}).get("name"),
    }


def sort_summaries(rows: list[dict[str, Any]], figure: str) -> None:
    """Sort summaries by a figure, the best first, those without it last.

    Raises:
        ConfigError: there is no such figure.
    """
    if figure not in FIGURES:
        raise ConfigError(f"--sort: {figure} is not one of {', '.join(FIGURES)}")
    sign = -1 if "accuracy" in figure else 1

    def key(row: dict[str, Any]) -> tuple[bool, Any]:
        value = row[figure]
        if value is None:
            return True, 0
        return False, value if isinstance(value, str) else sign * value

    rows.sort(key=key)


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a document with their paths."""
    if isinstance(value, dict) and value:
        return [
            leaf
            for key, item in value.items()
            for leaf in flat(item, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [leaf for index, item in enumerate(value) for leaf in flat(item, f"{path}[{index}]")]
    return [(path, value)]
