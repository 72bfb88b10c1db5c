"""Writes an experiment back as a configuration, with every default spelled out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from cnnrun.config.experiment import Experiment
from cnnrun.config.hints import NAMED, options_of
from cnnrun.config.named_plugins import resolve_plugin
from cnnrun.config.source import parse_scalar
from cnnrun.data import DatasetSource

__all__ = ["dump_yaml", "to_dict"]


def to_dict(experiment: Experiment) -> dict[str, Any]:
    """Return the experiment in the language of configurations, paths made absolute."""
    document: dict[str, Any] = _plain(experiment, experiment.base)
    plugins = [
        str(resolve_plugin(path, experiment.base).absolute()) for path in document.pop("plugins")
    ]
    return {"plugins": plugins, **document} if plugins else document


def dump_yaml(experiment: Experiment) -> str:
    """Return the experiment as a configuration file that repeats it."""
    text: str = yaml.dump(
        to_dict(experiment), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=100
    )
    return text


def _plain(value: Any, base: Path) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        options = {name: _plain(getattr(value, name), base) for name in options_of(type(value))}
        if isinstance(value, DatasetSource) and options.get("path") is not None:
            options["path"] = str((base / options["path"]).absolute())
        name = getattr(getattr(value, "layer", value), "type_name", None)
        if not isinstance(value, tuple(NAMED)):
            return options
        return {name: options} if options else name
    if isinstance(value, tuple):
        return [_plain(item, base) for item in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Quotes every text that would be read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    try:
        quoted = parse_scalar(text) != text
    except ValueError:
        quoted = True
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if quoted else None)


_Dumper.add_representer(str, _represent_text)
