"""Training and trained networks: the loop, its events, checkpoints, the run folder, the model."""

from cnnrun.runs.comparison import Comparison, compare
from cnnrun.runs.curves import plot_runs
from cnnrun.runs.environment import default_workers
from cnnrun.runs.evaluation import Evaluation, evaluate
from cnnrun.runs.folder import Run, find_run, list_runs
from cnnrun.runs.following import follow
from cnnrun.runs.groups import Group, claim_group, find_group, is_group
from cnnrun.runs.keeping import export_run, remove_runs, tag_run
from cnnrun.runs.model import Model, load_model
from cnnrun.runs.mpi import join_team
from cnnrun.runs.networks import (
    NetworkSource,
    NetworkWithData,
    is_config_file,
    open_network,
    summary,
)
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.plugins import load_run
from cnnrun.runs.reproducing import reproduce
from cnnrun.runs.reproduction import Reproduction
from cnnrun.runs.seeds import group_sessions, load_group, resume_seeds, train_seeds
from cnnrun.runs.segments import Segment, run_segments
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest, ignore_signals, stop_on_signals
from cnnrun.runs.team import RankedTeam, Team
from cnnrun.runs.training import resume, train, train_events

__all__ = [
    "Comparison",
    "Evaluation",
    "Group",
    "Model",
    "NetworkSource",
    "NetworkWithData",
    "RankedTeam",
    "Reproduction",
    "Run",
    "Segment",
    "Session",
    "StopRequest",
    "Team",
    "claim_group",
    "compare",
    "default_workers",
    "evaluate",
    "export_run",
    "find_group",
    "find_run",
    "follow",
    "group_sessions",
    "ignore_signals",
    "is_config_file",
    "is_group",
    "join_team",
    "list_runs",
    "load_group",
    "load_model",
    "load_run",
    "open_network",
    "plot_runs",
    "remove_runs",
    "reproduce",
    "resume",
    "resume_run",
    "resume_seeds",
    "run_segments",
    "start_run",
    "stop_on_signals",
    "summary",
    "tag_run",
    "train",
    "train_events",
    "train_seeds",
]
