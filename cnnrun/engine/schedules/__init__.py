"""How the learning rate changes while training goes on."""

from cnnrun.engine.schedules.annealing import Cosine, Exponential, OneCycle
from cnnrun.engine.schedules.base import SCHEDULES, Clock, Memory, Schedule
from cnnrun.engine.schedules.plateau import ReduceOnPlateau
from cnnrun.engine.schedules.steps import Constant, MultiStep, Step

__all__ = [
    "SCHEDULES",
    "Clock",
    "Constant",
    "Cosine",
    "Exponential",
    "Memory",
    "MultiStep",
    "OneCycle",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
]
