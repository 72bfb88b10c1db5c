"""A pair of functions with its inputs: from flags, from `GRADCHECK` in the file, or from YAML.

    GRADCHECK = {"forward": conv_forward, "backward": conv_backward,
                 "inputs": {"x": "4x3x7x7", "w": "2x3x3x3", "b": "2"},
                 "constants": {"conv_param": {"stride": 1, "pad": 1}}}

Several checks of one file have names: `GRADCHECK = {"conv": {...}, "pool": {...}}`, `hw.py:conv`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnrun.config.source import read_source
from cnnrun.errors import ConfigError
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.inputs import Input, read_inputs
from cnnrun.foreign.loading import attribute, load_file, split_place
from cnnrun.foreign.pairs import PairFunction

__all__ = ["KEYS", "open_pair", "open_table", "pair_function", "table_of"]

TABLE = "GRADCHECK"

KEYS = ("forward", "backward", "inputs", "constants", "no_gradient", "like", "layout")
"""Of a table."""

Opened = tuple[ForeignFunction, dict[str, Input]]


def pair_function(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
    *,
    no_gradient: Sequence[str] = (),
    where: str = "",
) -> Opened:
    """Return a pair of functions as what can be checked, and what its inputs are drawn from.

    Args:
        forward: takes inputs and constants.
        backward: its backward; None for a function that returns (value, gradients).
        inputs: by name: sizes, text such as `4x3` or `10:0..9`, or arrays.
        constants: by name.
        no_gradient: inputs for which backward gives no gradient.
        where: the file, for the report's heading.

    Raises:
        ConfigError: inputs or constants do not fit.
    """
    own = read_inputs(inputs)
    unknown = [name for name in no_gradient if name not in own]
    if unknown:
        raise ConfigError(f"--no-gradient {unknown[0]}: the inputs are {', '.join(own)}")
    both = [name for name in own if name in (constants or {})]
    if both:
        raise ConfigError(f"{both[0]} is given as an input and as a constant")
    checked = [n for n, i in own.items() if i.has_gradient and n not in no_gradient]
    if not checked:
        raise ConfigError(f"none of the inputs {', '.join(own)} has a gradient: integers have none")
    return PairFunction(forward, backward, list(own), checked, constants, where=where), own


def open_pair(
    place: str,
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    *,
    no_gradient: Sequence[str] = (),
) -> tuple[Opened, dict[str, Any]]:
    """Return what `FILE:FORWARD,BACKWARD`, `FILE:FUNCTION`, `FILE` or `FILE:NAME` means.

    Where no functions are named, or the name is one of its table, the file's own `GRADCHECK` says
    the rest; flags go before it. The second value is what the table says besides, such as `like`.

    Raises:
        ConfigError: the file, a name or the table is not as it should be.
    """
    path, names = split_place(place)
    if path.suffix in (".yaml", ".yml"):
        return _open_yaml(path, names, inputs, constants, no_gradient)
    module = load_file(path)
    table = table_of(getattr(module, TABLE, None), names, path)
    if table is not None:
        return open_table(table, module, path, inputs, constants, no_gradient)
    if not names:
        raise ConfigError(_no_names(module, path))
    if len(names) > 2:
        raise ConfigError(f"{place}: name one function, or two: FILE:FORWARD,BACKWARD")
    functions = [_function(module, name, path) for name in names]
    if not inputs:
        raise ConfigError(
            f"{names[0]} needs inputs: give --input NAME=SIZES for each, as in --input x=4x3x7x7, "
            f"or a table {TABLE} in {path.name}"
        )
    backward = functions[1] if len(functions) > 1 else None
    opened = pair_function(
        functions[0], backward, inputs, constants, no_gradient=no_gradient, where=path.name
    )
    return opened, {}


def _open_yaml(
    path: Path,
    names: Sequence[str],
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    no_gradient: Sequence[str],
) -> tuple[Opened, dict[str, Any]]:
    """Return the check that a YAML file describes: a table, with the Python file as `file`."""
    tree = read_source(path).tree
    if not isinstance(tree, Mapping) or not isinstance(tree.get("file"), str):
        raise ConfigError(f"{path}: expected a mapping with file: FILE.py, forward:, inputs:")
    python = path.parent / tree["file"]
    if not python.is_file():
        raise ConfigError(f"{path}: file: there is no {python}")
    tables = {key: value for key, value in tree.items() if key != "file"}
    table = table_of(tables, names, path)
    if table is None:
        raise ConfigError(f"{path}: it has no check {', '.join(names)}; it has {', '.join(tables)}")
    return open_table(table, load_file(python), python, inputs, constants, no_gradient)


def table_of(tables: Any, names: Sequence[str], path: Path) -> Mapping[str, Any] | None:
    """Return the table that is meant, if one is.

    Raises:
        ConfigError: it cannot be told which one, or it is no table.
    """
    if tables is None or len(names) > 1:
        return None
    if not isinstance(tables, Mapping):
        raise ConfigError(f"{path.name}: {TABLE} is a {type(tables).__name__}, not a dict")
    if "forward" in tables:
        return tables if not names else None
    if not names:
        if len(tables) == 1:
            names = list(tables)
        raise ConfigError(f"{path}: name one of its checks, as in {path}:{next(iter(tables), '')}")
    own = tables.get(names[0])
    return own if isinstance(own, Mapping) else None


def open_table(
    table: Mapping[str, Any],
    module: ModuleType,
    path: Path,
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    no_gradient: Sequence[str],
) -> tuple[Opened, dict[str, Any]]:
    """Return the check that a table describes; what is given besides goes before it.

    Raises:
        ConfigError: a key is unknown or missing.
    """
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"{path.name}: {TABLE} has the unknown key {key}{guess} It takes {', '.join(KEYS)}"
            )
    for key in ("inputs", "constants"):
        if not isinstance(table.get(key, {}), Mapping):
            raise ConfigError(f"{path.name}: {TABLE}: {key} has to be a mapping from names")
    functions = [
        _function(module, value, path) if isinstance(value, str) else value
        for value in (table.get("forward"), table.get("backward"))
    ]
    if not callable(functions[0]):
        raise ConfigError(f"{path.name}: {TABLE} names no forward function")
    without = table.get("no_gradient", ())
    opened = pair_function(
        functions[0],
        functions[1],
        {**table.get("inputs", {}), **inputs},
        {**table.get("constants", {}), **constants},
        no_gradient=[*((without,) if isinstance(without, str) else without), *no_gradient],
        where=path.name,
    )
    return opened, {key: table[key] for key in ("like", "layout") if key in table}


def _function(module: ModuleType, name: str, path: Path) -> Callable[..., Any]:
    function = attribute(module, name, path)
    if not callable(function):
        raise ConfigError(f"{path.name}: {name} is a {type(function).__name__}, not a function")
    return function  # type: ignore[no-any-return]


def _no_names(module: ModuleType, path: Path) -> str:
    """Return what to write after the file's name, from the names of its functions."""
    own = [name for name, value in vars(module).items() if callable(value)]
    pairs = [
        f"{path}:{name},{name.replace('forward', 'backward')}"
        for name in own
        if "forward" in name and name.replace("forward", "backward") in own
    ]
    if pairs:
        return f"{path}: which functions? It has {' and '.join(pairs[:4])}"
    return f"{path}: which functions? Write {path}:FORWARD,BACKWARD"
