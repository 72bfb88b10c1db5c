"""Checkpoints: written whole, verified when read, and never able to run code.

A checkpoint is a folder with `weights.safetensors`, `state.safetensors` (the optimizer's arrays),
`state.json` (where training stands) and `manifest.json` (the SHA-256 of each, written last). A new
one is complete before it takes the old one's place:

    write .last.new, sync  ->  rename last to .last.old  ->  rename .last.new to last  ->  remove

so that at any moment at least one of `last`, `.last.old` is whole. Reading accepts either.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from cnnrun.config.stored import Stored, read_stored
from cnnrun.engine.types import Array
from cnnrun.errors import CheckpointError
from cnnrun.runs.files import dump_json, sync_folder, write_durably

__all__ = [
    "CHECKPOINT_SECONDS",
    "Checkpoint",
    "altered_files",
    "has_checkpoint",
    "read_checkpoint",
    "write_checkpoint",
]

CHECKPOINT_SECONDS = 10.0
"""Longest time between two checkpoints; when they come does not change the result."""

FORMAT = 1
FILES = ("weights.safetensors", "state.safetensors", "state.json")


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a training.

    Attributes:
        weights: parameters and buffers of the network, by full name.
        optimizer: the optimizer's arrays.
        state: plain values: where training stands, and how data are normalised.
    """

    weights: dict[str, Array]
    optimizer: dict[str, Array]
    state: dict[str, Any]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in the place of the one in `folder`, if any.

    Raises:
        OSError: the disk is full, or not writable; the old checkpoint is still there.
    """
    fresh, old = _aside(folder, "new"), _aside(folder, "old")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    contents = {
        "weights.safetensors": _array_bytes(checkpoint.weights),
        "state.safetensors": _array_bytes(checkpoint.optimizer),
        "state.json": dump_json(checkpoint.state).encode(),
    }
    for name, content in contents.items():
        write_durably(fresh / name, content)
    manifest = {
        "format": FORMAT,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
    }
    write_durably(fresh / "manifest.json", dump_json(manifest).encode())
    sync_folder(fresh)
    for name, content in contents.items():  # the old one goes only when the new one verifies
        if (fresh / name).read_bytes() != content:
            raise OSError(f"{fresh / name} did not read back as it was written")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(folder, old)
    os.rename(fresh, folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def has_checkpoint(folder: Path) -> bool:
    """Return whether `read_checkpoint` would find something to read."""
    return folder.is_dir() or _aside(folder, "old").is_dir()


def altered_files(folder: Path) -> list[str]:
    """Return the files of a checkpoint that are not what its manifest says.

    Raises:
        CheckpointError: there is no checkpoint, or no manifest.
    """
    source = _source(folder)
    manifest = _read_manifest(source / "manifest.json")
    altered = []
    for name in FILES:
        try:
            _read_verified(source / name, manifest.get(name))
        except CheckpointError:
            altered.append(name)
    return altered


def read_checkpoint(folder: Path, *, verify: bool = True) -> Checkpoint:
    """Return the checkpoint in `folder`, or its predecessor if a write was cut short.

    Args:
        folder: where it is.
        verify: refuse files that are not what the manifest says.

    Raises:
        CheckpointError: there is none, or it is damaged or foreign; the message names the file.
    """
    source = _source(folder)
    manifest = _read_manifest(source / "manifest.json")
    contents = {name: _read_verified(source / name, manifest.get(name), verify) for name in FILES}
    where = str(source / "state.json")
    state = read_stored(Stored, contents["state.json"], where, CheckpointError)
    arrays = []
    for name in FILES[:2]:
        try:
            arrays.append(load_arrays(contents[name]))
        except (SafetensorError, ValueError, KeyError) as error:
            raise CheckpointError(f"{source / name}: not a safetensors file ({error})") from None
    return Checkpoint(arrays[0], arrays[1], state)


def _source(folder: Path) -> Path:
    source = folder if folder.is_dir() else _aside(folder, "old")
    if not source.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint")
    return source


def _aside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f".{folder.name}.{suffix}")


def _array_bytes(arrays: dict[str, Array]) -> bytes:
    # Other layouts than C order are written wrongly by some versions of safetensors.
    content: bytes = save_arrays({k: np.ascontiguousarray(array) for k, array in arrays.items()})
    return content


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        files = document["files"]
        if document["format"] != FORMAT or not isinstance(files, dict):
            raise CheckpointError(
                f"{path}: format {document['format']}, this version reads {FORMAT}"
            )
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing; not a complete checkpoint") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a checkpoint's manifest ({error})") from None
    return files


def _read_verified(path: Path, entry: Any, verify: bool = True) -> bytes:
    try:
        expected, size = entry["sha256"], entry["bytes"]
    except (KeyError, TypeError):
        raise CheckpointError(f"{path}: not listed in manifest.json") from None
    try:
        if verify and path.stat().st_size != size:
            raise CheckpointError(f"{path}: {path.stat().st_size} bytes instead of {size}; damaged")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    if verify and hashlib.sha256(content).hexdigest() != expected:
        raise CheckpointError(f"{path}: its SHA-256 differs from manifest.json; damaged")
    return content
