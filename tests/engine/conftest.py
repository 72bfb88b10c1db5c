"""Runs every test of the engine with every variant of its kernels, also in float64."""

import importlib.util

import pytest

from cnnrun.engine import Context
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.kernels.convolution import METHODS

VARIANTS = [*sorted(METHODS), *(["compiled"] if importlib.util.find_spec("numba") else [])]


@pytest.fixture(autouse=True, params=VARIANTS)
def convolution_method(request, monkeypatch):
    """Force a method on all convolutions whose geometry it can do, or compiled kernels on all."""
    compiled = request.param == "compiled"
    if not compiled:
        monkeypatch.setattr(Context, "method", request.param)
    monkeypatch.setenv(accelerated.SWITCH, "auto" if compiled else "numpy")
    accelerated.kernels.cache_clear()
    assert (accelerated.kernels() is not None) == compiled
    yield "auto" if compiled else request.param
    accelerated.kernels.cache_clear()
