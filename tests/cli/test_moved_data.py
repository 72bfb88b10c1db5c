"""A run whose data have moved: where they were is said, and `--data-root` takes where they are."""

from __future__ import annotations

import numpy as np
import pytest
from broken_configs import GOOD
from typer.testing import CliRunner

from cnnrun.cli.app import app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run that was trained on `before/d.npz`, which is `after/d.npz` now."""
    home = tmp_path_factory.mktemp("home")
    (home / "before").mkdir()
    images = np.random.default_rng(0).integers(0, 255, (100, 8, 8), np.uint8)
    np.savez(home / "before/d.npz", images=images, labels=np.arange(100) % 10)
    text = GOOD.replace("dataset: digits", "dataset: {npz: {path: before/d.npz}}")
    (home / "c.yaml").write_text(text)
    assert invoke(home, "train", home / "c.yaml", "--epochs", "1").exit_code == 0
    (home / "before").rename(home / "after")
    return home


def invoke(home, verb, *words):
    return CliRunner().invoke(app, [verb, *map(str, words), "-q", "--runs-dir", str(home / "runs")])


VERBS = [
    ("evaluate", "last"),
    ("gradcheck", "last", "--budget", "100"),
    ("inspect", "last", "--no-png"),
    ("train", "--resume=last", "--epochs", "2"),
]


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_a_run_finds_its_data_again(home, words):
    lost = invoke(home, *words)
    assert lost.exit_code == 2
    assert f"{home}/before/d.npz: no such file" in lost.stderr
    assert f"--data-root {home}/before=NEW" in lost.stderr
    again = invoke(home, *words, "--data-root", f"{home}/before={home}/after")
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize(
    ("root", "says"),
    [("/nowhere=/x", "not below that"), ("/nowhere", "write OLD=NEW"), ("=x", "write OLD=NEW")],
)
def test_a_folder_that_the_data_never_were_in_is_refused(home, root, says):
    result = invoke(home, "evaluate", "last", "--data-root", root)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
