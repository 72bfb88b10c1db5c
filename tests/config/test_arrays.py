"""Arrays are read from files of three kinds."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.config import read_arrays
from cnnrun.errors import ConfigError


def test_three_kinds_of_files(tmp_path):
    (tmp_path / "v.yaml").write_text("X: [[1, 2], [3, 4]]\ndL/dO: [[1]]\n")
    (tmp_path / "v.json").write_text('{"X": [[1, 2], [3, 4]], "dL/dO": [[1]]}')
    np.savez(tmp_path / "v.npz", X=[[1, 2], [3, 4]], dO=[[1]])
    for name in ("v.yaml", "v.json"):
        assert read_arrays(tmp_path / name) == {"X": [[1, 2], [3, 4]], "dL/dO": [[1]]}
    arrays = read_arrays(tmp_path / "v.npz")
    assert arrays.keys() == {"X", "dO"}
    np.testing.assert_array_equal(arrays["X"], [[1, 2], [3, 4]])


@pytest.mark.parametrize("name", ["bad.npz", "list.yaml", "missing.yaml", "missing.npz"])
def test_a_file_that_holds_no_arrays_is_named(tmp_path, name):
    (tmp_path / "bad.npz").write_bytes(b"PK no")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(ConfigError, match=name):
        read_arrays(tmp_path / name)
