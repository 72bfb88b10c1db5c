"""Training: the loop, its events, checkpoints and the run directory."""

from cnnrun.runs.evaluation import Evaluation, evaluate
from cnnrun.runs.folder import Run, claim_run, find_run, list_runs
from cnnrun.runs.session import Session, resume_run, start_run
from cnnrun.runs.signals import StopRequest, stop_on_signals

__all__ = [
    "Evaluation",
    "Run",
    "Session",
    "StopRequest",
    "claim_run",
    "evaluate",
    "find_run",
    "list_runs",
    "resume_run",
    "start_run",
    "stop_on_signals",
]
