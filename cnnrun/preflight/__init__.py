"""What is looked at before a training: whether it can learn at all, and which rate suits it."""

from cnnrun.preflight.api import check, check_run
from cnnrun.preflight.rates import RateTest, tune_rate
from cnnrun.preflight.result import Preflight, Row

__all__ = ["Preflight", "RateTest", "Row", "check", "check_run", "tune_rate"]
