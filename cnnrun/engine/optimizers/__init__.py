"""How parameters move along their gradients."""

from cnnrun.engine.optimizers.adagrad import Adagrad
from cnnrun.engine.optimizers.adam import Adam
from cnnrun.engine.optimizers.adamw import AdamW
from cnnrun.engine.optimizers.base import OPTIMIZERS, Optimizer
from cnnrun.engine.optimizers.rmsprop import RMSprop
from cnnrun.engine.optimizers.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
