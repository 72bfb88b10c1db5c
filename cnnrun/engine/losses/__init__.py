"""What training minimises."""

from cnnrun.engine.losses.base import LOSSES, Loss
from cnnrun.engine.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnrun.engine.losses.huber import Huber
from cnnrun.engine.losses.mae import MeanAbsoluteError
from cnnrun.engine.losses.mse import MeanSquaredError
from cnnrun.engine.losses.softmax_cross_entropy import SoftmaxCrossEntropy

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SoftmaxCrossEntropy",
]
