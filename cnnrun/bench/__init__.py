"""Measures training steps: how long, where the time goes, and how PyTorch does the same."""

from cnnrun.bench.machine import describe_machine
from cnnrun.bench.measure import AGREEMENT, ExperimentFile, Result, bench

__all__ = ["AGREEMENT", "ExperimentFile", "Result", "bench", "describe_machine"]
