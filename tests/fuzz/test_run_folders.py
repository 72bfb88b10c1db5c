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
from matplotlib.figure import Figure
from mutations import mutate_bytes, mutate_document, mutate_text
from trials import Trials, program

from cnnrun.config import load_experiment
from cnnrun.documents import finite
from cnnrun.runs import Run, Session, StopRequest, reproduce, resume_run, start_run, tag_run
from cnnrun.runs.events import StepFinished

OTHER_DATA = "{synthetic: {image_shape: [6, 6, 1], classes: 3, train_samples: 9, test_samples: 9}}"
PLUGIN = b"VALUE = 1\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three epochs out of five, with every file that a run may have."""
    folder = tmp_path_factory.mktemp("run")
    file = folder / "tiny.yaml"
    file.write_text(TINY.replace("90", "24").replace("epochs: 4", "epochs: 3"))
    run = _stopped(start_run(load_experiment(file), folder / "runs", workers=1), 5)
    _stopped(resume_run(run, epochs=5, workers=1), 8)
    assert list(run.folder.glob("configs/*.yaml"))
    words = ("evaluate", run.name, "--workers", 1, "--runs-dir", run.folder.parent)
    for options in ((), ("--data", OTHER_DATA)):
        with pytest.raises(SystemExit):
            program(*words, *options)
    tag_run(run, ["good"])
    plugin = {"name": "mine.py", "sha256": hashlib.sha256(PLUGIN).hexdigest()}
    copy = run.kept_plugin(plugin["name"], plugin["sha256"])
    copy.parent.mkdir()
    copy.write_bytes(PLUGIN)
    document = json.loads(run.record_file.read_text())
    document["segments"][-1]["plugins"] = [plugin]
    run.record_file.write_text(json.dumps(document))
    return run.folder


def _stopped(session: Session, step: int) -> Run:
    stop = StopRequest()
    with session:
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == step:
                stop.signal = 2
    return session.run


def test_changed_files_are_refused_by_name(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **_: file.write(b"a picture"))
    trials, runs = Trials("run folders"), tmp_path / "runs"
    name, options = run.name, ("--runs-dir", runs)
    files = sorted(str(path.relative_to(run)) for path in run.rglob("*") if _is_read(path))
    for rng in trials.seeds(50):
        shutil.rmtree(runs, ignore_errors=True)
        shutil.copytree(run, runs / name)
        changed = rng.choice(files)
        content = rng.choice(CHANGES)(runs / name / changed, rng)
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
            ("runs", "list", "--tag", "good", *options),
            ("runs", "tag", name, "better", *options),
            ("runs", "export", name, "--output", tmp_path / "run.zip", *options),
            ("runs", "rm", name, "--yes", *options),
            ("evaluate", name, "--plugin", "run", "--workers", 1, *options),
            ("evaluate", name, "--data", OTHER_DATA, "--workers", 1, *options),
            ("reproduce", name, "--epochs", 1, "--plugin", "run", "--workers", 1, *options),
        )
        words = rng.choice(verbs)
        trials.attempt(lambda words=words: program(*words), (words, changed, content))
    trials.judge()


def test_a_changed_run_is_repeated_or_it_is_said_why_not(run, tmp_path):
    trials, runs = Trials("repetitions"), tmp_path / "runs"
    for rng in trials.seeds(20):
        shutil.rmtree(runs, ignore_errors=True)
        shutil.copytree(run, runs / run.name)
        changed = rng.choice(sorted(filter(_is_read, (runs / run.name).rglob("*"))))
        content = _change(changed, rng)
        trials.attempt(lambda: _reproduce(Run(runs / run.name), runs), (changed.name, content))
    trials.judge()


def _reproduce(run: Run, runs: Path) -> None:
    result = reproduce(run, runs, workers=1)
    assert result.reason if result.verdict == "cannot tell" else result.again
    json.dumps(finite(result.to_dict()))


def _is_read(path: Path) -> bool:
    return path.is_file() and path.suffix != ".png"


def _take_away(file: Path, rng: random.Random) -> bytes:
    """Put nothing, a folder, or a link that leads nowhere, in the place of a file."""
    file.unlink()
    match rng.randrange(3):
        case 1:
            file.mkdir()
        case 2:
            file.symlink_to(file)
    return b"taken away"


def _change(file: Path, rng: random.Random) -> bytes:
    """Change a file, and half the time the digest of it that would tell; return the new bytes."""
    content = file.read_bytes()
    if file.suffix in (".json", ".jsonl") and rng.random() < 0.7:
        lines = content.splitlines() if file.suffix == ".jsonl" else [content]
        row = rng.randrange(len(lines))
        document: Any = json.loads(lines[row])
        lines[row] = json.dumps(mutate_document(document, rng)).encode()
        content = b"\n".join(lines) + b"\n"
    elif file.suffix in (".json", ".jsonl", ".yaml") and rng.random() < 0.5:
        content = mutate_text(content.decode(), rng).encode("utf-8", "surrogatepass")
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


CHANGES = (_change, _change, _change, _take_away)
