"""The lecture for any geometry: equations generated from the layer, never typed in."""

from cnnrun.explain.convolution import explain_conv2d
from cnnrun.explain.dense import explain_dense
from cnnrun.explain.document import Equation, Explanation, Section
from cnnrun.explain.numbers import add_numbers, array_shapes, draw
from cnnrun.explain.pooling import explain_pooling
from cnnrun.explain.rendering import FORMATS, render, to_document

__all__ = [
    "FORMATS",
    "Equation",
    "Explanation",
    "Section",
    "add_numbers",
    "array_shapes",
    "draw",
    "explain_conv2d",
    "explain_dense",
    "explain_pooling",
    "render",
    "to_document",
]
