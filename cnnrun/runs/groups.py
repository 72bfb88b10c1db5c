"""A group of runs: one configuration trained with several seeds, and what came of all of them.

A group has a folder of its own, `NAME-seeds-0001`, with the configuration and the seeds; its runs
are ordinary ones beside it, `NAME-seed0-0001`, which name the group in their `run.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnrun.config import Experiment, dump_yaml, load_experiment
from cnnrun.errors import ConfigError, RunError
from cnnrun.notebook import cell, html_table
from cnnrun.runs.alike import other_data, other_sources
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.files import dump_json, write_json
from cnnrun.runs.folder import GROUP_FILE, Run, date_last, folders_by_date
from cnnrun.runs.plugins import load_run_experiment
from cnnrun.runs.spread import FIGURES, Spread

__all__ = ["Group", "claim_group", "find_group", "is_group", "list_groups"]

CONFIGURATION = "configuration.yaml"
"""Not `config.yaml`, by which runs are found."""


@dataclass(frozen=True)
class Group:
    """One configuration, trained with several seeds.

    Attributes:
        folder: with what the group is: `group.json` and `configuration.yaml`.
        seeds: that it is to have.
    """

    folder: Path
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """The folder's name, such as `digits-seeds-0001`."""
        return self.folder.name

    @property
    def size(self) -> str:
        """How many seeds it has, in words."""
        return f"{len(self.seeds)} seed{'' if len(self.seeds) == 1 else 's'}"

    @property
    def configuration(self) -> Path:
        """The resolved configuration, of which every run has its own seed and name."""
        return self.folder / CONFIGURATION

    @property
    def runs(self) -> dict[int, Run]:
        """The runs that there are, by their seeds."""
        start = re.sub(r"-seeds-\d+$", "", self.name)
        runs = {}
        for seed in self.seeds:
            for path in sorted(self.folder.parent.glob(f"{start}-seed{seed}-*/run.json")):
                run = Run(path.parent)
                if run.record.get("group") == self.name:
                    runs[seed] = run
        return runs

    @property
    def statuses(self) -> dict[int, str]:
        """What became of each seed: `missing` where it has no run yet."""
        runs = self.runs
        return {
            seed: str(runs[seed].record["status"]) if seed in runs else "missing"
            for seed in self.seeds
        }

    @property
    def figures(self) -> dict[str, Spread]:
        """The figures on the test split, `accuracy` and `loss`, where there are any."""
        tests = {seed: run.record.get("test") or {} for seed, run in self.runs.items()}
        spreads = {}
        for figure, bounds in FIGURES.items():
            values = {seed: test.get(figure) for seed, test in tests.items()}
            known = {seed: value for seed, value in values.items() if value is not None}
            if known:
                spreads[figure] = Spread(known, bounds)
        return spreads

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the figures of its runs are of different things: data or plug-ins that changed."""
        runs = self.runs.values()
        return (*other_data(runs), *other_sources(runs))

    def base(self, *, check_network: bool = True) -> Experiment:
        """Return what the configuration says, of which each run has its own seed and name.

        Args:
            check_network: leaves building the network to the caller if it is False.

        Raises:
            ConfigError: it is damaged, or needs a plug-in.
        """
        for run in self.runs.values():  # knows which plug-ins
            return load_run_experiment(run, self.configuration, check_network=check_network)
        return load_experiment(
            self.configuration, check_network=check_network, may_name_plugins=False
        )

    def experiment(self, seed: int) -> Experiment:
        """Return what the run of that seed trains.

        Raises:
            ConfigError: as `base` does.
        """
        experiment = self.base()
        return replace(experiment, seed=seed, name=f"{experiment.name}-seed{seed}")

    def with_seeds(self, seeds: Sequence[int]) -> Group:
        """Return the group with these seeds too, which is written down."""
        more = replace(self, seeds=tuple(dict.fromkeys((*self.seeds, *seeds))))
        if more != self:
            write_json(self.folder / GROUP_FILE, _document(more.seeds))
        return more

    def to_dict(self) -> dict[str, Any]:
        """Return the group as a JSON document."""
        runs, figures, statuses = self.runs, self.figures, self.statuses
        return {
            "group": str(self.folder),
            "status": "finished" if set(statuses.values()) == {"finished"} else "unfinished",
            "seeds": list(self.seeds),
            "runs": [
                {
                    "seed": seed,
                    "run": str(runs[seed].folder) if seed in runs else None,
                    "status": statuses[seed],
                    **{figure: spread.values.get(seed) for figure, spread in figures.items()},
                }
                for seed in self.seeds
            ],
            "figures": {figure: spread.to_dict() for figure, spread in figures.items()},
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: mean, spread and interval of every figure."""
        nothing = (None, None)
        rows = [
            (figure, *map(cell, (spread.mean, spread.std, *(spread.interval or nothing))))
            for figure, spread in self.figures.items()
        ]
        columns = ("test", "mean", "standard deviation", "from", "to (95%)")
        return html_table(self.name, self.size, columns, rows)


