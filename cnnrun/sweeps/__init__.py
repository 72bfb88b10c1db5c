"""Sweeps: many trainings that differ in a few settings, by many processes on many machines."""

from cnnrun.sweeps.api import carry_out, find_sweep, join_sweep, start_sweep, sweep
from cnnrun.sweeps.page import write_sweep_report
from cnnrun.sweeps.status import SweepStatus, importance_of, status_of
from cnnrun.sweeps.study import Sweep

__all__ = [
    "Sweep",
    "SweepStatus",
    "carry_out",
    "find_sweep",
    "importance_of",
    "join_sweep",
    "start_sweep",
    "status_of",
    "sweep",
    "write_sweep_report",
]
