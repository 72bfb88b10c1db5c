"""The lecture for any geometry: equations generated from the layer, never typed in."""

from cnnrun.explain.api import Kind, explain
from cnnrun.explain.document import Equation, Explanation, Matrix, Section, Statement, Takeaway
from cnnrun.explain.rendering import FORMATS

__all__ = [
    "FORMATS",
    "Equation",
    "Explanation",
    "Kind",
    "Matrix",
    "Section",
    "Statement",
    "Takeaway",
    "explain",
]
