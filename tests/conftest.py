"""What tests of several folders need before they run."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def task_sets():
    """Let the plug-in `task_sets.py` be imported, and forget afterwards what it registered."""
    from cnnrun.data import DATASETS

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnrun.config.plugins._loaded", {})
        patch.setattr(DATASETS, "_classes", dict(DATASETS._classes))
        yield
