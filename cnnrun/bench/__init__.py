"""Measures training steps: how long, where the time goes, and how PyTorch does the same."""

from cnnrun.bench.api import AGREEMENT, Benchmark, bench
from cnnrun.bench.measure import Result
from cnnrun.bench.ranks import RanksBenchmark, RanksResult, bench_ranks

__all__ = [
    "AGREEMENT",
    "Benchmark",
    "RanksBenchmark",
    "RanksResult",
    "Result",
    "bench",
    "bench_ranks",
]
