"""What is not as it was when a run was trained: the likely causes if a repetition differs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cnnrun.config import loaded_plugins
from cnnrun.errors import CheckpointError
from cnnrun.runs.checkpoints import altered_files, has_checkpoint
from cnnrun.runs.folder import Run
from cnnrun.runs.reproduction import Cause
from cnnrun.runs.segments import Segment

__all__ = ["find_causes"]

LIBRARIES = {"cnnrun": "version", "numpy": "numpy", "blas": "blas", "numba": "numba"}
"""Of the recorded versions, those that compute, and what a cause calls each."""


def find_causes(run: Run, segments: Sequence[Segment], now: Mapping[str, Any]) -> tuple[Cause, ...]:
    """Return what is not as the run's record says, the likeliest cause of a difference first.

    Args:
        run: what was trained.
        segments: its segments, whose files may have been changed.
        now: the record of its repetition.
    """
    then = run.record
    return (
        *_data(then, now),
        *_configuration(then, segments),
        *_plugins(then),
        *_checkpoints(run),
        *_surroundings(then, now),
    )


def _data(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    before, after = (record.get("dataset", {}).get("sha256", "") for record in (then, now))
    if not before or before == after:
        return []
    return [Cause("data", f"the data: their SHA-256 was {before[:12]}, and is {after[:12]}")]


def _configuration(then: Mapping[str, Any], segments: Sequence[Segment]) -> list[Cause]:
    causes = []
    before, after = then.get("seed"), segments[-1].experiment().seed
    if before is not None and before != after:
        causes.append(Cause("seed", f"the seed: it was {before}, and is {after}"))
    for segment in segments:
        digest = hashlib.sha256(segment.file.read_bytes()).hexdigest()
        if digest != segment.configuration and not causes:
            text = (
                f"the configuration: {segment.file.name} was changed after training (its SHA-256 "
                f"was {segment.configuration[:12]}, and is {digest[:12]})"
            )
            causes.append(Cause("configuration", text))
    return causes


def _plugins(then: Mapping[str, Any]) -> list[Cause]:
    recorded = then["segments"][-1].get("plugins", []) if then.get("segments") else []
    imported = {plugin.name: plugin.sha256 for plugin in loaded_plugins()}
    return [
        Cause(
            "plugin",
            f"the plug-in {entry['name']}: the SHA-256 of its source was {entry['sha256'][:12]}, "
            f"and is {imported[entry['name']][:12]}",
        )
        for entry in recorded
        if imported.get(entry["name"], entry["sha256"]) != entry["sha256"]
    ]


def _checkpoints(run: Run) -> list[Cause]:
    causes = []
    for which in ("last", "best"):
        folder = run.checkpoint(which)
        if not has_checkpoint(folder) and not run.record.get(which):
            continue  # the run was stopped before its first epoch was done
        try:
            altered = altered_files(folder)
        except CheckpointError as error:
            causes.append(Cause("checkpoint", f"the checkpoint {which}: {error}"))
            continue
        if altered:
            text = (
                f"the checkpoint {which}: {', '.join(altered)} was changed after training (its "
                "SHA-256 differs from manifest.json)"
            )
            causes.append(Cause("checkpoint", text))
    return causes


def _surroundings(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    """Return what may round otherwise, and did for the run or for a part of it."""
    causes = _rounding(then, now, "was")
    for part in then.get("earlier_environments", []):
        causes += _rounding(part, now, "was for a part of the run")
    return list(dict.fromkeys(causes))


def _rounding(then: Mapping[str, Any], now: Mapping[str, Any], was: str) -> list[Cause]:
    """Return what differs: versions, the BLAS and its kernel, the processor, the own code."""
    versions = [record.get("versions", {}) for record in (then, now)]
    pairs = [
        (kind, name, *(each.get(name, "missing") for each in versions))
        for name, kind in LIBRARIES.items()
        if versions[0]
    ]
    pairs += [("kernel", "the kernel of the BLAS", then.get("blas_kernel"), now.get("blas_kernel"))]
    features = [set(record.get("cpu_features", [])) for record in (then, now)]
    if features[0] != features[1] and all(features):
        changed = ", ".join(sorted(features[0] ^ features[1]))
        pairs += [("cpu", "the processor", then.get("cpu"), f"{now.get('cpu')} ({changed})")]
    digests = [(record.get("source_sha256") or "")[:12] for record in (then, now)]
    pairs += [("source", "the SHA-256 of cnnrun's own code", *digests)]
    return [
        Cause(kind, f"{name}: it {was} {before}, and is {after}", rounds=True)
        for kind, name, before, after in pairs
        if before and after and before != after
    ]
