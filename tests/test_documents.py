"""The documents say what the code does."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_readme_shows_the_real_configuration():
    config = (ROOT / "configs/lenet_mnist5k.yaml").read_text("utf-8")
    assert config in (ROOT / "README.md").read_text("utf-8")
