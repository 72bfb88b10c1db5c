"""What listens to a training: each writes one thing down and knows nothing of the others."""

from cnnrun.runs.observers.checkpoint import CheckpointWriter
from cnnrun.runs.observers.digests import DigestLog
from cnnrun.runs.observers.layers import LayerLog
from cnnrun.runs.observers.log import EpochLog
from cnnrun.runs.observers.plots import CurvePlotter
from cnnrun.runs.observers.record import RecordWriter
from cnnrun.runs.observers.table import ResultsTable

__all__ = [
    "CheckpointWriter",
    "CurvePlotter",
    "DigestLog",
    "EpochLog",
    "LayerLog",
    "RecordWriter",
    "ResultsTable",
]
