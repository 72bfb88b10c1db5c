"""Runs that are changed after training, and trained again, as the tests of `reproduce` do."""

from __future__ import annotations

import hashlib
import json

from safetensors.numpy import load_file, save_file

import cnnrun

__all__ = ["add", "again", "kinds", "note", "set_in", "sign"]


def kinds(result):
    return [cause.kind for cause in result.causes]


def again(run, **options):
    return cnnrun.reproduce(run, run.folder.parent, workers=1, **options)


def add(run, which, value):
    """Add to a weight of a checkpoint."""
    path = run.checkpoint(which) / "weights.safetensors"
    weights = load_file(path)
    weights["00_conv2d/w"][0, 0, 0, 0] += value
    save_file(weights, path)


def sign(run, which):
    """Let the manifest of a checkpoint have the digest of its changed weights."""
    manifest = run.checkpoint(which) / "manifest.json"
    document = json.loads(manifest.read_text())
    content = (manifest.parent / "weights.safetensors").read_bytes()
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    document["files"]["weights.safetensors"] = entry
    manifest.write_text(json.dumps(document))


def note(run, **changes):
    """Change keys of a run's record; None takes one out."""
    document = {**json.loads(run.record_file.read_text()), **changes}
    kept = {key: value for key, value in document.items() if value is not None}
    run.record_file.write_text(json.dumps(kept))


def set_in(run, old, new):
    """Change the configuration of a run."""
    text = run.config.read_text()
    assert old in text
    run.config.write_text(text.replace(old, new))
