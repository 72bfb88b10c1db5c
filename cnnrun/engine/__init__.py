"""The backprop engine: layers, losses and optimizers in NumPy. It knows no file and no screen."""

from cnnrun.engine import layers
from cnnrun.engine.context import Context, Pass
from cnnrun.engine.execution.executor import Executor, StepResult
from cnnrun.engine.execution.nonfinite import (
    NonFinite,
    find_nonfinite,
    find_nonfinite_prediction,
    find_nonfinite_state,
)
from cnnrun.engine.execution.pace import Pace
from cnnrun.engine.execution.protocol import Ranks
from cnnrun.engine.execution.ranked import RankedExecutor
from cnnrun.engine.execution.shards import usual_size
from cnnrun.engine.execution.shares import own_samples
from cnnrun.engine.initializers import INITIALIZERS, Initializer
from cnnrun.engine.layer import LAYERS, Build, Layer, LayerConfig
from cnnrun.engine.losses import LOSSES, Loss
from cnnrun.engine.network import Network
from cnnrun.engine.optimizers import OPTIMIZERS, Optimizer
from cnnrun.engine.schedules import SCHEDULES, Clock, Schedule
from cnnrun.engine.summary import LayerSummary, NetworkSummary, summarize

__all__ = [
    "INITIALIZERS",
    "LAYERS",
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Build",
    "Clock",
    "Context",
    "Executor",
    "Initializer",
    "Layer",
    "LayerConfig",
    "LayerSummary",
    "Loss",
    "Network",
    "NetworkSummary",
    "NonFinite",
    "Optimizer",
    "Pace",
    "Pass",
    "RankedExecutor",
    "Ranks",
    "Schedule",
    "StepResult",
    "find_nonfinite",
    "find_nonfinite_prediction",
    "find_nonfinite_state",
    "layers",
    "own_samples",
    "summarize",
    "usual_size",
]
