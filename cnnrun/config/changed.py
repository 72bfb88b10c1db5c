"""What an experiment says that is not the default: the settings worth showing of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cnnrun.config.experiment import Experiment
from cnnrun.config.hints import NAMED, is_required, options_of
from cnnrun.config.resolved import to_dict

__all__ = ["ChangedSetting", "changed_settings"]


@dataclass(frozen=True)
class ChangedSetting:
    """A setting that is not its default.

    Attributes:
        path: such as `optimizer.sgd.momentum`.
        value: as a configuration writes it.
        default: the same; None where the option has none, and has to be given.
        required: whether it has none.
    """

    path: str
    value: Any
    default: Any
    required: bool


def changed_settings(experiment: Experiment) -> list[ChangedSetting]:
    """Return the settings of an experiment that are not the defaults, in the file's order.

    Options without a default are among them, and layers with their place, even without options.
    """
    plain = to_dict(experiment)
    settings: list[ChangedSetting] = []
    for name, (_, field) in options_of(Experiment).items():
        if name in plain and name != "name":
            value = getattr(experiment, name)
            settings += _changed(name, value, plain[name], _default(field), is_required(field))
    return settings


def _changed(
    path: str, value: Any, plain: Any, default: Any, required: bool
) -> list[ChangedSetting]:
    """Return what differs below a path; `plain` is the value as a configuration writes it."""
    if not required and value == default:
        return []
    if isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
        return [
            setting
            for place, (item, written) in enumerate(zip(value, plain, strict=True))
            for setting in _changed(f"{path}[{place}]", item, written, None, True)
        ]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return [ChangedSetting(path, plain, default, required)]
    rows = []
    if isinstance(value, tuple(NAMED)):
        name = plain if isinstance(plain, str) else next(iter(plain))
        same_kind = type(value) is type(default)
        plain = {} if isinstance(plain, str) else plain[name]
        if not same_kind:
            other = None if required else _name(default)
            rows.append(ChangedSetting(path, name, other, required))
        path = f"{path}.{name}"
    for option, (_, field) in options_of(type(value)).items():
        if option in plain:
            own, known = getattr(value, option), _default(field)
            rows += _changed(f"{path}.{option}", own, plain[option], known, is_required(field))
    return rows


def _name(part: Any) -> Any:
    return getattr(getattr(part, "layer", part), "type_name", part)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default
