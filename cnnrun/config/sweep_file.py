"""The language of sweeps: what is varied of a configuration, by which sampler, and what counts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cnnrun.config.keys import is_known, meant_keys
from cnnrun.config.metrics import METRICS
from cnnrun.config.overrides import PATH
from cnnrun.config.reading import Reader
from cnnrun.config.search import Dimension, read_dimension
from cnnrun.config.source import KeyPath, Source, parse_source, read_source
from cnnrun.engine.types import NonNegativeInt, PositiveInt, Range
from cnnrun.errors import ConfigError, excerpt
from cnnrun.registry import suggestion

__all__ = [
    "MOST_POINTS",
    "Hyperband",
    "Median",
    "SamplerName",
    "SweepFile",
    "key_path",
    "parse_search",
    "read_sweep",
    "read_sweep_file",
]

SamplerName = Literal["grid", "random", "tpe"]
Seconds = Annotated[float, Range(ge=0.2, le=86_400)]
Points = Annotated[int, Range(ge=1, le=10_000)]

MOST_POINTS = 10_000
PRUNERS = ("median", "hyperband", "none")


@dataclass(frozen=True)
class Median:
    """Ends a trial whose epoch is worse than the median of what the others had at that epoch.

    Attributes:
        warmup_epochs: so many epochs are done in any case.
        startup_trials: so many trials are finished before any is ended.
    """

    warmup_epochs: NonNegativeInt = 0
    startup_trials: NonNegativeInt = 5


@dataclass(frozen=True)
class Hyperband:
    """Ends trials in brackets, which give many a few epochs, and few all of them.

    Attributes:
        min_epochs: that each has in any case.
        factor: of `factor` trials one is given `factor` times the epochs.
    """

    min_epochs: PositiveInt = 1
    factor: Annotated[int, Range(ge=2)] = 3


@dataclass(frozen=True)
class SweepFile:
    """What a sweep's file says, in which the sections below are read by hand.

    Attributes:
        base: the configuration that is varied, relative to the file.
        name: what the sweep and its runs are called; by default, as the file.
        sampler: how points are chosen; by default `grid` where all values are listed, else `tpe`.
        trials: how many points; not of a grid, which has as many as it has.
        seeds: runs of each point, with the seeds 0 to K-1; what counts is their mean.
        sampler_seed: of the points that are drawn.
        retries: how often a point is tried again after its process was lost.
        grace: seconds without a sign of life after which a trial's process counts as lost.
        search: by key, what is tried.
        objective: what counts, `val_accuracy`; None for what the base chooses its best epoch by.
        pruner: what ends bad trials early.
    """

    base: str
    name: str | None = None
    sampler: SamplerName | None = None
    trials: Points | None = None
    seeds: Annotated[int, Range(ge=1, le=1000)] = 1
    sampler_seed: NonNegativeInt = 0
    retries: NonNegativeInt = 3
    grace: Seconds = 60.0
    search: dict[str, Dimension] = field(default_factory=dict, metadata={"option": False})
    objective: str | None = field(default=None, metadata={"option": False})
    pruner: Median | Hyperband | None = field(default=None, metadata={"option": False})

    @property
    def points(self) -> int:
        """How many points there are."""
        if self.chosen_sampler != "grid":
            return self.trials or 1
        return math.prod(each.count or 0 for each in self.search.values())

    @property
    def chosen_sampler(self) -> SamplerName:
        """The sampler, also where the file leaves it open."""
        if self.sampler is not None:
            return self.sampler
        is_listed = all(each.count is not None for each in self.search.values())
        return "grid" if is_listed and self.trials is None else "tpe"


def key_path(key: str) -> KeyPath:
    """Return a key such as `network[0].conv2d.filters` as a path."""
    words = re.findall(r"\[\d+\]|[\w-]+", key)
    return tuple(int(word[1:-1]) if word[0] == "[" else word for word in words)


def read_sweep_file(file: Path) -> Source:
    """Return what a sweep's file says, before anything is checked.

    Raises:
        ConfigError: it cannot be read, or is no mapping.
    """
    source = read_source(file)
    if not isinstance(source.tree, dict):
        raise ConfigError(f"{source.where(())}: a sweep is a mapping, of base, search, ...")
    return source


def read_sweep(source: Source, base_tree: Any = None) -> SweepFile:
    """Return the sweep that a file describes.

    Args:
        source: what it says.
        base_tree: of the configuration that is varied, for advice on keys.

    Raises:
        ConfigError: something is wrong; the message lists every problem with its place.
    """
    reader = Reader(source)
    tree = dict(source.tree)
    search, objective = tree.pop("search", None), tree.pop("objective", None)
    pruner = tree.pop("pruner", None)
    read = {
        "search": _search(reader, search, base_tree),
        "objective": _objective(reader, objective),
        "pruner": _pruner(reader, pruner),
    }
    options = reader.read_at(SweepFile, tree, ())
    if reader.problems:
        raise ConfigError("\n".join(reader.problems))
    sweep: SweepFile = replace(options, **read)
    if sweep.chosen_sampler == "grid":
        endless = [key for key, each in sweep.search.items() if each.count is None]
        if endless:
            reader.note(("search", endless[0]), "a grid needs values: list them, or take a sampler")
        if sweep.trials is not None:
            reader.note(("trials",), f"a grid has as many as it has, {sweep.points}; leave it out")
        if sweep.points > MOST_POINTS:
            reader.note(("search",), f"{sweep.points:,} points; the limit is {MOST_POINTS:,}")
    elif sweep.trials is None:
        reader.note((), f"trials must be given: how many points {sweep.chosen_sampler} chooses")
    if reader.problems:
        raise ConfigError("\n".join(reader.problems))
    return sweep


def parse_search(override: str) -> tuple[str, Any] | None:
    """Return the key and the values of `KEY=V1,V2` or `KEY={log: [a, b]}`; None for one value.

    Raises:
        ConfigError: it is not YAML.
    """
    key, equals, text = override.partition("=")
    if not equals or not PATH.fullmatch(key) or not text.strip():
        return None  # which the overrides of a configuration have words for
    try:
        values = parse_source(f"[{text}]", "value").tree
    except ConfigError:
        return None
    if len(values) > 1:
        return key, values
    only = values[0] if values else None
    if isinstance(only, dict) and {*only} & {"log", "uniform", "integer", "choice"}:
        return key, only
    return None


def _search(reader: Reader, value: Any, base_tree: Any) -> dict[str, Dimension]:
    if not isinstance(value, dict) or not value:
        reader.note(("search",), "needs 'key: values' of one setting or more, such as "
                    "optimizer.sgd.learning_rate: [0.01, 0.1]")  # fmt: skip
        return {}
    search = {}
    for key, given in value.items():
        path: KeyPath = ("search", key)
        if not PATH.fullmatch(key) or not is_known(key_path(key)):
            meant = meant_keys(key, base_tree) if base_tree is not None else []
            hint = (
                f"did you mean {' or '.join(meant)}?" if meant else "`cnnrun config show` has all"
            )
            reader.note(path, f"unknown key; {hint}", key=True)
        elif key in ("name", "seed") or key.startswith("plugins"):
            reader.note(path, "cannot be varied" + "; seeds: K trains each point with several"
                        * (key == "seed"), key=True)  # fmt: skip
        else:
            try:
                search[key] = read_dimension(given)
            except ValueError as error:
                reader.note(path, str(error))
    return search


def _objective(reader: Reader, value: Any) -> str | None:
    """Read `val_accuracy`, or `{maximize: val_accuracy}`, whose direction must be the metric's."""
    if value is None:
        return None
    direction, name = None, value
    if isinstance(value, dict) and len(value) == 1:
        ((direction, name),) = value.items()
    names = [f"val_{metric}" for metric in METRICS]
    if direction not in (None, "maximize", "minimize") or not isinstance(name, str):
        reader.note(("objective",), "needs a metric, such as {maximize: val_accuracy}")
    elif f"val_{name.removeprefix('val_')}" not in names:
        reader.note(("objective",), f"no metric is called {excerpt(name)}; "
                    f"{suggestion(name, names)}")  # fmt: skip
    else:
        right = "maximize" if METRICS[name.removeprefix("val_")].higher_is_better else "minimize"
        if direction in (None, right):
            return f"val_{name.removeprefix('val_')}"
        reader.note(
            ("objective",), f"the better {name} is the other way; write {{{right}: {name}}}"
        )
    return None


def _pruner(reader: Reader, value: Any) -> Median | Hyperband | None:
    name, options = value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, options),) = value.items()
    if name is None or name == "none":
        return None
    if name not in ("median", "hyperband"):
        known = suggestion(name, PRUNERS) if isinstance(name, str) else ", ".join(PRUNERS)
        reader.note(("pruner",), f"no pruner is called {excerpt(name)}; {known}")
        return None
    path: KeyPath = ("pruner", name) if isinstance(value, dict) else ("pruner",)
    kind = Median if name == "median" else Hyperband
    read: Median | Hyperband | None = reader.read_at(kind, options or {}, path)
    return read
