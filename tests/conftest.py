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


@pytest.fixture(scope="module", autouse=True)
def no_plugin_is_left():
    """Forget after a file of tests which plug-ins it has imported, and what they registered."""
    from cnnrun.config.hints import NAMED

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnrun.config.plugins._loaded", {})
        for registry in NAMED.values():
            patch.setattr(registry, "_classes", dict(registry._classes))
        yield
