"""The segments of a run: from which step on it was trained with what.

Most runs have one. A run that is extended, `--resume --epochs N`, has one more, since a schedule
may depend on the number of epochs; so has one that goes on with another plug-in, or after it had
stopped early. The record lists them. The configuration of the last is `config.yaml`; those of the
others are kept in `configs/`, and plug-ins in `plugins/`, named after their digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrun.config import Experiment, Plugin
from cnnrun.errors import RunError
from cnnrun.runs.files import replace_file, sync_folder
from cnnrun.runs.folder import Run
from cnnrun.runs.plugins import kept_plugin, load_run_experiment
from cnnrun.runs.progress import Progress

__all__ = ["Segment", "keep_configuration", "keep_plugins", "list_segments", "run_segments"]


@dataclass(frozen=True)
class Segment:
    """Steps that were trained with one configuration, up to where the next segment begins.

    Two segments with different plug-ins may need two processes, since a name is registered once.

    Attributes:
        from_step, from_epoch: how many had been done when it began.
        configuration: the SHA-256 of its configuration file.
        command: the command line that began it.
        run: where it was trained.
        file: the configuration, in the run's folder.
        plugins: the copies of its plug-ins there. Nothing imports them by itself.
    """

    from_step: int
    from_epoch: int
    configuration: str
    command: tuple[str, ...]
    run: Run
    file: Path
    plugins: tuple[Path, ...]

    def experiment(self) -> Experiment:
        """Return what was trained.

        Raises:
            ConfigError: it names a part that is not registered.
        """
        return load_run_experiment(self.run, self.file, check_network=False)


def run_segments(run: Run, *, changed: bool = False) -> list[Segment]:
    """Return the segments of a run, the first first.

    Training each configuration from where its segment begins to where the next one does, and the
    last to its end, gives the run's weights again, to the bit.

    Args:
        run: it.
        changed: take files that were changed since, instead of refusing them, and the
            configuration of a run of an earlier version that was never resumed.

    Raises:
        RunError: the record does not tell all of them, or a configuration is missing or changed.
        PluginError: a plug-in's copy is missing or changed.
    """
    record = run.record
    listed = record.get("segments", [])
    if changed and not listed and record.get("resumed") == 0:
        listed = [_only_segment(run, record.get("command", []))]
    if not listed or listed[0]["from_step"]:
        raise RunError(
            f"{run.record_file}: does not say by which configuration the first steps were trained; "
            "an earlier version did not note it"
        )
    return [
        Segment(
            entry["from_step"],
            entry["from_epoch"],
            entry["configuration"],
            tuple(entry["command"]),
            run,
            _file(run, entry["configuration"], run.config if changed and not left else None),
            tuple(kept_plugin(run, plugin, changed) for plugin in entry.get("plugins", [])),
        )
        for left, entry in zip(reversed(range(len(listed))), listed, strict=True)
    ]


def list_segments(
    before: Sequence[dict[str, Any]],
    progress: Progress,
    configuration: bytes,
    plugins: Sequence[Plugin],
    command: Sequence[str],
    *,
    goes_on: bool = False,
) -> list[dict[str, Any]]:
    """Return the segments of a run that goes on from here, as the record has them.

    Args:
        before: those that the record had.
        progress: where the run stands. What began later came to nothing: no checkpoint has it.
        configuration: the file that it goes on with.
        plugins: those that it goes on with.
        command: the command line.
        goes_on: whether it had stopped early; the segment before then ends by itself.
    """
    new = {
        "from_step": progress.step,
        "from_epoch": progress.epoch,
        "configuration": hashlib.sha256(configuration).hexdigest(),
        "plugins": [{"name": plugin.name, "sha256": plugin.sha256} for plugin in plugins],
        "command": list(command),
    }
    begun = [entry for entry in before if entry["from_step"] <= progress.step]
    if begun and _train_alike(begun[-1], new) and not goes_on:
        return begun
    trained = [entry for entry in begun if entry["from_step"] < progress.step]
    is_same = trained and _train_alike(trained[-1], new) and not goes_on
    return trained if is_same else [*trained, new]


def keep_configuration(run: Run, segments: Sequence[dict[str, Any]], configuration: bytes) -> None:
    """Keep the `config.yaml` that another is about to replace, if a segment was trained with it."""
    digest = hashlib.sha256(configuration).hexdigest()
    if all(entry["configuration"] != digest for entry in segments):
        return
    _keep(run, run.kept_config(digest), configuration)


def keep_plugins(run: Run, plugins: Sequence[Plugin]) -> None:
    """Keep a copy of each plug-in that is not there yet."""
    for plugin in plugins:
        file = run.kept_plugin(plugin.name, plugin.sha256)
        if not file.exists() or file.read_bytes() != plugin.source:
            _keep(run, file, plugin.source)


def _keep(run: Run, file: Path, content: bytes) -> None:
    """Write a file into a folder in the run's."""
    file.parent.mkdir(exist_ok=True)
    sync_folder(run.folder)
    replace_file(file, content)


def _only_segment(run: Run, command: Sequence[str]) -> dict[str, Any]:
    """Return the segment of a run that was never resumed, as a record has it."""
    try:
        digest = hashlib.sha256(run.config.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{run.config}: cannot be read ({error.strerror})") from None
    return {"from_step": 0, "from_epoch": 0, "configuration": digest, "command": command}


def _train_alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two segments have the same configuration and plug-ins, by content."""
    digests = [[plugin["sha256"] for plugin in each.get("plugins", [])] for each in (one, other)]
    return bool(one["configuration"] == other["configuration"] and digests[0] == digests[1])


def _file(run: Run, digest: str, otherwise: Path | None) -> Path:
    """Return the run's configuration with that SHA-256; `otherwise` if there is none."""
    for file in (run.config, run.kept_config(digest)):
        try:
            if hashlib.sha256(file.read_bytes()).hexdigest() == digest:
                return file
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunError(f"{file}: cannot be read ({error.strerror})") from None
    if otherwise is not None:
        return otherwise
    raise RunError(
        f"{run.kept_config(digest)}: missing, or changed since a part of the run was trained with "
        f"it (its SHA-256 is not {digest[:12]}...)"
    )
