"""What a sweep is to do, as it is kept in its storage: whoever joins needs no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnrun.config import (
    METRICS,
    Experiment,
    dump_yaml,
    load_experiment,
    read_config_tree,
    require_metric,
    to_dict,
)
from cnnrun.config.search import Dimension
from cnnrun.config.source import Source
from cnnrun.config.sweep_file import SweepFile, parse_search, read_sweep, read_sweep_file
from cnnrun.data import Task, has_labels
from cnnrun.errors import ConfigError, OptionError, RunError

__all__ = ["Plan", "load_plan"]


@dataclass(frozen=True)
class Plan:
    """A sweep, ready to be carried out anywhere.

    Attributes:
        name: of the sweep.
        base: the configuration that is varied, as YAML with every default and absolute paths.
        tree: what the sweep's file says, its objective spelled out.
    """

    name: str
    base: str
    tree: dict[str, Any]

    @cached_property
    def options(self) -> SweepFile:
        """What the file says, read."""
        return read_sweep(Source(self.name, self.tree))

    @property
    def search(self) -> dict[str, Dimension]:
        """By key, what is tried."""
        return self.options.search

    @property
    def metric(self) -> str:
        """What counts, such as `val_accuracy`."""
        return str(self.options.objective)

    @property
    def is_maximized(self) -> bool:
        """Whether more of it is better."""
        return METRICS[self.metric.removeprefix("val_")].higher_is_better

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds of each point; None for the base's own."""
        count = self.options.seeds
        return (None,) if count == 1 else tuple(range(count))

    @property
    def document(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {"name": self.name, "base": self.base, "tree": self.tree}

    @property
    def digest(self) -> str:
        """The SHA-256 of the plan: two that differ are two sweeps."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_document(cls, document: Any, where: str) -> Plan:
        """Return the plan that a storage holds.

        Raises:
            RunError: it is none.
        """
        try:
            plan = cls(str(document["name"]), str(document["base"]), dict(document["tree"]))
            plan.options.points  # noqa: B018
        except (KeyError, TypeError, ValueError, ConfigError):
            raise RunError(f"{where}: what it holds is no sweep of this version") from None
        return plan

    def experiment(self, overrides: Sequence[str], name: str) -> Experiment:
        """Return what a run trains.

        Args:
            overrides: the point's settings.
            name: of the run.

        Raises:
            CnnrunError: they are wrong together.
        """
        experiment = load_experiment(
            Path(self.name), overrides, text=self.base, may_name_plugins=False
        )
        return replace(experiment, name=name)


def load_plan(
    file: Path | str,
    overrides: Sequence[str] = (),
    *,
    options: dict[str, Any] | None = None,
    plugins: Sequence[Path | str] = (),
) -> tuple[Plan, list[str]]:
    """Return the plan of a sweep's file, or of a configuration and what is varied of it.

    And the Python files that its trials need: those given, and those that the configuration names.

    Args:
        file: `sweep.yaml`, or a configuration.
        overrides: `KEY=V1,V2` and `KEY={log: [a, b]}` are tried, `KEY=VALUE` is set.
        options: what is given instead of what the file says, such as `trials`.
        plugins: Python files with parts that it names.

    Raises:
        ConfigError: something is wrong; the message lists every problem with its place.
        DataError: the data set cannot be found.
        PluginError: a plug-in fails.
    """
    file = Path(file)
    source = read_sweep_file(file)
    searched = [(override, parse_search(override)) for override in overrides]
    fixed = [override for override, search in searched if search is None]
    if not {"base", "search"} & {*source.tree}:
        tree: dict[str, Any] = {"base": file.name}
        name = read_config_tree(file).get("name", file.stem)
        tree["name"] = f"{name}-sweep"
        source = Source("the sweep", tree)
        if not any(search for _, search in searched):
            raise ConfigError(
                f"{file}: nothing is varied; give KEY=VALUE,VALUE, such as "
                "optimizer.sgd.learning_rate=0.01,0.1, or a file with `base` and `search`"
            )
    tree = source.tree
    for override, search in searched:
        if search is not None and isinstance(tree.setdefault("search", {}), dict):
            tree["search"][search[0]] = search[1]
            source.keys["search", search[0]] = f"override {override}"
            source.values["search", search[0]] = f"override {override}"
    for option, value in (options or {}).items():
        tree[option] = value
        source.values[option,] = f"--{option.replace('_', '-')}"
    base = tree.get("base")
    known = read_config_tree(file.parent / base) if isinstance(base, str) else None
    sweep = read_sweep(source, known)
    base_file = file.parent / sweep.base
    experiment = load_experiment(base_file, fixed, plugins)
    name = sweep.name or file.stem
    try:
        replace(experiment, name=f"{name}-{sweep.points}-seed{sweep.seeds}")  # of its last run
    except OptionError as error:
        raise ConfigError(f"{source.where(('name',))}: the sweep's {error}") from None
    task = experiment.data.dataset.info(experiment.base).task
    objective = sweep.objective or _chosen_by(experiment, task)
    require_metric("objective", objective, task)
    kept = {key: value for key, value in tree.items() if key != "name"}
    own = to_dict(experiment).get("plugins", [])
    plan = Plan(
        name,
        dump_yaml(replace(experiment, plugins=())),
        {**kept, "base": base_file.name, "objective": objective},
    )
    return plan, [*(str(Path(plugin).absolute()) for plugin in plugins), *own]


def _chosen_by(experiment: Experiment, task: Task) -> str:
    """Return the metric that the base chooses its best epoch by."""
    name = experiment.train.chosen_by.removeprefix("val_")
    if name == "auto":
        name = "accuracy" if has_labels(task) else "loss"
    return f"val_{name}"
