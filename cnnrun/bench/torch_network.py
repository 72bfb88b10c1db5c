"""Builds one of our networks in PyTorch, with the same weights, to compare with.

PyTorch keeps images as channels x height x width. Filters are transposed for it, and so are the
weights that follow a `flatten`, whose values come in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cnnrun.bench.torch_modules import (
    add,
    beside,
    crop_to,
    elementwise,
    permutation,
    pool,
    reordering,
    sides,
    torch_nn,
    upsample,
)
from cnnrun.engine import Layer, Network
from cnnrun.engine.types import Array, Shape

__all__ = ["Copy", "build", "to_torch"]

Order = Array | None
"""Which of our values stands at each place of PyTorch's vector; None where the order is ours."""


@dataclass(frozen=True)
class Copy:
    """One parameter in both engines.

    Attributes:
        name: ours.
        parameter: PyTorch's.
        back: converts an array in PyTorch's layout into ours.
    """

    name: str
    parameter: Any
    back: Callable[[Array], Array]


def to_torch(images: Array) -> Array:
    """Return `(N, H, W, C)` as `(N, C, H, W)`; vectors as they are."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if images.ndim == 4 else images


def build(network: Network) -> tuple[Any, list[Copy]]:
    """Return the network as a `torch.nn.Module`, and its parameters beside ours.

    Raises:
        ShapeError: a layer has no counterpart there.
    """
    builder = _Builder()
    module, order = builder.sequence(network.layers, "", None)
    if order is not None:  # the network ends in the values of an image
        module = torch_nn().Sequential(module, reordering(np.argsort(order)))
    return module, builder.copies


class _Builder:
    """Builds PyTorch's module for each layer, and notes which parameter is a copy of which."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []

    def sequence(self, layers: Mapping[str, Layer], prefix: str, order: Order) -> tuple[Any, Order]:
        modules = []
        for name, layer in layers.items():
            module, order = self.one(layer, prefix + name, order)
            modules.append(module)
        return torch_nn().Sequential(*modules), order

    def one(self, layer: Layer, name: str, order: Order) -> tuple[Any, Order]:
        kind = layer.type_name
        if kind == "flatten":
            return torch_nn().Flatten(), _flattened(layer.input_shape, order)
        if kind == "dense":
            return self._dense(layer, name, order), None
        if kind in ("residual", "concat"):
            return self._two_paths(layer, name, order)
        if kind == "global_avg_pool2d":
            average = torch_nn().AdaptiveAvgPool2d(1)
            return torch_nn().Sequential(average, torch_nn().Flatten()), None
        if kind in ("conv2d", "depthwise_conv2d", "conv2d_transpose"):
            return self._convolution(layer, name), None
        if kind in ("max_pool2d", "avg_pool2d"):
            return pool(layer), None
        if kind == "upsample2d":
            return upsample(layer), None
        if kind in ("batch_norm", "layer_norm"):
            return self._norm(layer, name, order), order
        return elementwise(layer, name), order

    def _copy(self, name: str, parameter: Any, ours: Array, there: Callable[[Array], Array],
              back: Callable[[Array], Array]) -> None:  # fmt: skip
        import torch

        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(there(ours))))
        self.copies.append(Copy(name, parameter, back))

    def _bias(self, name: str, layer: Layer, module: Any) -> None:
        if "b" in layer.params:
            self._copy(f"{name}/b", module.bias, layer.params["b"], np.copy, np.copy)

    def _dense(self, layer: Layer, name: str, order: Order) -> Any:
        inputs, units = layer.params["w"].shape
        module = torch_nn().Linear(inputs, units, bias="b" in layer.params)
        order = np.arange(inputs) if order is None else order
        back = np.argsort(order)
        self._copy(
            f"{name}/w", module.weight, layer.params["w"],
            lambda w: w[order].T, lambda w: w.T[back],
        )  # fmt: skip
        self._bias(name, layer, module)
        return module

    def _convolution(self, layer: Layer, name: str) -> Any:
        nn, window = torch_nn(), layer.window  # type: ignore[attr-defined]
        w, kind = layer.params["w"], layer.type_name
        has_bias, even = "b" in layer.params, window.before == window.after
        options = {"stride": window.stride, "dilation": window.dilation, "bias": has_bias}
        channels, (high, wide) = layer.input_shape[2], w.shape[:2]
        if kind == "conv2d_transpose":
            return self._transposed(layer, name, options)
        padding = window.before if even else (0, 0)
        groups = channels if kind == "depthwise_conv2d" else layer.config.groups
        filters = layer.output_shape[2]
        module = nn.Conv2d(
            channels, filters, (high, wide), padding=padding, groups=groups, **options
        )
        if kind == "depthwise_conv2d":  # (KH, KW, C, M) and (C*M, 1, KH, KW)
            self._copy(
                f"{name}/w", module.weight, w,
                lambda w: w.transpose(2, 3, 0, 1).reshape(filters, 1, high, wide),
                lambda v: v.reshape(channels, -1, high, wide).transpose(2, 3, 0, 1),
            )  # fmt: skip
        else:  # (KH, KW, C, F) and (F, C, KH, KW)
            self._copy(
                f"{name}/w", module.weight, w,
                lambda w: w.transpose(3, 2, 0, 1), lambda v: v.transpose(2, 3, 1, 0),
            )  # fmt: skip
        self._bias(name, layer, module)
        return module if even else nn.Sequential(nn.ZeroPad2d(sides(window)), module)

    def _transposed(self, layer: Layer, name: str, options: dict[str, Any]) -> Any:
        nn, window = torch_nn(), layer.window  # type: ignore[attr-defined]
        channels, filters = layer.input_shape[2], layer.output_shape[2]
        extra = []  # rows and columns that PyTorch would have to add
        for axis in (0, 1):
            reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1
            whole = (window.output_size[axis] - 1) * window.stride[axis] + reach
            extra.append(window.input_size[axis] + 2 * window.before[axis] - whole)
        fits = all(0 <= more < window.stride[axis] for axis, more in enumerate(extra))
        if fits:
            options |= {"padding": window.before, "output_padding": tuple(extra)}
        else:
            options["bias"] = False
        module = nn.ConvTranspose2d(channels, filters, window.kernel, **options)
        self._copy(  # (KH, KW, F, C) and (C, F, KH, KW)
            f"{name}/w", module.weight, layer.params["w"],
            lambda w: w.transpose(3, 2, 0, 1), lambda v: v.transpose(2, 3, 1, 0),
        )  # fmt: skip
        if fits:
            self._bias(name, layer, module)
            return module
        crop = crop_to(window.before, window.input_size, filters if "b" in layer.params else 0)
        self._bias(name, layer, crop)
        return nn.Sequential(module, crop)

    def _norm(self, layer: Layer, name: str, order: Order) -> Any:
        nn, config, shape = torch_nn(), layer.config, layer.input_shape
        if layer.type_name == "batch_norm":
            kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            module = kind(shape[-1], eps=config.epsilon, momentum=config.momentum)
            norm = module
        elif len(shape) == 3 and config.over == "channels":
            norm = nn.LayerNorm(shape[2], eps=config.epsilon)
            module = nn.Sequential(permutation(0, 2, 3, 1), norm, permutation(0, 3, 1, 2))
        else:
            size = (shape[2], *shape[:2]) if len(shape) == 3 else shape
            module = norm = nn.LayerNorm(size, eps=config.epsilon)
        for ours, parameter in (("gamma", norm.weight), ("beta", norm.bias)):
            values = layer.params[ours]
            there: Callable[[Array], Array] = np.copy
            back: Callable[[Array], Array] = np.copy
            if values.ndim == 3:
                there, back = _channels_first, _channels_last
            elif order is not None:
                there, back = partial(_taken, order), partial(_taken, np.argsort(order))
            self._copy(f"{name}/{ours}", parameter, values, there, back)
        return module

    def _two_paths(self, layer: Layer, name: str, order: Order) -> tuple[Any, Order]:
        branch, one = self.sequence(layer.branch.layers, f"{name}/branch/", order)  # type: ignore[attr-defined]
        shortcut, two = self.sequence(layer.shortcut.layers, f"{name}/shortcut/", order)  # type: ignore[attr-defined]
        if layer.type_name == "concat":
            return beside(branch, shortcut), _in_a_row(layer, one, two)
        if (one is None) != (two is None) or (one is not None and (one != two).any()):
            both = [
                side if at is None else torch_nn().Sequential(side, reordering(np.argsort(at)))
                for side, at in ((branch, one), (shortcut, two))
            ]
            return add(*both), None
        return add(branch, shortcut), one


def _flattened(shape: Shape, order: Order) -> Order:
    """Return the order of an image's values in PyTorch's vector."""
    if len(shape) != 3:
        return order
    return np.arange(np.prod(shape)).reshape(shape).transpose(2, 0, 1).reshape(-1)


def _in_a_row(layer: Layer, one: Order, two: Order) -> Order:
    """Return the order of a concatenation of vectors, given those of its two parts."""
    if one is None and two is None:
        return None
    first, second = (sequence.output_shape[-1] for sequence in layer.sequences().values())
    one = np.arange(first) if one is None else one
    two = np.arange(second) if two is None else two
    return np.concatenate((one, first + two))


def _taken(order: Array, values: Array) -> Array:
    return values[order]


def _channels_first(values: Array) -> Array:
    return values.transpose(2, 0, 1)


def _channels_last(values: Array) -> Array:
    return values.transpose(1, 2, 0)
