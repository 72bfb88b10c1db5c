"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cnnrun

ROOT = Path(__file__).parents[1]


def test_readme_shows_the_real_configuration():
    config = (ROOT / "configs/lenet_mnist5k.yaml").read_text("utf-8")
    assert config in (ROOT / "README.md").read_text("utf-8")


def named_files(document):
    """Return what a document names in backticks or links to that looks like a file of ours."""
    text = (ROOT / document).read_text("utf-8")
    shown = re.findall(r"`([\w./-]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    return links + [name for name in shown if re.fullmatch(r"[\w./-]+/[\w.-]+\.(py|md|toml)", name)]


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_documents_name_files_that_exist(document):
    outside = {"cnnrun/engine/layers/hard_tanh.py", "runs/lenet-mnist5k-0001/"}
    places = (ROOT, ROOT / "cnnrun", ROOT / "cnnrun/engine", ROOT / "cnnrun/engine/layers")
    for name in named_files(document):
        if name not in outside:
            assert any((place / name).exists() for place in places), name


def test_the_package_says_of_itself_what_the_project_file_says():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {cnnrun.__version__}\n" in citation
