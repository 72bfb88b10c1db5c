"""Measures training steps: how long, where the time goes, and how PyTorch does the same."""

from cnnrun.bench.api import AGREEMENT, Benchmark, bench
from cnnrun.bench.measure import Result

__all__ = ["AGREEMENT", "Benchmark", "Result", "bench"]
