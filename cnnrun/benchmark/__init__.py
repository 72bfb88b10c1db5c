"""Measures training steps: how long, where the time goes, and how PyTorch does the same."""

from cnnrun.benchmark.bench import AGREEMENT, Result, Source, bench
from cnnrun.benchmark.machine import describe_machine

__all__ = ["AGREEMENT", "Result", "Source", "bench", "describe_machine"]
