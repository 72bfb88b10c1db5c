"""A training that goes on in a folder of its own, where the last checkpoint of another run stands.

So two processes that believe that a run is theirs, because one was taken for lost and was not,
never write to the same folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cnnrun.errors import CheckpointError, RunError
from cnnrun.runs.checkpoints import Checkpoint, has_checkpoint, read_checkpoint, write_checkpoint
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.files import dump_json, write_durably
from cnnrun.runs.folder import Run
from cnnrun.runs.opening import resume_run
from cnnrun.runs.session import Session
from cnnrun.runs.state import read_training

__all__ = ["succeed"]


def succeed(
    old: Run,
    *,
    notes: Mapping[str, Any],
    workers: int | None = None,
    command: Sequence[str] = (),
) -> Session:
    """Return a training in a new folder that goes on where another run's last checkpoint stands.

    The old folder stays as it is, whoever may still write to it.

    Args:
        old: the run.
        notes: what else the new run's record says.
        workers: as `train` takes them.
        command: the command line, for the record.

    Raises:
        RunError: the old run has no checkpoint, or the new one cannot be written.
        CheckpointError: the checkpoint is damaged.
    """
    if not has_checkpoint(old.checkpoint("last")):
        raise RunError(f"{old.folder}: no checkpoint to go on from")
    last = read_training(old.checkpoint("last"))
    best = _best(old, last)
    record = {**json.loads(old.record_file.read_bytes()), **notes, "status": "interrupted"}
    contents = {
        "config.yaml": old.config.read_bytes(),
        "run.json": f"{dump_json(record)}\n".encode(),
        **{
            str(plugin.relative_to(old.folder)): plugin.read_bytes()
            for plugin in (old.folder / "plugins").glob("*.py")
        },
    }
    run = claim_run(old.folder.parent, str(record["name"]), contents)
    log_bytes = int(last.state["log_bytes"])
    try:
        # What counts of the rest, the resume cuts to the checkpoint.
        for name in (old.log, old.layers, old.digests):
            if name.exists():
                content = name.read_bytes()
                if name == old.log:
                    content = content[:log_bytes]
                write_durably(run.folder / name.name, content)
        if best is not None:
            write_checkpoint(run.checkpoint("best"), best)
        write_checkpoint(run.checkpoint("last"), last)
    except OSError as error:
        raise RunError(f"{run.folder}: {error.strerror or error}") from None
    return resume_run(run, workers=workers, command=command)


def _best(old: Run, last: Checkpoint) -> Checkpoint | None:
    """Return the best checkpoint that `last` speaks of; None where that is `last` itself, or none.

    Raises:
        CheckpointError: it is damaged, or another, because the old run's process still writes.
    """
    progress = last.state["progress"]
    if progress["best"] is None or progress["best"]["step"] == progress["step"]:
        return None
    best = read_checkpoint(old.checkpoint("best"))
    if best.state["progress"]["step"] != progress["best"]["step"]:
        raise CheckpointError(f"{old.checkpoint('best')}: not the best epoch of `last`")
    return best
