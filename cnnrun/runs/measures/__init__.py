"""How good a network is on a split, in the terms of its task: classes, labels, numbers, images."""

from cnnrun.runs.measures.base import Collector, Figures, Table
from cnnrun.runs.measures.classes import ClassFigures, Mistake
from cnnrun.runs.measures.collecting import collector
from cnnrun.runs.measures.images import ImageFigures
from cnnrun.runs.measures.labels import LabelFigures
from cnnrun.runs.measures.numbers import NumberFigures, TargetFigures

__all__ = [
    "ClassFigures",
    "Collector",
    "Figures",
    "ImageFigures",
    "LabelFigures",
    "Mistake",
    "NumberFigures",
    "Table",
    "TargetFigures",
    "collector",
]
