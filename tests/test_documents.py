"""The documents say what the code does."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_contributing_shows_the_real_layer():
    layer = (ROOT / "cnnrun/engine/layers/silu.py").read_text("utf-8")
    assert layer in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_readme_shows_the_real_configuration():
    config = (ROOT / "configs/lenet_mnist5k.yaml").read_text("utf-8")
    assert config in (ROOT / "README.md").read_text("utf-8")


def test_readme_names_every_part():
    from cnnrun.data import DATASETS, TRANSFORMS
    from cnnrun.engine import LAYERS, LOSSES, OPTIMIZERS, SCHEDULES

    readme = (ROOT / "README.md").read_text("utf-8")
    for registry in (LAYERS, LOSSES, OPTIMIZERS, SCHEDULES, DATASETS, TRANSFORMS):
        for name in registry:
            if not name.endswith("_for_test"):
                assert f"`{name}`" in readme, name
