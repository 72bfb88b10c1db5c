"""The points of a search: those of a grid or drawn beforehand, and how Optuna is told of them."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnrun.config.search import Choice, Dimension, Integers, Reals
from cnnrun.sweeps.plan import Plan

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["choose", "decode", "overrides_of", "point_params"]


def point_params(plan: Plan, point: int) -> dict[str, Any]:
    """Return the parameters of a point as Optuna keeps them; empty where a sampler chooses them."""
    search, sampler = plan.search, plan.options.chosen_sampler
    if sampler == "tpe":
        return {}
    if sampler == "random":
        return {key: _drawn(each, _generator(plan, point, key)) for key, each in search.items()}
    params = {}
    for key, dimension in reversed(search.items()):  # the last changes fastest
        if isinstance(dimension, Reals):  # which no grid has
            continue
        point, place = divmod(point, dimension.count)
        params[key] = _encoded(dimension.value(place))
    return {key: params[key] for key in search if key in params}


def choose(trial: Trial, search: Mapping[str, Dimension]) -> None:
    """Let a trial have a value of every dimension: those it was queued with, or the sampler's."""
    for key, dimension in search.items():
        if isinstance(dimension, Choice):
            trial.suggest_categorical(key, [_encoded(value) for value in dimension.values])
        elif isinstance(dimension, Integers):
            trial.suggest_int(key, dimension.low, dimension.high, step=dimension.step)
        else:
            trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)


def decode(plan: Plan, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that parameters stand for, in the order of the search."""
    return {
        key: _decoded(dimension, params[key])
        for key, dimension in plan.search.items()
        if key in params
    }


def overrides_of(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as overrides of a configuration; JSON is YAML, too."""
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def _encoded(value: Any) -> Any:
    """Return a value as Optuna takes it: lists and mappings as JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _decoded(dimension: Dimension, value: Any) -> Any:
    if not isinstance(dimension, Choice):
        return value
    same = (
        each
        for each in dimension.values
        if type(_encoded(each)) is type(value) and _encoded(each) == value
    )
    return next(same, value)


def _generator(plan: Plan, point: int, key: str) -> np.random.Generator:
    """Return the random numbers of one setting of one point; they depend on nothing else."""
    return np.random.default_rng([plan.options.sampler_seed, point, zlib.crc32(key.encode())])


def _drawn(dimension: Dimension, random: np.random.Generator) -> Any:
    if not isinstance(dimension, Reals):
        return _encoded(dimension.value(int(random.integers(dimension.count))))
    if dimension.log:
        ends = math.log(dimension.low), math.log(dimension.high)
        value = math.exp(random.uniform(*ends))
    else:
        value = random.uniform(dimension.low, dimension.high)
    return min(max(value, dimension.low), dimension.high)
