"""Files of a run's folder that somebody changed are refused by name, whatever verb reads them."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from experiments import TINY
from mutations import mutate_bytes, mutate_document
from trials import Trials, program

from cnnrun.config import load_experiment
from cnnrun.documents import finite
from cnnrun.runs import Run, StopRequest, reproduce, start_run
from cnnrun.runs.events import StepFinished

FILES = (
    "run.json", "metrics.jsonl", "config.yaml", "checkpoints/last/state.json",
    "checkpoints/best/state.json", "checkpoints/last/manifest.json",
    "checkpoints/last/weights.safetensors", "checkpoints/last/state.safetensors",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two epochs out of three."""
    folder = tmp_path_factory.mktemp("run")
    file = folder / "tiny.yaml"
    file.write_text(TINY.replace("90", "24").replace("epochs: 4", "epochs: 3"))
    stop = StopRequest()
    with start_run(load_experiment(file), folder / "runs", workers=1) as session:
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == 5:
                stop.signal = 2
    return session.run.folder


def test_changed_files_are_refused_by_name(run, tmp_path):
    trials, runs = Trials("run folders"), tmp_path / "runs"
    name, options = run.name, ("--runs-dir", runs)
    for rng in trials.seeds(50):
        shutil.rmtree(runs, ignore_errors=True)
        shutil.copytree(run, runs / name)
        changed = rng.choice(FILES)
        content = _change(runs / name / changed, rng)
        verbs: tuple[tuple[object, ...], ...] = (
            ("runs", "list", *options),
            ("runs", "list", "--sort", "val_loss", *options),
            ("runs", "show", name, *options),
            ("runs", "show", name, "--csv", *options),
            ("runs", "compare", name, name, *options),
            ("evaluate", name, "--checkpoint", "last", "--workers", 1, *options),
            ("train", "--resume", name, "--workers", 1, *options),
            ("train", "--resume", name, "--epochs", 4, "--workers", 1, "--json", *options),
            ("inspect", name, "--checkpoint", "last", "--no-png", *options),
        )
        words = rng.choice(verbs)
        trials.attempt(lambda words=words: program(*words), (words, changed, content))
    trials.judge()


def test_a_changed_run_is_repeated_or_it_is_said_why_not(run, tmp_path):
    trials, runs = Trials("repetitions"), tmp_path / "runs"
    for rng in trials.seeds(20):
        shutil.rmtree(runs, ignore_errors=True)
        shutil.copytree(run, runs / run.name)
        changed = rng.choice((*FILES, "digests.jsonl"))
        content = _change(runs / run.name / changed, rng)
        trials.attempt(lambda: _reproduce(Run(runs / run.name), runs), (changed, content))
    trials.judge()


def _reproduce(run: Run, runs: Path) -> None:
    result = reproduce(run, runs, workers=1)
    assert result.reason if result.verdict == "cannot tell" else result.again
    json.dumps(finite(result.to_dict()))


def _change(file: Path, rng: random.Random) -> bytes:
    """Change a file, and half the time the digest of it that would tell; return the new bytes."""
    content = file.read_bytes()
    if file.suffix in (".json", ".jsonl") and rng.random() < 0.7:
        lines = content.splitlines() if file.suffix == ".jsonl" else [content]
        row = rng.randrange(len(lines))
        document: Any = json.loads(lines[row])
        lines[row] = json.dumps(mutate_document(document, rng)).encode()
        content = b"\n".join(lines) + b"\n"
    else:
        content = mutate_bytes(content, rng)
    file.write_bytes(content)
    manifest = file.parent / "manifest.json"
    if file != manifest and manifest.exists() and rng.random() < 0.8:
        listed = json.loads(manifest.read_bytes())
        listed["files"][file.name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
        manifest.write_text(json.dumps(listed))
    return content
