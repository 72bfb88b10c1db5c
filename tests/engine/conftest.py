"""Runs every test of the engine with every variant of its kernels, also in float64."""

import importlib.util

import pytest

from cnnrun.engine.kernels import accelerated
from cnnrun.engine.kernels.convolution import METHODS, Convolution

plan = Convolution.plan
VARIANTS = [*sorted(METHODS), *(["compiled"] if importlib.util.find_spec("numba") else [])]


@pytest.fixture(autouse=True, params=VARIANTS)
def convolution_method(request, monkeypatch):
    """Force a method on all convolutions whose geometry it can do, or compiled kernels on all."""
    compiled = request.param == "compiled"
    method = "auto" if compiled else request.param
    monkeypatch.setattr(Convolution, "plan", lambda *args: plan(*args[:4], method))
    monkeypatch.setenv(accelerated.SWITCH, "auto" if compiled else "numpy")
    accelerated.kernels.cache_clear()
    assert (accelerated.kernels() is not None) == compiled
    yield method
    accelerated.kernels.cache_clear()


@pytest.fixture
def choose():
    """Return how the engine itself chooses a method."""
    return plan
