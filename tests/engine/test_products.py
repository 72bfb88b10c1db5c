"""A product's form depends on its shape, its result does not."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Context
from cnnrun.engine.kernels.matmul import FEW_ROWS, MANY_COLUMNS, times_transposed


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1])
@pytest.mark.parametrize("columns", [1, MANY_COLUMNS - 1, MANY_COLUMNS])
@pytest.mark.parametrize("out_columns", [1, 7])
def test_a_times_b_transposed(rows, columns, out_columns):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, columns)), rng.standard_normal((out_columns, columns))
    out = np.empty((rows, out_columns))
    times_transposed(a, b, out, Context().buffer)
    expected = [[sum(a[i] * b[j]) for j in range(out_columns)] for i in range(rows)]
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