def claim_group(experiment: Experiment, seeds: Sequence[int], runs_dir: Path) -> Group:
    """Create the folder of a new group.

    Raises:
        ConfigError: the seeds are not whole numbers from 0 on, or one is there twice.
        RunError: the folder cannot be created.
    """
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ConfigError(f"seeds: {list(seeds)}; give different whole numbers from 0 on")
    replace(experiment, name=f"{experiment.name}-seed{max(seeds)}")  # refuses one that is too long
    contents = {
        GROUP_FILE: f"{dump_json(_document(seeds))}\n".encode(),
        CONFIGURATION: dump_yaml(replace(experiment, plugins=())).encode(),
    }
    group = Group(claim_run(runs_dir, f"{experiment.name}-seeds", contents).folder, tuple(seeds))
    date_last(group.configuration, runs_dir)
    return group


def _document(seeds: Sequence[int]) -> dict[str, Any]:
    return {"schema_version": 1, "seeds": list(seeds)}


def list_groups(runs_dir: Path | str = "runs") -> list[Group]:
    """Return the groups in a directory, the oldest first.

    Raises:
        RunError: one is damaged.
    """
    folders = folders_by_date(Path(runs_dir), CONFIGURATION)
    return [_read(folder) for folder in folders if (folder / GROUP_FILE).is_file()]


def is_group(name: str, runs_dir: Path) -> bool:
    """Return whether a name, or directory, is that of a group; `last` is a run's."""
    if name == "last":
        return False
    try:
        find_group(name, runs_dir)
    except RunError:
        return any((folder / GROUP_FILE).exists() for folder in (runs_dir / name, Path(name)))
    return True


def find_group(name: str, runs_dir: Path) -> Group:
    """Return the group called `name`: a directory, a name in `runs_dir`, or `last`.

    A name without its number, `digits-seeds`, means the newest of that name.

    Raises:
        RunError: there is none, or it is damaged.
    """
    for folder in (runs_dir / name, Path(name)):
        if (folder / GROUP_FILE).is_file():
            return _read(folder)
    groups = list_groups(runs_dir)
    pattern = r".*" if name == "last" else re.escape(name) + r"-\d{4,}"
    same = [group for group in groups if re.fullmatch(pattern, group.name)]
    if same:
        return same[-1]
    known = ", ".join(group.name for group in groups[-5:]) or "none"
    raise RunError(f"no group of runs is called {name!r} in {runs_dir}; the latest: {known}")


def _read(folder: Path) -> Group:
    file = folder / GROUP_FILE
    try:
        seeds = json.loads(file.read_bytes())["seeds"]
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError, KeyError, TypeError):
        seeds = None
    if not (isinstance(seeds, list) and seeds and all(type(s) is int and s >= 0 for s in seeds)):
        raise RunError(f"{file}: damaged; it should have a list of seeds")
    return Group(folder, tuple(seeds))
