"""`cnnrun explain`: the lecture's equations for any geometry, generated and verified."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnrun.cli.options import Plugins, load
from cnnrun.cli.output import message
from cnnrun.errors import ConfigError

if TYPE_CHECKING:
    from cnnrun.engine import Layer
    from cnnrun.explain import Explanation

app = typer.Typer(help="The lecture's equations for any geometry.", no_args_is_help=True)

Input = Annotated[str, typer.Option("--input", metavar="HxW[xC]", help="The input's size.")]
Channels = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Channels of the input; 1 by default.")
]
Stride = Annotated[str | None, typer.Option(metavar="N or NxM", help="From window to window.")]
Padding = Annotated[str, typer.Option(metavar="valid|same|N|NxM", help="Zeros around the input.")]
Element = Annotated[
    str | None,
    typer.Option(metavar="R,C[,...]", help="Only this entry of each array, counted from 1."),
]
Numbers = Annotated[
    bool, typer.Option("--numbers", help="Put numbers beside the symbols, and verify every line.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the numbers.")]
Values = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Numbers of your own: .yaml, .json or .npz with X, F, dL/dO."
    ),
]
Format = Annotated[
    Literal["text", "markdown", "latex", "json", "html"],
    typer.Option("--format", help="Of the result."),
]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here.")
]


@app.command("conv2d")
def conv2d(
    input_size: Input = "3x3",
    filter_size: Annotated[
        str, typer.Option("--filter", metavar="N or NxM", help="The filter's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    dilation: Annotated[str, typer.Option(metavar="N or NxM", help="From tap to tap.")] = "1",
    channels: Channels = None,
    filters: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = 1,
    groups: Annotated[int, typer.Option(metavar="N", min=1, help="Of channels.")] = 1,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Convolution: every output, both gradients element by element, and as matrices.

    Example: cnnrun explain conv2d --input 3x3 --filter 2x2
    """
    from cnnrun.explain import explain_conv2d

    explanation, layer = explain_conv2d(
        _image(input_size, channels),
        _pair(filter_size, "--filter"),
        filters=filters,
        stride=_pair(stride or "1", "--stride"),
        padding=_padding(padding),
        dilation=_pair(dilation, "--dilation"),
        groups=groups,
        element=_element(element),
    )
    _finish(explanation, layer, numbers, seed, values, "json" if json else form, output)


