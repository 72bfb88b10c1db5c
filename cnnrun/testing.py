"""For authors of layers: a check to call in a test of their own."""

from __future__ import annotations

from cnnrun.engine import Layer, LayerConfig
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import GradientError, UnresolvedError
from cnnrun.gradcheck import Report, check

__all__ = ["check_layer"]


def check_layer(
    layer: Layer | type[Layer] | LayerConfig | str,
    input_shape: Shape | None = None,
    *,
    x: Array | None = None,
    seed: int = 0,
    budget: int | None = None,
) -> Report:
    """Raise unless a layer keeps the protocol and all its gradients are right.

    In a test with pytest:

        def test_my_layer():
            check_layer(MyLayer.Config(slope=0.1), input_shape=(8, 8, 3))

    Args:
        layer: its class, its options, its registered name, or itself.
        input_shape: of one sample; by default several shapes are tried.
        x: `(N, *input_shape)`, an input to check it at, besides random ones.
        seed: what all random numbers derive from.
        budget: the most forward passes; above it elements are sampled.

    Returns:
        The report of a check that has passed.

    Raises:
        GradientError: a gradient is wrong; the message is the report's.
        UnresolvedError: a tensor has no element whose derivative could be told.
        ConfigError: nothing is known of how to build such a layer.
        ShapeError: the layer does not fit `input_shape`.
    """
    __tracebackhide__ = True  # pytest then shows the line that called
    report = check(layer, x, input_shape=input_shape, seed=seed, budget=budget)
    if report.verdict == "fail":
        raise GradientError(repr(report))
    if report.verdict == "unresolved":
        raise UnresolvedError(repr(report))
    return report
