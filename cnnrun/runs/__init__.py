"""Training and trained networks: the loop, its events, checkpoints, the run folder, the model."""

from cnnrun.runs.comparison import Comparison, compare_runs
from cnnrun.runs.environment import default_workers
from cnnrun.runs.evaluation import Evaluation, evaluate
from cnnrun.runs.folder import Run, claim_run, find_run, list_runs
from cnnrun.runs.model import Model, load_model
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest, stop_on_signals
from cnnrun.runs.training import train, train_events

__all__ = [
    "Comparison",
    "Evaluation",
    "Model",
    "Run",
    "Session",
    "StopRequest",
    "claim_run",
    "compare_runs",
    "default_workers",
    "evaluate",
    "find_run",
    "list_runs",
    "load_model",
    "resume_run",
    "start_run",
    "stop_on_signals",
    "train",
    "train_events",
]
