"""The explanations that all tests of them are run on."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from cnnrun.engine import Network
from cnnrun.engine.layers import Conv2D, Dense, Flatten, ReLU
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.explain import explain

CASES = {
    "lecture": ("conv2d", {"input": (3, 3, 1), "filter": (2, 2)}),
    "stride": ("conv2d", {"input": 5, "filter": 3, "stride": (2, 2)}),
    "left over": ("conv2d", {"input": (4, 6), "filter": (3, 2), "stride": (2, 3)}),
    "padding": ("conv2d", {"padding": 1}),
    "same": ("conv2d", {"input": (4, 3), "padding": "same", "stride": (2, 1)}),
    "dilation": ("conv2d", {"input": (5, 4), "dilation": 2}),
    "all at once": (
        "conv2d", {"input": (6, 5), "stride": (2, 1), "padding": (1, 2), "dilation": (2, 1)}
    ),
    "channels": ("conv2d", {"input": (3, 3, 2), "filters": 2}),
    "groups": ("conv2d", {"input": (3, 3, 4), "filters": 2, "groups": 2}),
    "wide": ("conv2d", {"input": (1, 12), "filter": (1, 11)}),
    "max": ("max_pool2d", {}),
    "overlapping max": ("max_pool2d", {"input": (4, 4, 2), "pool_size": 3, "stride": 1}),
    "padded max": ("max_pool2d", {"input": (4, 5), "pool_size": 3, "stride": 2, "padding": 1}),
    "average": ("avg_pool2d", {"input": (4, 4), "pool_size": (2, 2)}),
    "overlapping average": ("avg_pool2d", {"input": 5, "pool_size": 3, "stride": 2}),
    "edge average": (
        "avg_pool2d", {"pool_size": 3, "stride": 2, "padding": 1, "count_padding": False}
    ),
    "gaps": ("avg_pool2d", {"input": 5, "stride": 3}),
    "dense": ("dense", {}),
    "wide dense": ("dense", {"input": 12, "units": 2}),
}  # fmt: skip


FUNCTIONS = {
    "relu": ("relu", {}),
    "one relu": ("relu", {"input": 1}),
    "sigmoid": ("sigmoid", {}),
    "softmax": ("softmax", {}),
    "wide softmax": ("softmax", {"input": 5}),
    "softmax cross entropy": ("softmax_cross_entropy", {}),
    "two classes": ("softmax_cross_entropy", {"classes": 2}),
    "batch norm": ("batch_norm", {}),
    "large batch": ("batch_norm", {"samples": 9}),
}
each_layer = pytest.mark.parametrize("name", CASES)
each_function = pytest.mark.parametrize("name", FUNCTIONS)
each_case = pytest.mark.parametrize("name", CASES | FUNCTIONS)


def make(name, **options):
    """Return the explanation of that name."""
    kind, geometry = (CASES | FUNCTIONS)[name]
    return explain(kind, **geometry, **options)


def network_with_loss():
    """Return a small network with a loss, as `explain` takes them."""
    layers = [Conv2D.Config(2, 2), ReLU.Config(), Flatten.Config(), Dense.Config(3)]
    return {"network": Network(layers, (4, 4, 1)), "loss": SoftmaxCrossEntropy()}


class Page(HTMLParser):
    """Collects tags, and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        self.fetched += [v for k, v in given.items() if k in ("src", "href") and v != "data:,"]
