"""Runs every test of the engine with each way to compute a convolution, also in float64."""

import pytest

from cnnrun.engine.kernels.convolution import METHODS, Convolution

plan = Convolution.plan


@pytest.fixture(autouse=True, params=sorted(METHODS))
def convolution_method(request, monkeypatch):
    """Force a method on all convolutions whose geometry it can do."""
    monkeypatch.setattr(Convolution, "plan", lambda *args: plan(*args[:4], request.param))
    return request.param


@pytest.fixture
def choose():
    """Return how the engine itself chooses a method."""
    return plan
