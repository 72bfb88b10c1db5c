"""The plug-ins of a run: kept in its folder, and imported from there only when somebody asks.

A run that was trained with plug-ins has a copy of each in `plugins/`, and their SHA-256 in
`run.json`. Reading a run imports none of them, and its configuration may not name any, since its
folder may come from anybody. A user who trusts it says so: `--plugin run`, in Python
`load_run(name, plugins=["run"])`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnrun.config import (
    OWN_PLUGINS,
    Experiment,
    load_experiment,
    load_plugin,
    load_plugins,
    loaded_plugins,
)
from cnnrun.errors import ConfigError, PluginError, RunError
from cnnrun.runs.folder import Run, find_run

__all__ = [
    "import_plugins",
    "kept_plugin",
    "load_run",
    "load_run_experiment",
    "plugin_differences",
    "recorded_plugins",
]


def load_run(
    name: str | Path = "last", runs_dir: Path | str = "runs", plugins: Sequence[Path | str] = ()
) -> Run:
    """Return a run that has been trained.

    Args:
        name: its directory, its name in `runs_dir`, or `last`; without its number, a name means
            the newest of that name.
        runs_dir: where runs are kept.
        plugins: Python files that register what its network is made of; `run` stands for the
            copies in its folder. A warning tells if one is not what the run was trained with.

    Raises:
        RunError: there is none; the message says what there is.
        PluginError: a plug-in is missing, or fails.
    """
    run = find_run(str(name), Path(runs_dir))
    import_plugins(run, plugins)
    for difference in plugin_differences(run):
        warnings.warn(difference, stacklevel=2)
    return run


def import_plugins(run: Run, plugins: Sequence[Path | str], *, changed: bool = False) -> None:
    """Import the plug-ins of installed packages, then files; `run` stands for the run's copies.

    Copies that were changed since the training are refused, unless `changed` says to take them.

    Raises:
        PluginError: one is missing, has changed, or fails.
    """
    load_plugins()
    for plugin in plugins:
        if str(plugin) == OWN_PLUGINS:
            _import_copies(run, changed)
        else:
            load_plugin(Path(plugin))


def recorded_plugins(run: Run) -> list[dict[str, Any]]:
    """Return the `name` and `sha256` of the plug-ins that a run was last trained with.

    Raises:
        RunError: the record is missing or damaged.
    """
    segments = run.record.get("segments") or [{}]
    recorded: list[dict[str, Any]] = segments[-1].get("plugins", [])
    return recorded


def plugin_differences(run: Run) -> list[str]:
    """Say which imported plug-ins are not those of the same name that the run was trained with."""
    imported = {plugin.name for plugin in loaded_plugins()}
    return [
        f"the plug-in {entry['name']} is not the one that {run.name} was trained with (its SHA-256 "
        f"differs); --plugin {OWN_PLUGINS}, in Python plugins=['{OWN_PLUGINS}'], imports the copy "
        "in the run"
        for entry in _missing(run)
        if entry["name"] in imported
    ]


def load_run_experiment(
    run: Run, file: Path | None = None, *, check_network: bool = True
) -> Experiment:
    """Return what a run trained.

    Args:
        run: it.
        file: one of its configurations, by default the current one.
        check_network: leaves building the network to the caller if it is False.

    Raises:
        ConfigError: the configuration is damaged, or names what is not registered; the message says
            which plug-ins it was trained with that have not been imported.
    """
    try:
        return load_experiment(
            file or run.config, check_network=check_network, may_name_plugins=False
        )
    except ConfigError as error:
        missing = [entry["name"] for entry in _missing(run)]
        if not missing:
            raise
        raise ConfigError(
            f"{error}\n{run.name} was trained with {', '.join(missing)}, which has not been "
            f"imported: give it with --plugin FILE, or import the copy in the run, if you trust "
            f"it, with --plugin {OWN_PLUGINS} (in Python load_run(..., plugins=['{OWN_PLUGINS}']))"
        ) from None


def kept_plugin(run: Run, entry: dict[str, Any], changed: bool = False) -> Path:
    """Return where the copy of a recorded plug-in is; `changed` takes one that is not as it was.

    Raises:
        PluginError: it is missing, or another than the record says.
    """
    file = run.kept_plugin(entry["name"], entry["sha256"])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PluginError(f"{file}: cannot be read ({error.strerror})") from None
    if not changed and hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise PluginError(
            f"{file}: changed since the run was trained (its SHA-256 differs); not imported"
        )
    return file


def _missing(run: Run) -> list[dict[str, Any]]:
    """Return the plug-ins that a run was trained with and that have not been imported.

    A record that is missing or damaged tells of none; whoever needs it says so.
    """
    try:
        recorded = recorded_plugins(run)
    except RunError:
        return []
    imported = {plugin.sha256 for plugin in loaded_plugins()}
    return [entry for entry in recorded if entry["sha256"] not in imported]


def _import_copies(run: Run, changed: bool) -> None:
    recorded = recorded_plugins(run)
    if not recorded:
        raise PluginError(
            f"--plugin {OWN_PLUGINS}: {run.name} was trained without plug-ins, as far as its "
            "record says; name a Python file, or leave the option out"
        )
    for entry in recorded:
        load_plugin(kept_plugin(run, entry, changed), entry["name"])
