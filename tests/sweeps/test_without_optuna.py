"""Without the extra the verb says what to install; with it, no other verb imports it."""

from __future__ import annotations

import subprocess
import sys

from command_line import run
from experiments import TINY

WITHOUT = "import sys\nsys.modules[{!r}] = None\nsys.argv = ['cnnrun', *sys.argv[1:]]\n" + (
    "from cnnrun.__main__ import main\nmain()\n"
)


def run_without(module, *words, cwd):
    command = [sys.executable, "-c", WITHOUT.format(module), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_without_optuna(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    for words in (("sweep", "tiny.yaml", "train.epochs=1,2"), ("sweep", "status", "x")):
        done = run_without("optuna", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == (
            "error: sweeps need Optuna, which is not installed: pip install 'cnnrun[sweep]'\n"
        )


def test_without_psycopg(home):
    words = ("sweep", "join", "postgresql://a@b/c", "x")
    done = run_without("psycopg", *words, cwd=home)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'cnnrun[postgres]'" in done.stderr


def test_other_verbs_import_none_of_it(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    code = (
        "import sys\nfrom cnnrun.cli.app import app\n"
        "words = ['train', 'tiny.yaml', 'train.epochs=1', '--no-report', '-q']\n"
        "app(words, standalone_mode=False)\n"
        "print({'optuna', 'sqlalchemy', 'psycopg', 'cnnrun.sweeps'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("set()\n"), done.stderr


def test_the_help_names_the_verbs(tmp_path):
    text = run("sweep", "--help", cwd=tmp_path).stdout
    for verb in ("run", "join", "status", "best", "importance", "report", "stop"):
        assert f"\n  {verb} " in text
