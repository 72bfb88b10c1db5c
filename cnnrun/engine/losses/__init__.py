"""What training minimises."""

from cnnrun.engine.losses.base import LOSSES, Loss
from cnnrun.engine.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnrun.engine.losses.focal import Focal
from cnnrun.engine.losses.huber import Huber
from cnnrun.engine.losses.mae import MeanAbsoluteError
from cnnrun.engine.losses.mse import MeanSquaredError
from cnnrun.engine.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from cnnrun.engine.losses.weights import Classes

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "Classes",
    "Focal",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SoftmaxCrossEntropy",
]
