"""PyTorch's modules for our layers, and small modules for what it has no module for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnrun.engine import Layer
from cnnrun.engine.types import Array
from cnnrun.errors import ShapeError

__all__ = [
    "add",
    "beside",
    "crop_to",
    "elementwise",
    "permutation",
    "pool",
    "reordering",
    "sides",
    "torch_nn",
    "upsample",
]


def torch_nn() -> Any:
    """Return `torch.nn`, imported only now."""
    import torch

    return torch.nn


def sides(window: Any) -> tuple[int, int, int, int]:
    """Return padding as PyTorch's modules take it: left, right, top, bottom."""
    return window.before[1], window.after[1], window.before[0], window.after[0]


def pool(layer: Layer) -> Any:
    """Return the counterpart of a pooling layer.

    Raises:
        ShapeError: there is none for uneven padding that is left out of an average.
    """
    nn, window = torch_nn(), layer.window  # type: ignore[attr-defined]
    even, half = window.before == window.after, [size // 2 for size in window.kernel]
    fits = even and all(pad <= most for pad, most in zip(window.before, half, strict=True))
    padding = window.before if fits else (0, 0)
    if layer.type_name == "max_pool2d":
        module = nn.MaxPool2d(window.kernel, window.stride, padding)
        lowest = float("-inf")
        return module if fits else nn.Sequential(nn.ConstantPad2d(sides(window), lowest), module)
    counted = layer.config.count_padding
    if not fits and not counted:
        raise ShapeError("PyTorch has no avg_pool2d that leaves uneven padding out of the average")
    module = nn.AvgPool2d(window.kernel, window.stride, padding, count_include_pad=counted)
    return module if fits else nn.Sequential(nn.ZeroPad2d(sides(window)), module)


def upsample(layer: Layer) -> Any:
    """Return the counterpart of an upsampling layer."""
    factor, method = layer.factor, layer.config.method  # type: ignore[attr-defined]
    aligned = {"align_corners": False} if method == "bilinear" else {}
    return torch_nn().Upsample(scale_factor=factor, mode=method, **aligned)


def elementwise(layer: Layer, name: str) -> Any:
    """Return the counterpart of a layer without parameters.

    Raises:
        ShapeError: there is none.
    """
    nn, config = torch_nn(), layer.config
    makers: dict[str, Callable[[], Any]] = {
        "relu": nn.ReLU,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "silu": nn.SiLU,
        "leaky_relu": lambda: nn.LeakyReLU(config.negative_slope),
        "elu": lambda: nn.ELU(config.alpha),
        "gelu": lambda: nn.GELU(config.approximate),
        "softplus": lambda: nn.Softplus(config.beta),
        "softmax": lambda: nn.Softmax(1),
        "dropout": lambda: nn.Dropout(config.rate),
    }
    if layer.type_name not in makers:
        raise ShapeError(
            f"{layer.type_name} ({name}) has no counterpart in PyTorch to compare with"
        )
    return makers[layer.type_name]()


def reordering(order: Array) -> Any:
    """Return a module that reorders a vector's values."""
    import torch

    index = torch.from_numpy(order)
    return _function(lambda x: x[:, index])


def permutation(*axes: int) -> Any:
    """Return a module that exchanges axes."""
    return _function(lambda x: x.permute(*axes))


def add(one: Any, two: Any) -> Any:
    """Return a module that adds what two others make of the same input."""
    return _joined(one, two, lambda a, b: a + b)


def beside(one: Any, two: Any) -> Any:
    """Return a module that puts the channels of two others, made of the same input, in a row."""
    import torch

    return _joined(one, two, lambda a, b: torch.cat((a, b), dim=1))


def _joined(one: Any, two: Any, join: Callable[[Any, Any], Any]) -> Any:
    import torch

    class Joined(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = one, two

        def forward(self, x: Any) -> Any:
            return join(self.one(x), self.two(x))

    return Joined()


def crop_to(before: tuple[int, int], size: tuple[int, int], filters: int) -> Any:
    """Return a module that cuts an image out of a larger one, and adds a bias afterwards."""
    import torch

    class Crop(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.zeros(filters)) if filters else None

        def forward(self, x: Any) -> Any:
            x = x[:, :, before[0] : before[0] + size[0], before[1] : before[1] + size[1]]
            missing = (0, size[1] - x.shape[3], 0, size[0] - x.shape[2])  # that no window reaches
            x = torch.nn.functional.pad(x, missing)
            return x if self.bias is None else x + self.bias.reshape(1, -1, 1, 1)

    return Crop()


def _function(function: Callable[[Any], Any]) -> Any:
    import torch

    class Function(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return function(x)

    return Function()
