"""What tests of several parts start from."""

from __future__ import annotations

import pytest
from broken_configs import GOOD


@pytest.fixture
def good(tmp_path):
    """A configuration file in which nothing is wrong."""
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture(scope="module")
def task_sets():
    """Let the plug-in `task_sets.py` be imported, and forget afterwards what it registered."""
    from cnnrun.data import DATASETS

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnrun.config.plugins._loaded", {})
        patch.setattr(DATASETS, "_classes", dict(DATASETS._classes))
        yield
