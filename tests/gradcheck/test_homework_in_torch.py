"""The corpus in PyTorch, and what PyTorch's own check finds in it."""

from __future__ import annotations

import numpy as np
import pytest
from homework.as_torch import as_torch, draw_tensors
from homework.mistakes import MISTAKES
from homework.pairs import PAIRS
from homework_against_torch import passes_torch, table

torch = pytest.importorskip("torch")
BY_NAME = {entry.name: entry for entry in (*PAIRS, *MISTAKES)}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_right_pair_gives_its_numbers_and_gradients(pair):
    tensors = draw_tensors(pair, 3)
    outputs = as_torch(pair).apply(*tensors)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    expected, cache = pair.run(pair.draw(3))
    upstream = [torch.ones_like(y) for y in outputs]
    torch.autograd.backward(outputs, upstream)
    gradients = pair.gradients([dy.numpy() for dy in upstream], cache)
    for y, array in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(y.detach().numpy(), array)
    for name, tensor in zip(pair.inputs, tensors, strict=True):
        if name in gradients:
            np.testing.assert_array_equal(tensor.grad.numpy(), gradients[name])


@pytest.mark.parametrize("fast", [False, True])
def test_torch_passes_what_is_right_and_hidden_and_fails_what_is_plainly_wrong(fast):
    passing = ("affine", "lstm_step", "embedding", "svm_loss", "max_pool", "relu_gradient_clipped")
    failing = ("affine_dx_sign", "lstm_step_dnext_c_ignored", "embedding_assigned")
    for name in (*passing, *failing):
        assert passes_torch(BY_NAME[name], 0, fast=fast) == (name in passing), name


def test_the_table_counts_by_family_and_in_all():
    mistakes = [
        BY_NAME[name] for name in ("affine_dx_sign", "relu_mask_of_dout", "affine_dx_twice")
    ]
    answer = {m.name: m.name != "affine_dx_twice" for m in mistakes}
    assert table({"ours": answer}, mistakes).splitlines()[2:] == [
        "| dense | 2 | 1 |",
        "| activation | 1 | 1 |",
        "| all | 3 | 2 |",
    ]