@app.command("max_pool2d")
def max_pool2d(
    input_size: Input = "4x4",
    pool_size: Annotated[
        str, typer.Option("--pool", metavar="N or NxM", help="The window's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    channels: Channels = None,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Max pooling: where the error of each window goes.

    Example: cnnrun explain max_pool2d --input 4x4 --pool 2 --numbers
    """
    explanation, layer = _pooling(
        "max_pool2d", input_size, pool_size, stride, padding, channels, True, element
    )
    _finish(explanation, layer, numbers, seed, values, "json" if json else form, output)


@app.command("avg_pool2d")
def avg_pool2d(
    input_size: Input = "4x4",
    pool_size: Annotated[
        str, typer.Option("--pool", metavar="N or NxM", help="The window's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    channels: Channels = None,
    count_padding: Annotated[
        bool, typer.Option(help="Whether padding counts in the average.")
    ] = True,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Average pooling: the error times 1/(N*N), to the whole window.

    Example: cnnrun explain avg_pool2d --input 5x5 --pool 3 --stride 2
    """
    explanation, layer = _pooling(
        "avg_pool2d", input_size, pool_size, stride, padding, channels, count_padding, element
    )
    _finish(explanation, layer, numbers, seed, values, "json" if json else form, output)


@app.command("dense")
def dense(
    inputs: Annotated[int, typer.Option(metavar="N", min=1, help="Numbers that come in.")] = 3,
    units: Annotated[int, typer.Option(metavar="N", min=1, help="Numbers that go out.")] = 2,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """A dense layer, unit by unit, and as products of matrices.

    Example: cnnrun explain dense --inputs 3 --units 2 --numbers
    """
    from cnnrun.explain import explain_dense

    explanation, layer = explain_dense(inputs, units, element=_element(element))
    _finish(explanation, layer, numbers, seed, values, "json" if json else form, output)


@app.command("backprop")
def backprop(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Such as network[0].conv2d.filters=8"),
    ] = None,
    numbers: Annotated[
        bool,
        typer.Option("--numbers", help="Run it on its data in float64, and verify gradients."),
    ] = False,
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="With --numbers.")] = 4,
    seed: Seed = 0,
    plugin: Plugins = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The four steps of backpropagation, for the layers of a configuration.

    Example: cnnrun explain backprop configs/lenet_mnist5k.yaml --numbers
    """
    from cnnrun.config import build_network
    from cnnrun.data import prepare
    from cnnrun.explain.backprop import explain_backprop
    from cnnrun.runs.preflight import check_images

    experiment = load(config, overrides, plugin)
    x = None
    if numbers:
        data = prepare(experiment.data, experiment.seed, experiment.base)
        x = check_images(data.train, samples, seed)
    network = build_network(experiment)
    explanation = explain_backprop(network, experiment.loss, experiment.name, x=x, seed=seed)
    _emit(explanation, "json" if json else form, output)


def _pooling(
    kind: str,
    input_size: str,
    pool_size: str,
    stride: str | None,
    padding: str,
    channels: int | None,
    count_padding: bool,
    element: str | None,
) -> tuple[Explanation, Layer]:
    from cnnrun.explain import explain_pooling

    return explain_pooling(
        kind,
        _image(input_size, channels),
        _pair(pool_size, "--pool"),
        stride=_pair(stride, "--stride") if stride else None,
        padding=_padding(padding),
        count_padding=count_padding,
        element=_element(element),
    )


def _finish(
    explanation: Explanation,
    layer: Layer,
    numbers: bool,
    seed: int,
    values: Path | None,
    form: str,
    output: Path | None,
) -> None:
    """Add numbers, if they are wanted, and print or write the explanation."""
    from cnnrun.explain import add_numbers, draw
    from cnnrun.explain.values import read_values

    if values is not None:
        explanation = add_numbers(explanation, layer, read_values(values))
    elif numbers:
        explanation = add_numbers(explanation, layer, draw(layer, seed))
    _emit(explanation, form, output)


def _emit(explanation: Explanation, form: str, output: Path | None) -> None:
    from cnnrun.explain import render

    text = render(explanation, form)
    if output is None:
        print(text, end="")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    message(f"wrote {output}")


def _sizes(text: str, option: str, counts: tuple[int, ...], example: str) -> tuple[int, ...]:
    """Return numbers such as 3x4."""
    if re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5})*", text):
        sizes = tuple(int(size) for size in text.split("x"))
        if len(sizes) in counts:
            return sizes
    raise ConfigError(f"{option} {text}: write it as {example}")


def _image(text: str, channels: int | None) -> tuple[int, int, int]:
    sizes = _sizes(text, "--input", (1, 2, 3), "3x3, or 3x3x2 with channels")
    if len(sizes) == 1:
        sizes *= 2
    if len(sizes) == 3 and channels not in (None, sizes[2]):
        raise ConfigError(f"--input {text} has {sizes[2]} channels, --channels says {channels}")
    return sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else channels or 1


def _pair(text: str, option: str) -> tuple[int, int]:
    sizes = _sizes(text, option, (1, 2), "2, or 2x3 for height and width")
    return sizes[0], sizes[-1]


def _padding(text: str) -> Any:
    if text in ("valid", "same"):
        return text
    if not re.fullmatch(r"\d{1,5}(x\d{1,5})?", text):
        raise ConfigError(f"--padding {text}: write it as valid, same, 1, or 1x2")
    sizes = [int(size) for size in text.split("x")]
    return sizes[0], sizes[-1]


def _element(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*){0,3}", text):
        raise ConfigError(f"--element {text}: write it as 2,3: row and column, counted from 1")
    return tuple(int(place) for place in text.split(","))
