"""The layer or loss that a function written elsewhere should be, in the user's own layout.

`--like conv2d` holds the forward too against ours, on the same numbers, and lets a wrong gradient
be compared with the usual mistakes of that layer. What the options leave open (filters, stride)
is read off the shapes and the constants.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from cnnrun.config.loading import read_layer
from cnnrun.config.source import parse_source
from cnnrun.engine import LAYERS, LOSSES, Layer, LayerConfig, Loss
from cnnrun.errors import ConfigError
from cnnrun.foreign.inputs import Input
from cnnrun.gradcheck.points.options import takes

__all__ = ["Model", "resolve_like"]

Model = LayerConfig | Loss

WORDS = {
    "stride": ("stride", "strides"),
    "padding": ("pad", "padding"),
    "dilation": ("dilation",),
    "epsilon": ("eps", "epsilon"),
    "negative_slope": ("alpha", "slope", "negative_slope"),
    "groups": ("groups",),
}
"""What constants call the options of our layers."""


def resolve_like(like: Any, inputs: Mapping[str, Input], constants: Mapping[str, Any]) -> Model:
    """Return the options of the layer, or the loss, that `like` names.

    Args:
        like: a registered name, text `NAME: {OPTION: VALUE}`, options, a layer, or a loss.
        inputs: of the function, whose shapes tell filters and sizes.
        constants: of the function, which often tell stride and padding.

    Raises:
        ConfigError: there is no such layer or loss, or an option is wrong or cannot be told.
    """
    if isinstance(like, Layer):
        own: LayerConfig = like.config
        return own
    if isinstance(like, LayerConfig | Loss):
        return like
    if isinstance(like, type) and issubclass(like, Loss):
        return like()
    if isinstance(like, type) and issubclass(like, Layer):
        like = like.type_name
    if not isinstance(like, str):
        raise ConfigError(f"like: a layer or a loss is expected, not a {type(like).__name__}")
    tree = parse_source(like, "--like").tree
    if isinstance(tree, str) and tree in LOSSES:
        return LOSSES.get(tree)()
    if isinstance(tree, Mapping) and len(tree) == 1 and next(iter(tree)) in LOSSES:
        ((name, options),) = tree.items()
        return LOSSES.get(name)(**(options or {}))
    name, options = (tree, {}) if isinstance(tree, str) else next(iter(tree.items()), ("", {}))
    if name not in LAYERS:
        known = ", ".join([*LAYERS, *LOSSES])
        raise ConfigError(f"--like {like}: there is no layer or loss {name}; there are {known}")
    guessed = _guess(LAYERS.get(name).Config, inputs, constants)
    options = {**guessed, **(options if isinstance(options, Mapping) else {})}
    written = ", ".join(f"{key}: {_written(value)}" for key, value in options.items())
    return read_layer(f"{name}: {{{written}}}" if written else name, "--like")


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_number(value: Any) -> bool:
    """Return whether a value is an array or NumPy scalar of one number, as a program is handed."""
    return isinstance(value, np.ndarray | np.generic) and value.ndim == 0


def _guess(
    config: type[LayerConfig], inputs: Mapping[str, Input], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Return options that shapes and constants tell."""
    flat: dict[str, Any] = {}
    for name, value in constants.items():
        flat.update(value if isinstance(value, Mapping) else {name: value})
    plain = {
        str(key).lower().rpartition(".")[2]: value.item() if _is_number(value) else value
        for key, value in flat.items()
    }
    guessed: dict[str, Any] = {}
    for option, words in WORDS.items():
        values = [plain[word] for word in words if word in plain]
        is_number = values and isinstance(values[0], int | float | list | tuple)
        if is_number and takes(config, option, values[0]):
            guessed[option] = values[0]
    if takes(config, "pool_size", 2):
        sides = [plain.get(f"pool_{side}", plain.get("f")) for side in ("height", "width")]
        sides = [side for side in sides if side is not None] or [plain.get("pool_size")]
        if sides[0] is not None:
            guessed["pool_size"] = list(sides) if len(sides) == 2 else sides[0]
    shapes = [one.shape for one in list(inputs.values())[1:] if one.has_gradient]
    images = next(iter(inputs.values())).shape if inputs else ()
    fields = {field.name for field in dataclasses.fields(config)}
    if "kernel_size" in fields and shapes and len(shapes[0]) == 4:
        w = shapes[0]
        is_hwio = len(images) == 4 and w[2] == images[3] and w[1] != images[1]
        guessed["kernel_size"] = list(w[:2] if is_hwio else w[2:])
        if "filters" in fields:
            guessed["filters"] = w[3] if is_hwio else w[0]
    if "units" in fields and shapes and len(shapes[0]) == 2:
        is_right_way = shapes[0][0] == prod(images[1:])
        guessed["units"] = shapes[0][1] if is_right_way else shapes[0][0]
    if "use_bias" in fields and len(shapes) == 1:
        guessed["use_bias"] = False
    return guessed
