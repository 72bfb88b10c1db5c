"""Makes a `torch.autograd.Function` of any pair of the corpus."""

from __future__ import annotations

import numpy as np

__all__ = ["as_torch", "draw_tensors"]


def as_torch(pair):
    """Return a class whose `apply` takes the inputs as tensors; constants are in it.

    Arrays go to the pair and come back as they are: a gradient of another dtype or shape, or None,
    is PyTorch's to judge.
    """
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            arrays = [tensor.detach().numpy() for tensor in tensors]
            outputs, ctx.kept = pair.run(dict(zip(pair.inputs, arrays, strict=True)))
            ctx.set_materialize_grads(True)
            copies = tuple(torch.tensor(y) for y in outputs)
            return copies if len(copies) > 1 else copies[0]

        @staticmethod
        def backward(ctx, *upstream):
            gradients = pair.gradients([dy.numpy() for dy in upstream], ctx.kept)
            arrays = [gradients.get(name) for name in pair.inputs]
            return tuple(
                None if a is None else torch.tensor(np.array(a, order="C")) for a in arrays
            )

    Function.__name__ = pair.name
    return Function


def draw_tensors(pair, seed):
    """Return the pair's inputs as tensors; those of float64 require a gradient."""
    import torch

    tensors = [torch.tensor(array) for array in pair.draw(seed).values()]
    return tuple(t.requires_grad_(t.is_floating_point()) for t in tensors)
