"""`cnnrun inspect`: shows what flows backward through a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.options import Json, Plugins, Quiet, RunsDir, load, load_plugins
from cnnrun.cli.output import message, print_json
from cnnrun.cli.samples import MOST_BYTES, Source, choose_samples
from cnnrun.cli.tables import print_fitting, share
from cnnrun.cli.trained import load_trained
from cnnrun.errors import ConfigError

if TYPE_CHECKING:
    from cnnrun.engine import Network
    from cnnrun.inspection.inspect import Result

NAME = "inspect"


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
    subject, what = choose_samples(source, index, image, split, class_name)
    nodes = walk(subject.network)
    chosen = choose(nodes, layers.split(",") if layers else [])
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
