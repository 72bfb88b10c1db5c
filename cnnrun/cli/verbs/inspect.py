"""`cnnrun inspect`: shows what flows backward through a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnrun.cli.options import Json, Plugins, Quiet, RunsDir, load, load_plugins
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_fitting, share
from cnnrun.cli.trained import load_trained
from cnnrun.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.data import DatasetInfo, Statistics
    from cnnrun.engine import Network
    from cnnrun.engine.types import Array
    from cnnrun.inspection.inspect import Result, Subject

NAME = "inspect"
MOST_SAMPLES = 200
MOST_BYTES = 200 << 20
REFERENCE = 64
"""Samples on which the flow of gradients is measured."""


def command(
    run: Annotated[
        str, typer.Argument(metavar="RUN|CONFIG", help="A trained run, or a configuration.")
    ],
    index: Annotated[
        str | None, typer.Option(metavar="LIST", help="Samples of the split, from 0: 3,7 or 0-9.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="An image file instead; repeatable.")
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which split samples come from.")
    ] = "test",
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="Differentiate this class's score."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these: conv1,3,relu.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(metavar="LIST", help="Pictures: filters,activations,...")
    ] = None,
    max_channels: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="Drawn of each array.")
    ] = 16,
    no_png: Annotated[bool, typer.Option("--no-png", help="Arrays and figures only.")] = False,
    form: Annotated[
        Literal["npz", "safetensors"], typer.Option("--format", help="Of the arrays.")
    ] = "npz",
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, max=1024, help="Of integrated gradients, at first.")
    ] = 64,
    checkpoint: Annotated[
        str, typer.Option(help="best or last; best,last compares them.")
    ] = "best",
    compare: Annotated[
        str | None, typer.Option(metavar="RUN2", help="Show another run's maps beside these.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="By default RUN/inspect/WHAT.")
    ] = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """See activations, gradients and attribution maps of chosen samples.

    Example: cnnrun inspect last --index 3
    """
    from cnnrun.inspection.capture import choose, estimate_bytes, walk
    from cnnrun.inspection.inspect import Options, inspect

    load_plugins(plugin)
    checkpoints = checkpoint.split(",")
    if not set(checkpoints) <= {"best", "last"} or len(checkpoints) > 2:
        raise typer.BadParameter(f"{checkpoint} is not best, last or best,last")
    source = _open(run, runs_dir, checkpoints[0])
    subject, what = _subject(source, index, image, split, class_name)
    nodes = walk(subject.network)
    chosen = choose(nodes, [word.strip() for word in layers.split(",")] if layers else [])
    folder = output or source.home / "inspect" / what
    size = estimate_bytes(chosen, len(subject.x))
    if size > MOST_BYTES:
        message(
            f"warning: the arrays will take {size / (1 << 20):,.0f} MiB; --layers keeps fewer",
            quiet=quiet or json,
        )
    options = Options(
        nodes=chosen if layers else None,
        kinds=_kinds(kinds),
        most_channels=max_channels,
        pictures=not no_png,
        format=form,
        steps=steps,
        other=_other(source, checkpoints, compare, runs_dir),
    )
    result = inspect(subject, folder, options)
    if json:
        print_json(result.document)
    else:
        _show(result)
        message(f"wrote {folder}/index.html", quiet=quiet)


@dataclass(frozen=True)
class Source:
    """Where a network comes from, and what feeds it."""

    title: str
    home: Path
    experiment: Experiment
    network: Network
    info: DatasetInfo
    statistics: Statistics | None


def _open(name: str, runs_dir: Path, checkpoint: str) -> Source:
    """Return a run's network with its weights, or a configuration's with its first ones."""
    from cnnrun.config import build_network

    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        experiment = load(path)
        info = experiment.data.dataset.info(experiment.base)
        network = build_network(experiment, info)
        home = runs_dir / "untrained" / experiment.name
        return Source(f"{experiment.name}, untrained", home, experiment, network, info, None)
    trained = load_trained(name, runs_dir, checkpoint, None)
    title = f"{trained.run.name}, {checkpoint} weights"
    return Source(
        title, trained.run.folder, trained.experiment, trained.network, trained.info,
        trained.statistics,
    )  # fmt: skip


def _other(
    source: Source, checkpoints: list[str], compare: str | None, runs_dir: Path
) -> tuple[Network, tuple[str, str]] | None:
    """Return the network to compare with, and the names of both."""
    if compare is None and len(checkpoints) < 2:
        return None
    name = compare if compare is not None else source.home.name
    second = _open(
        str(source.home) if compare is None else name, runs_dir, checkpoints[-1]
    )  # fmt: skip
    if second.network.input_shape != source.network.input_shape:
        raise ConfigError(f"--compare {name}: its network takes another shape of input")
    names = ("best", "last") if compare is None else (source.home.name, second.home.name)
    return second.network, (checkpoints[0], checkpoints[1]) if compare is None else names


def _subject(
    source: Source,
    index: str | None,
    images: list[Path] | None,
    split: str,
    class_name: str | None,
) -> tuple[Subject, str]:
    """Return the samples, ready to be inspected, and what to call them in a path."""
    import numpy as np

    from cnnrun.data import load_images, prepare
    from cnnrun.inspection.capture import estimate_bytes, walk
    from cnnrun.inspection.inspect import Subject

    experiment, info = source.experiment, source.info
    data = prepare(experiment.data, experiment.seed, experiment.base, statistics=source.statistics)
    one = estimate_bytes(walk(source.network), 1)  # of the flow's samples, as many as fit
    count = min(REFERENCE, len(data.train), max(4, MOST_BYTES // one))
    reference = data.train.batch(np.arange(count))
    targets: Array | None
    if images:
        if index is not None:
            raise typer.BadParameter("give --index or --image, not both")
        pixels = load_images(images, info.image_shape)
        x = pixels.copy()
        data.statistics.normalize(x)
        targets, labels = None, tuple(path.name for path in images)
        what = "-".join(path.stem for path in images[:4])
    else:
        samples = data.samples(split)
        indices = _indices(index or "0", len(samples))
        x, targets = samples.batch(indices)
        std = np.array(data.statistics.std)
        pixels = x * std + np.array(data.statistics.mean)
        labels = tuple(f"{split} {i}" + _true(samples, i, info) for i in indices)
        what = f"{split}-{_short(indices)}"
    if targets is not None and experiment.data.targets == "inputs":
        targets = x
    classes = _classes(class_name, source.network, info, x, targets is None)
    if class_name is not None:
        what += f"-class-{class_name}"
    mean, std = (np.array(v) for v in (data.statistics.mean, data.statistics.std))
    subject = Subject(
        source.title, source.network, experiment.loss, x, targets, labels, classes, pixels,
        -mean / std, reference,
    )  # fmt: skip
    return subject, what


def _classes(
    name: str | None, network: Network, info: DatasetInfo, x: Array, unlabelled: bool
) -> Array | None:
    """Return the class of each sample whose score is differentiated; None for the loss."""
    import numpy as np

    from cnnrun.engine import Context

    if name is None and not unlabelled:
        return None
    if len(network.output_shape) != 1:
        raise ConfigError("the network has no class scores to differentiate")
    if name is None:  # an image without a label: what the network takes it for
        return np.array(network.forward(x, Context()).argmax(axis=1))
    names = list(info.class_names)
    if name in names:
        return np.full(len(x), names.index(name))
    if name.isdecimal() and int(name) < network.output_shape[0]:
        return np.full(len(x), int(name))
    raise ConfigError(f"--class {name}: no such class; there are {', '.join(names[:20])}")


def _indices(text: str, count: int) -> Any:
    """Return the samples that `3,7` or `0-9` names."""
    import numpy as np

    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"--index {text}: write it as 3,7 or 0-9")
        found += range(int(first), int(last or first) + 1)
        if len(found) > MOST_SAMPLES:
            raise ConfigError(f"--index {text}: the bound is {MOST_SAMPLES} samples")
    if not found or max(found) >= count:
        raise DataError(f"--index {text}: the split has samples 0 to {count - 1}")
    return np.array(found)


def _true(samples: Any, index: int, info: DatasetInfo) -> str:
    label = samples.labels[index]
    return f" ({info.class_names[int(label)]})" if getattr(label, "ndim", 0) == 0 else ""


def _short(indices: Any) -> str:
    text = "-".join(map(str, indices[:6]))
    return text if len(indices) <= 6 else f"{text}-and-{len(indices) - 6}-more"


def _kinds(text: str | None) -> tuple[str, ...]:
    from cnnrun.inspection.gallery import KINDS
    from cnnrun.registry import suggestion

    words = [word.strip() for word in text.split(",")] if text else list(KINDS)
    for word in words:
        if word not in KINDS:
            raise ConfigError(f"--kinds: no kind is called {word!r}; {suggestion(word, KINDS)}")
    return tuple(words)


def _show(result: Result) -> None:
    """Print the flow of gradients, the verdict, and how far to trust the attributions."""
    columns = ["layer", "|error|", "relative", "|weights|", "|gradient|", "ratio", "zeros", ""]
    rows = [
        [
            layer.layer,
            f"{layer.error_norm:.2e}",
            f"{layer.relative_error:.1e}",
            *(
                "-" if value is None else f"{value:.2e}"
                for value in (layer.weight_norm, layer.gradient_norm, layer.gradient_to_weight)
            ),
            share(layer.zeros),
            layer.words,
        ]
        for layer in result.flow.layers
    ]
    title = f"gradients of {result.document['network']}"
    print_fitting(title, columns, rows, ["|weights|", "ratio", "zeros"], left=["layer", ""])
    for line in result.flow.verdict:
        print(line)
    errors = result.attribution.completeness_error
    if errors:
        print(
            f"integrated gradients: {result.attribution.steps} steps, completeness error "
            f"{100 * max(errors):.2f}%"
        )
    for note in result.notes:
        print(f"note: {note}")
    print(f"{len(result.figures)} arrays and their figures in {result.folder}")
