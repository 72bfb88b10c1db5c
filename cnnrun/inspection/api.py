"""The function behind `cnnrun inspect`: checks all that is asked for, then writes the folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from cnnrun.config import describe_fault
from cnnrun.engine import Network
from cnnrun.errors import ConfigError, RunError
from cnnrun.inspection.capture import choose, estimate_bytes, walk
from cnnrun.inspection.gallery import KINDS
from cnnrun.inspection.result import Inspection
from cnnrun.inspection.samples import MOST_BYTES, SampleChoice, choose_samples
from cnnrun.inspection.writing import Options, write_inspection
from cnnrun.registry import suggestion
from cnnrun.runs import NetworkSource, NetworkWithData, open_network

__all__ = ["inspect"]


def inspect(
    source: NetworkSource,
    *,
    index: int | Sequence[int] | str | None = None,
    images: Sequence[Path | str] = (),
    split: str = "test",
    class_name: str | None = None,
    layers: Sequence[str] = (),
    kinds: Sequence[str] = (),
    checkpoint: str = "best",
    compare: NetworkSource | None = None,
    folder: Path | str | None = None,
    max_channels: int = 16,
    pictures: bool = True,
    format: Literal["npz", "safetensors"] = "npz",
    steps: int = 64,
    runs_dir: Path | str = "runs",
    on_warning: Callable[[str], None] | None = None,
) -> Inspection:
    """See activations, gradients and attribution maps of chosen samples; write them to a folder.

    Nothing is written before all that is asked for has been checked.

    Args:
        source: an experiment, a configuration file, a run, its name or folder, or a model.
        index: samples of the split, from 0: a number, several, or words such as `3,7` or `0-9`;
            the first by default.
        images: image files instead.
        split: `train`, `val` or `test`.
        class_name: the class whose score is differentiated; by default the loss is.
        layers: those to keep, as `--layers` names them, such as `["conv1", "3"]`; by default all.
        kinds: of pictures, such as `["filters", "activations"]`; by default all.
        checkpoint: which weights of a run: `best` or `last`; `best,last` compares them.
        compare: another network, whose maps are shown beside these.
        folder: where it goes; by default `RUN/inspect/WHAT`.
        max_channels: drawn of each array.
        pictures: whether to draw any.
        format: of the arrays: `npz` or `safetensors`.
        steps: of integrated gradients, to begin with.
        runs_dir: where a run of that name is looked for.
        on_warning: told before anything is written if the arrays are large.

    Raises:
        ConfigError, DataError: something asked for does not exist or does not fit.
        RunError, CheckpointError: there is no such run, or no such weights, or the folder cannot
            be written to. Each file in it is replaced whole or not at all.
    """
    model, other = _open(source, checkpoint, compare, runs_dir)
    choice = SampleChoice(index, [Path(image) for image in images], split, class_name)
    target, what = choose_samples(model, choice)
    nodes = choose(walk(target.network), layers)
    for word in kinds:
        if word not in KINDS:
            raise ConfigError(f"--kinds: no kind is called {word!r}; {suggestion(word, KINDS)}")
    options = Options(
        nodes=nodes if layers else None,
        kinds=tuple(kinds or KINDS),
        most_channels=max_channels,
        pictures=pictures,
        format=format,
        steps=steps,
        other=None if other is None else _compared(model, other),
    )
    size = estimate_bytes(nodes, len(target.x))
    if size > MOST_BYTES and on_warning is not None:
        on_warning(f"the arrays will take {size / (1 << 20):,.0f} MiB; --layers keeps fewer")
    place = model.home / "inspect" / what if folder is None else Path(folder)
    try:
        return write_inspection(target, place, options)
    except OSError as error:
        if describe_fault(error):  # a plug-in opened the file
            raise
        where = error.filename or place
        raise RunError(f"{where}: cannot be written ({error.strerror})") from None


def _open(
    source: NetworkSource, checkpoint: str, compare: NetworkSource | None, runs_dir: Path | str
) -> tuple[NetworkWithData, NetworkWithData | None]:
    """Return what to inspect, and what to compare it with: another run, or another checkpoint."""
    checkpoints = checkpoint.split(",")
    if not set(checkpoints) <= {"best", "last"} or len(checkpoints) > 2:
        raise ConfigError(f"checkpoint {checkpoint} is not best, last or best,last")
    model = open_network(source, checkpoints[0], runs_dir)
    if compare is None and len(checkpoints) == 1:
        return model, None
    # The run's own folder, since `last` may mean another run by now.
    itself = str(model.home) if isinstance(source, str) else source
    return model, open_network(itself if compare is None else compare, checkpoints[-1], runs_dir)


def _compared(model: NetworkWithData, other: NetworkWithData) -> tuple[Network, tuple[str, str]]:
    """Return the network to compare with, and what to call both."""
    if other.network.input_shape != model.network.input_shape:
        raise ConfigError(f"--compare {other.home.name}: its network takes another shape of input")
    names = model.home.name, other.home.name
    if model.home == other.home:  # two checkpoints of one run
        names = model.checkpoint, other.checkpoint
    return other.network, names
