"""The lecture for any geometry: equations generated from the layer, never typed in."""

from cnnrun.inspection.explain.convolution import explain_conv2d
from cnnrun.inspection.explain.dense import explain_dense
from cnnrun.inspection.explain.document import Equation, Explanation, Section
from cnnrun.inspection.explain.numbers import add_numbers, array_shapes, draw
from cnnrun.inspection.explain.pooling import explain_pooling
from cnnrun.inspection.explain.rendering import FORMATS, render, to_document

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
