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
