"""The table of mistakes, as real students make them: `MISTAKES`, from the modules `wrong_*.py`."""

from __future__ import annotations

from homework import (
    wrong_activations,
    wrong_convolution,
    wrong_dense,
    wrong_hidden,
    wrong_losses,
    wrong_normalisation,
    wrong_pooling,
    wrong_sequences,
)
from homework.entries import Mistake

__all__ = ["MISTAKES"]

MODULES = (
    wrong_dense,
    wrong_activations,
    wrong_convolution,
    wrong_pooling,
    wrong_normalisation,
    wrong_losses,
    wrong_sequences,
    wrong_hidden,
)
MISTAKES = [
    entry for module in MODULES for entry in vars(module).values() if isinstance(entry, Mistake)
]
